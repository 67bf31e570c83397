"""A plain DiT in PyTorch, to time ours beside it; nothing trains with it.

The block of facebookresearch/DiT models.py@00d70ac (arXiv 2212.09748): attention and MLP of timm
behind layer norms that time scales and shifts, each with a gate. What ours has besides, a look at
the conditions, it has as PixArt-alpha does (arXiv 2310.00426, section 2.2): without norm or gate,
between the two; so both have as many weights in a block and as many products to compute.
Shape letters: B portraits, H and W pixels, N tokens, M tokens of conditions, D width.
"""

import torch
from timm.layers import Mlp
from timm.models.vision_transformer import Attention
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.portrait.config import PortraitConfig
from trainables.portrait.network.conditions import TimeEmbedding, Widths
from trainables.portrait.network.dit import positions
from trainables.portrait.portraits import Conditions


def paced(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Tokens scaled and shifted, alike in each portrait."""
    return x * (1 + scale[:, None]) + shift[:, None]


class Look(nn.Module):
    """Tokens of the picture look at the conditions."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.seen = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, seen: Tensor, mask: Tensor) -> Tensor:
        """What each found, B N D."""
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = self.seen(seen).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(query, key, value, mask[:, None, None])
        return self.out(found.transpose(1, 2).flatten(2))


class PlainBlock(nn.Module):
    """Attention, a look at the conditions where there are any, and an MLP."""

    def __init__(self, width: int, heads: int, mlp_ratio: float, looks: bool):
        super().__init__()
        self.norms = nn.ModuleList(
            nn.LayerNorm(width, elementwise_affine=False, eps=1e-6) for _ in range(2)
        )
        self.attention = Attention(width, num_heads=heads, qkv_bias=True)
        self.look = Look(width, heads) if looks else None
        gelu = nn.GELU(approximate="tanh")
        self.mlp = Mlp(width, int(width * mlp_ratio), act_layer=lambda: gelu)
        self.pace = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, clock: Tensor, seen: Tensor, mask: Tensor) -> Tensor:
        """The tokens one block further."""
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = self.pace(clock).chunk(6, 1)
        x = x + gate[:, None] * self.attention(paced(self.norms[0](x), shift, scale))
        if self.look is not None:
            x = x + self.look(x, seen, mask)
        return x + gate_mlp[:, None] * self.mlp(paced(self.norms[1](x), shift_mlp, scale_mlp))


class PlainDit(nn.Module):
    """As wide and deep as a config says, for conditions of these widths."""

    def __init__(self, cfg: PortraitConfig, widths: Widths, looks: bool):
        super().__init__()
        model = cfg.model
        self.patch = nn.Conv2d(3, model.hidden, model.patch, model.patch)
        self.time = TimeEmbedding(model.hidden)
        self.whole = nn.Linear(widths.whole, model.hidden)
        self.text = nn.Linear(widths.text, model.hidden) if looks else None
        self.patches = nn.Linear(widths.patches, model.hidden) if looks else None
        self.pose = nn.Linear(3, model.hidden) if looks else None
        self.blocks = nn.ModuleList(
            PlainBlock(model.hidden, model.heads, model.mlp_ratio, looks)
            for _ in range(model.depth)
        )
        self.norm = nn.LayerNorm(model.hidden, elementwise_affine=False, eps=1e-6)
        self.pace = nn.Sequential(nn.SiLU(), nn.Linear(model.hidden, 2 * model.hidden))
        self.final = nn.Linear(model.hidden, 3 * model.patch**2)

    def forward(self, z: Tensor, t: Tensor, held: Conditions) -> Tensor:
        """A number for each pixel of each channel, B 3 H W."""
        side = self.patch.kernel_size[0]
        grid = z.shape[2] // side, z.shape[3] // side
        x = self.patch(z).flatten(2).mT
        x = x + positions(grid, x.shape[2], x.device)
        clock = self.time(t) + self.whole(held.whole)
        seen, mask = self._seen(held, clock)
        for block in self.blocks:
            x = block(x, clock, seen, mask)
        x = self.final(paced(self.norm(x), *self.pace(clock).chunk(2, 1)))
        squares = x.view(len(x), *grid, side, side, 3)
        return torch.einsum("nhwpqc->nchpwq", squares).reshape(z.shape)

    def _seen(self, held: Conditions, clock: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of conditions, B M D, and which may be looked at."""
        if self.text is None or self.patches is None or self.pose is None:
            return clock, clock
        rest = [clock[:, None], self.patches(held.patches), self.pose(held.pose)]
        beyond = sum(part.shape[1] for part in rest)
        mask = F.pad(held.text_mask, (0, beyond), value=True)
        return torch.cat([self.text(held.text), *rest], 1), mask
