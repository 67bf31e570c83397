"""A stack whose middle sees chunks instead of tokens, after Hwang et al., arXiv 2507.07955.

A chunk begins where a token differs from the one before, that is where
p = (1 - cos(W_q x_t, W_k x_t-1)) / 2 is at least a half. The state of its first token stands for
the chunk, so the middle is as many times shorter as a chunk has tokens. What comes back is smoothed
by an exponential average with weights p, spread over the tokens of each chunk, multiplied by the
confidence in the choice (1 in value, its gradient alone counts), and added to the tokens' states.
Shape letters: B windows, T tokens, M chunks of the window that has most, D width.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.lm.backbone import Block, Losses, Stack, is_state_space
from trainables.lm.config import LmConfig
from trainables.lm.scan import selective_scan

SURE = 1 - 1e-4  # the highest p that the average takes, as 1 would forget with an infinite rate
RATIO_LOSS = "train/ratio_loss"


class ChunkedStack(nn.Module):
    """Outer layers on tokens around a main stack on chunks."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        width, outer, layers = cfg.backbone.dim, cfg.hnet.layers, cfg.backbone.depth
        self.chunk_tokens = cfg.hnet.chunk_tokens
        self.encoder, self.decoder = (
            nn.ModuleList(Block(cfg, is_state_space(cfg, i)) for i in numbers)
            for numbers in (range(outer), range(layers - outer, layers))
        )
        self.main = Stack(cfg, range(outer, layers - outer))
        self.query, self.key, self.around = (nn.Linear(width, width, bias=False) for _ in range(3))

    def forward(self, x: Float[Tensor, "B T D"], causal: bool) -> tuple[Tensor, Losses]:
        """Hidden states of all tokens, and the loss that keeps chunks at their size.

        Raises:
            ValueError: When it is asked to look at both sides.
        """
        if not causal:
            raise ValueError("hnet.layers must be 0 where tokens see both sides; got chunks")
        x0 = x
        for block in self.encoder:
            x = block(x, x0, causal)
        begins, share = self.boundaries(x)
        x = self._through_chunks(x, begins, share) + self.around(x)
        for block in self.decoder:
            x = block(x, x0, causal)
        return x, {RATIO_LOSS: ratio_loss(begins, share, self.chunk_tokens)}

    def boundaries(
        self, x: Float[Tensor, "B T D"]
    ) -> tuple[Bool[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Where a chunk begins, always at the first token, and p."""
        alike = F.cosine_similarity(self.query(x[:, 1:]), self.key(x[:, :-1]), dim=-1)
        share = F.pad(((1 - alike) / 2).clamp(0, 1), (1, 0), value=1.0)
        return share >= 0.5, share

    def chunk_length(self, x: Float[Tensor, "B T D"]) -> float:
        """Tokens to a chunk, from the same embeddings that the stack begins with."""
        x0 = x
        for block in self.encoder:
            x = block(x, x0, True)
        return 1 / float(self.boundaries(x)[0].float().mean())

    def _through_chunks(self, x: Tensor, begins: Tensor, share: Tensor) -> Float[Tensor, "B T D"]:
        longest = int(begins.sum(1).max())
        # Positions of the beginnings in order; what fills up a shorter window comes after them,
        # where a causal stack lets nothing of it through.
        firsts = (~begins).int().argsort(stable=True)[:, :longest]
        chunks, _ = self.main(_taken(x, firsts), True)
        smooth = average(chunks, share.gather(1, firsts))
        confidence = torch.where(begins, share, 1 - share)
        confidence = confidence + (1 - confidence).detach()
        return _taken(smooth, begins.cumsum(1) - 1) * confidence.unsqueeze(-1)


def average(x: Float[Tensor, "B M D"], share: Float[Tensor, "B M"]) -> Float[Tensor, "B M D"]:
    """z_t = p_t x_t + (1 - p_t) z_t-1 from z = 0, as a selective scan of one state."""
    x, share = x.float(), share.float().clamp(max=SURE).unsqueeze(-1)
    ones = torch.ones_like(share)
    rate = -torch.log1p(-share).expand_as(x)
    return selective_scan(share * x, rate, -x.new_ones(1, x.shape[-1]), ones, ones)


def ratio_loss(
    begins: Bool[Tensor, "B T"], share: Float[Tensor, "B T"], chunk_tokens: float
) -> Float[Tensor, ""]:
    """1 where one token in `chunk_tokens` begins a chunk and p says so; more elsewhere."""
    hard, soft, n = begins.float().mean(), share.mean(), chunk_tokens
    return n / (n - 1) * ((n - 1) * hard * soft + (1 - hard) * (1 - soft))


def _taken(x: Tensor, positions: Tensor) -> Tensor:
    return x.gather(1, positions.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
