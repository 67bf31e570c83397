"""The plain decoder-only transformer that every language model here is a change of.

After openai/parameter-golf, train_gpt.py: pre-norm without gains, grouped queries normalised per
head, rotary positions, ReLU squared, branches that open from zero, and a U: outputs of the first
half of the layers return, last first, as weighted skips to the second half. With 9 layers of width
512, 1,024 pieces and tied embeddings it has 17,059,912 parameters.
Shape letters: B windows, T tokens, D width, H heads, G heads of keys and values, E width of a head.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.lm.adapters import linear
from trainables.lm.config import LmConfig
from trainables.lm.ssm import StateSpace

Losses = dict[str, Tensor]


def rms_norm(x: Tensor) -> Tensor:
    """Scaled to a mean square of 1 along the last axis; there is no gain."""
    return F.rms_norm(x, x.shape[-1:])


@lru_cache(maxsize=8)
def rotary_tables(
    tokens: int, width: int, base: float, device: torch.device
) -> tuple[Float[Tensor, "T half"], Float[Tensor, "T half"]]:
    """Cosines and sines of each position's angles."""
    rates = base ** (-torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(tokens, device=device)[:, None] * rates
    return angles.cos(), angles.sin()


def rotate(x: Float[Tensor, "B H T E"], base: float, width: int) -> Float[Tensor, "B H T E"]:
    """Rotary positions on the first `width` of the head; its halves are the pairs' two parts."""
    turned, rest = x[..., :width], x[..., width:]
    cos, sin = (t.to(x.dtype) for t in rotary_tables(x.shape[-2], width, base, x.device))
    one, two = turned.chunk(2, -1)
    return torch.cat((one * cos + two * sin, two * cos - one * sin, rest), -1)


class Attention(nn.Module):
    """Grouped-query attention; what it adds is zero at the start."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        shape = cfg.backbone
        self.heads, self.kv_heads, self.base = shape.heads, shape.kv_heads, shape.rope_base
        self.head_width = shape.dim // shape.heads
        self.q = linear(cfg, shape.dim, shape.dim)
        self.k = linear(cfg, shape.dim, shape.kv_heads * self.head_width)
        self.v = linear(cfg, shape.dim, shape.kv_heads * self.head_width)
        self.out = linear(cfg, shape.dim, shape.dim)
        self.q_gain = nn.Parameter(torch.empty(shape.heads, 1, 1))

    def forward(self, x: Float[Tensor, "B T D"], causal: bool) -> Float[Tensor, "B T D"]:
        """Each token's mix of the tokens up to it, or of all where not causal."""
        q = self._heads(self.q(x), self.heads)
        k, v = (self._heads(part(x), self.kv_heads) for part in (self.k, self.v))
        q, k = (rotate(rms_norm(y), self.base, self.head_width) for y in (q, k))
        many = self.heads // self.kv_heads
        k, v = (y.repeat_interleave(many, 1) for y in (k, v))
        mixed = F.scaled_dot_product_attention(q * self.q_gain.to(q.dtype), k, v, is_causal=causal)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor, heads: int) -> Tensor:
        return x.unflatten(-1, (heads, self.head_width)).transpose(1, 2)


class Mlp(nn.Module):
    """Two linear maps with ReLU squared between, or its leaky and scaled form."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        width = cfg.backbone.dim
        hidden = cfg.backbone.mlp_factor * width
        self.up = linear(cfg, width, hidden)
        self.down = linear(cfg, hidden, width)
        self.slope = cfg.leaky.slope if cfg.leaky.enabled else 0.0
        if cfg.leaky.enabled:
            self.scale = nn.Parameter(torch.empty(hidden))
            self.shift = nn.Parameter(torch.empty(hidden))

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Each token by itself."""
        if not self.slope:
            return self.down(F.relu(self.up(x)).square())
        hidden = F.leaky_relu(self.up(x), self.slope).square()
        return self.down(hidden * self.scale + self.shift)


class Block(nn.Module):
    """A token mixer and an MLP, each a scaled branch; the embedding is mixed in before both."""

    def __init__(self, cfg: LmConfig, state_space: bool = False):
        super().__init__()
        width = cfg.backbone.dim
        self.mix = nn.Parameter(torch.empty(2, width))
        self.mixer_scale = nn.Parameter(torch.empty(width))
        self.mlp_scale = nn.Parameter(torch.empty(width))
        self.mixer = StateSpace(cfg) if state_space else Attention(cfg)
        self.mlp = Mlp(cfg)

    def forward(
        self, x: Float[Tensor, "B T D"], x0: Float[Tensor, "B T D"], causal: bool
    ) -> Float[Tensor, "B T D"]:
        """One layer; `x0` is what the stack began with."""
        x = self.mix[0] * x + self.mix[1] * x0
        x = x + self.mixer_scale * self.mixer(rms_norm(x), causal)
        return x + self.mlp_scale * self.mlp(rms_norm(x))


class Stack(nn.Module):
    """The layers as a U."""

    def __init__(self, cfg: LmConfig, layers: Sequence[int]):
        """The layers with these numbers; the number says whether a layer is of a state space."""
        super().__init__()
        self.blocks = nn.ModuleList(Block(cfg, is_state_space(cfg, i)) for i in layers)
        self.skip_weights = nn.Parameter(torch.empty(len(layers) // 2, cfg.backbone.dim))

    def forward(self, x: Float[Tensor, "B T D"], causal: bool) -> tuple[Tensor, Losses]:
        """Hidden states after the last layer, not normalised; there are no further losses."""
        x0, skips, half = x, [], len(self.skip_weights)
        for number, block in enumerate(self.blocks):
            if number >= half and skips:
                x = x + self.skip_weights[number - half] * skips.pop()
            x = block(x, x0, causal)
            if number < half:
                skips.append(x)
        return x, {}


def is_state_space(cfg: LmConfig, layer: int) -> bool:
    """Whether the layer mixes tokens by a state space; every (ratio + 1)-th is of attention."""
    return layer % (cfg.ssm.ratio + 1) != cfg.ssm.ratio
