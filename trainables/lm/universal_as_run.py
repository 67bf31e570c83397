"""The universal transformer as openai/parameter-golf #1193 ran it, with what hindered it.

Besides one block in common it has eight KV heads, an MLP of 3.5 widths with LeakyReLU squared, an
embedding of hashed pairs of tokens, a gate that smears the previous position in, rotary positions
on a quarter of each head, heads without their component along their own value, and a factor
1 / sqrt(i + 1) at iteration i. Weights are masked by magnitude, 90 % at first, and rounded to six
bits whenever the learning rate's factor is below .15, which at 200 steps of a warm-down of 6,000 it
always is. The block's own three scales are parameters that nothing uses. Two losses of the script
cannot begin within 200 steps and are left out. So is its average of weights (.9985 a step): nothing
says that it was what was scored. 4,528,136 + 3,072 N parameters at the documented size.
Shape letters: B windows, T tokens, D width, H heads, E width of a head, O outputs, F inputs.
"""

from math import cos, pi

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.lm.backbone import Losses, rms_norm, rotate
from trainables.lm.config import LmConfig

PAIRS, PAIR_WIDTH, PAIR_FACTOR = 8192, 128, 1009  # buckets of hashed pairs, their width, the hash
MLP_WIDTHS = 3.5  # hidden width over width: 1,792 of 512
SPARSITY, DENSE_AT = 0.9, 0.6  # at the start; the share of the run after which nothing is masked
REFRESHES = 2  # of the masks in a run: documented every 100 of 200 steps
COARSE_BELOW, LEVELS = 0.15, 31  # of the learning rate's factor; of six bits
ROTARY_SHARE = 4  # a quarter of each head turns
DEPTH_STD = 0.02


class CoarseLinear(nn.Linear):
    """A linear map with a mask on its weights, which are rounded to six bits."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, bias=False)
        self.coarse = True
        self.kept: Tensor
        self.register_buffer("kept", torch.empty(outputs, inputs, dtype=torch.bool))

    def forward(self, input: Float[Tensor, "*B F"]) -> Float[Tensor, "*B O"]:
        """The map; gradients pass the rounding as if it were not there."""
        weight = self.weight * self.kept
        if self.coarse:
            step = weight.detach().abs().amax(1, keepdim=True).clamp(min=1e-12) / LEVELS
            weight = weight + ((weight / step).round() * step - weight).detach()
        return F.linear(input, weight)


class CoarseBlock(nn.Module):
    """The block that all iterations share."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        width, hidden = cfg.backbone.dim, int(MLP_WIDTHS * cfg.backbone.dim)
        self.heads, self.base = cfg.backbone.heads, cfg.backbone.rope_base
        self.slope = cfg.leaky.slope
        self.q, self.k, self.v, self.out = (CoarseLinear(width, width) for _ in range(4))
        self.up, self.down = CoarseLinear(width, hidden), CoarseLinear(hidden, width)
        self.scale, self.shift = (nn.Parameter(torch.empty(hidden)) for _ in range(2))
        self.q_gain = nn.Parameter(torch.empty(self.heads, 1, 1))
        self.mix = nn.Parameter(torch.empty(2, width))  # from here on nothing is used
        self.mixer_scale, self.mlp_scale = (nn.Parameter(torch.empty(width)) for _ in range(2))

    def attend(self, x: Float[Tensor, "B T D"], causal: bool) -> Float[Tensor, "B T D"]:
        """Attention without each head's component along its own value."""
        heads = (self.heads, x.shape[-1] // self.heads)
        q, k, v = (
            part(x).unflatten(-1, heads).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        turned = 2 * (heads[1] // (2 * ROTARY_SHARE)) or 2
        q, k = (rotate(rms_norm(y), self.base, turned) for y in (q, k))
        mixed = F.scaled_dot_product_attention(q * self.q_gain, k, v, is_causal=causal)
        own = F.normalize(v, dim=-1)
        mixed = mixed - (mixed * own).sum(-1, keepdim=True) * own
        return self.out(mixed.transpose(1, 2).flatten(2))

    def feed(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """The MLP."""
        hidden = F.leaky_relu(self.up(x), self.slope).square()
        return self.down(hidden * self.scale + self.shift)


class UniversalAsRun(nn.Module):
    """Iterations of one block as an encoder and a decoder with gated skips."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        count, width = cfg.universal.iterations, cfg.backbone.dim
        self.block = CoarseBlock(cfg)
        self.pairs = nn.Parameter(torch.empty(PAIRS, PAIR_WIDTH))
        self.pair_out = nn.Linear(PAIR_WIDTH, width, bias=False)
        self.smear = nn.Parameter(torch.empty(width))
        self.depth_embedding = nn.Parameter(torch.empty(count, width))
        self.iteration_mixer_scale, self.iteration_mlp_scale = (
            nn.Parameter(torch.empty(count, width)) for _ in range(2)
        )
        self.iteration_mix = nn.Parameter(torch.empty(count, 2, width))
        self.skip_weights, self.skip_gate = (
            nn.Parameter(torch.empty(count // 2, width)) for _ in range(2)
        )

    def embed(
        self, x: Float[Tensor, "B T D"], tokens: Int64[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        """Adds the hashed pair of each token and the one before, then smears that one in."""
        previous = F.pad(tokens, (1, 0))[:, :-1]
        x = x + self.pair_out(F.embedding((previous * PAIR_FACTOR + tokens) % PAIRS, self.pairs))
        before = F.pad(x, (0, 0, 1, 0))[:, :-1]
        gate = self.smear.sigmoid()
        return (1 - gate) * x + gate * before

    def forward(self, x: Float[Tensor, "B T D"], causal: bool) -> tuple[Tensor, Losses]:
        """Hidden states after the last iteration; there are no further losses."""
        x0, skips, half = x, [], len(self.skip_weights)
        for i, (depth, mixer_scale, mlp_scale, mix) in enumerate(self._iterations()):
            if i >= half and skips:
                gate = self.skip_gate[i - half].sigmoid()
                x = gate * x + (1 - gate) * self.skip_weights[i - half] * skips.pop()
            x = mix[0] * x + mix[1] * x0 + depth
            x = x + mixer_scale * self.block.attend(rms_norm(x) * (i + 1) ** -0.5, causal)
            x = x + mlp_scale * self.block.feed(rms_norm(x) * (i + 1) ** -0.5)
            if i < half:
                skips.append(x)
        return x, {}

    def tell(self, lr_factor: float) -> None:
        """Weights are rounded by how low the learning rate is."""
        for module in self._maps():
            module.coarse = lr_factor < COARSE_BELOW

    @torch.no_grad()
    def refresh(self, step: int, steps: int) -> None:
        """Draws the masks anew, twice in a run."""
        if step % max(1, steps // REFRESHES) == 0:
            for module in self._maps():
                module.kept.copy_(_largest(module.weight, sparsity(step / steps)))

    def _maps(self) -> list[CoarseLinear]:
        return [module for module in self.modules() if isinstance(module, CoarseLinear)]

    def _iterations(self) -> zip:
        parts = (self.iteration_mixer_scale, self.iteration_mlp_scale, self.iteration_mix)
        return zip(self.depth_embedding, *parts, strict=True)


def sparsity(share: float) -> float:
    """The share of weights that are masked, by the share of the run that is done."""
    return SPARSITY * (1 + cos(pi * min(1.0, share / DENSE_AT))) / 2


def _largest(weight: Float[Tensor, "O F"], masked: float) -> Bool[Tensor, "O F"]:
    """Where the weights are that are kept, by magnitude; all of a map that is zero are."""
    drop = int(masked * weight.numel())
    return weight.abs() >= weight.abs().flatten().kthvalue(drop + 1).values
