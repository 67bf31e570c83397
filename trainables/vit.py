"""A plain vision transformer with registers, as the lung-CT study describes it.

Pre-norm blocks after Dosovitskiy et al., arXiv 2010.11929; registers after Darcet et al., arXiv
2309.16588, but appended behind the patches, as DINO-X does. Sizes are those of studies 2.1.
Shape letters: B images, S image side in pixels, P tokens without registers, T tokens (CLS, patches,
registers), D width.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class ViTConfig:
    """The size of the backbone."""

    image_px: int = 40
    patch_px: int = 8
    dim: int = 64
    depth: int = 3
    heads: int = 2
    mlp_ratio: int = 4  # hidden width of the MLP over dim
    registers: int = 4
    checkpointing: bool = False  # recompute blocks in the backward pass to save memory
    spacing_embedding: bool = False  # tell the network how far apart voxels are

    def __post_init__(self) -> None:
        if self.image_px % self.patch_px:
            raise ValueError(
                f"vit.image_px must be a multiple of vit.patch_px, got {self.image_px} and "
                f"{self.patch_px}; change one"
            )
        if self.dim % self.heads:
            raise ValueError(
                f"vit.dim must be a multiple of vit.heads, got {self.dim} and {self.heads}; "
                "change one"
            )

    @property
    def patches(self) -> int:
        """Patch tokens of one image."""
        return (self.image_px // self.patch_px) ** 2


VIT_LAB = ViTConfig()
VIT_TINY = ViTConfig(image_px=224, patch_px=14, dim=192, depth=12, heads=3)
VIT_SMALL = ViTConfig(image_px=224, patch_px=14, dim=384, depth=12, heads=6)
VIT_LARGE = ViTConfig(image_px=224, patch_px=14, dim=1024, depth=24, heads=16, checkpointing=True)


class Attention(nn.Module):
    """Multi-head self-attention over all tokens."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Each token as a mixture of all tokens' values."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*qkv.unbind())
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, then an MLP, each on normalised input and added to the residual stream."""

    def __init__(self, cfg: ViTConfig):
        super().__init__()
        hidden = cfg.mlp_ratio * cfg.dim
        self.norm1 = nn.LayerNorm(cfg.dim)
        self.attention = Attention(cfg.dim, cfg.heads)
        self.norm2 = nn.LayerNorm(cfg.dim)
        self.mlp = nn.Sequential(nn.Linear(cfg.dim, hidden), nn.GELU(), nn.Linear(hidden, cfg.dim))

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Mix tokens, then channels."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def through(
    blocks: Iterable[nn.Module], x: Float[Tensor, "B T D"], checkpointing: bool
) -> Float[Tensor, "B T D"]:
    """Tokens behind all blocks, with or without keeping what the backward pass can recompute."""
    for block in blocks:
        if checkpointing and torch.is_grad_enabled():
            x = checkpoint(block, x, use_reentrant=False, preserve_rng_state=False)
        else:
            x = block(x)
    return x


class SpacingEmbedding(nn.Module):
    """Voxel spacing as one vector, which starts from zero.

    As in DINO-X (zoo/arch.py @9b34237) the last layer starts from zero but is normalised: once its
    weights are of the order of .003, tokens are moved by about 1 in each dimension, ten times what
    positions do, whatever the size of the weights.
    """

    def __init__(self, dim: int):
        super().__init__()
        hidden = max(dim // 4, 16)
        self.hidden = nn.Linear(3, hidden)
        self.out = nn.Linear(hidden, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, spacing_mm: Float[Tensor, "B 3"]) -> Float[Tensor, "B 1 D"]:
        """What is added to CLS and patches; millimetres go in as they are, not their logarithms."""
        return self.norm(self.out(F.gelu(self.hidden(spacing_mm))))[:, None]


class VisionTransformer(nn.Module):
    """Images to tokens; its parameters hold no values until `initialise` has filled them."""

    def __init__(self, cfg: ViTConfig):
        super().__init__()
        self.cfg = cfg
        self.patches = nn.Conv2d(3, cfg.dim, cfg.patch_px, cfg.patch_px)
        self.cls = nn.Parameter(torch.empty(1, 1, cfg.dim))
        self.position = nn.Parameter(torch.empty(1, 1 + cfg.patches, cfg.dim))
        self.registers = nn.Parameter(torch.empty(1, cfg.registers, cfg.dim))
        self.blocks = nn.ModuleList(Block(cfg) for _ in range(cfg.depth))
        self.norm = nn.LayerNorm(cfg.dim)
        self.spacing = SpacingEmbedding(cfg.dim) if cfg.spacing_embedding else None

    def forward(
        self, images: Float[Tensor, "B 3 S S"], spacing_mm: Float[Tensor, "B 3"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """Normalised tokens: CLS first, patches row by row, registers last."""
        return self.encode(self.embed(images, spacing_mm))

    def embed(
        self, images: Float[Tensor, "B 3 S S"], spacing_mm: Float[Tensor, "B 3"] | None = None
    ) -> Float[Tensor, "B P D"]:
        """CLS and patches with their positions, before the first block.

        Args:
            images: Views.
            spacing_mm: Along z, rows and columns; read with `spacing_embedding` alone.

        Raises:
            ValueError: When the spacing is needed and not given.
        """
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls.expand(len(x), -1, -1), x), 1) + self.position
        if self.spacing is None:
            return x
        if spacing_mm is None:
            raise ValueError(
                "vit.spacing_embedding: every image must come with its spacing_mm, got none; give "
                "it or switch the embedding off"
            )
        return x + self.spacing(spacing_mm)

    def encode(self, x: Float[Tensor, "B P D"]) -> Float[Tensor, "B T D"]:
        """Embedded tokens, of which some may be left out, and registers behind all blocks."""
        x = torch.cat((x, self.registers.expand(len(x), -1, -1)), 1)
        return self.norm(through(self.blocks, x, self.cfg.checkpointing))


def documented_init(name: str, parameter: Tensor, generator: Generator) -> None:
    """DINO-X's start (zoo/arch.py @9b34237): xavier for linear layers, small normals for tokens."""
    if "norm" in name:
        parameter.fill_(1.0 if name.endswith("weight") else 0.0)
    elif name.endswith("position"):
        nn.init.trunc_normal_(parameter, std=0.1, generator=generator)
    elif name.endswith(("cls", "registers", "patches.weight")):
        nn.init.trunc_normal_(parameter, std=0.02, generator=generator)
    elif name.endswith(("bias", "spacing.out.weight")):
        parameter.zero_()
    else:
        nn.init.xavier_uniform_(parameter, generator=generator)
