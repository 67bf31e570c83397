"""One block applied many times, after Dehghani et al., arXiv 1807.03819.

The plain baseline's block with weights in common to all iterations; an iteration has its own
embedding, which tells the block how deep it is, and its own scales of the two branches. There is no
U: each iteration sees what the last one left.
Shape letters: B windows, T tokens, D width, N iterations.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trainables.lm.backbone import Block, Losses
from trainables.lm.config import LmConfig


class Universal(nn.Module):
    """A stack of one block."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        shape = (cfg.universal.iterations, cfg.backbone.dim)
        self.block = Block(cfg)
        self.depth_embedding = nn.Parameter(torch.empty(shape))
        self.branch_scale = nn.Parameter(torch.empty(shape))

    def forward(self, x: Float[Tensor, "B T D"], causal: bool) -> tuple[Tensor, Losses]:
        """Hidden states after the last iteration; there are no further losses."""
        x0 = x
        for embedding, scale in zip(self.depth_embedding, self.branch_scale, strict=True):
            x = x + scale * (self.block(x + embedding, x0, causal) - x)
        return x, {}
