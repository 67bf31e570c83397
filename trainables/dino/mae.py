"""Masked autoencoding: a small transformer paints the patches that the encoder did not see.

After He et al., arXiv 2111.06377: the encoder gets CLS, the visible patches and its registers, the
decoder gets CLS, the visible patches and one learned token for each masked one, and only masked
patches are judged. timlawrenz/DINO-X@9b34237 (phase5_big_run.py) does the same but for two things:
it leaves the registers out and asks for plain pixels, which `normalise_target` can restore.
Shape letters: X images, S image side in pixels, P patches of an image, V of them visible, M of them
masked, W = V + 1 tokens with CLS, D width of the encoder, C values of a patch.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from trainables.vit import Block, VisionTransformer, ViTConfig, documented_init, through


@dataclass(frozen=True, kw_only=True, slots=True)
class MaeConfig:
    """How much is masked, and the size of the decoder; read where `loss.mae_weight` is above 0."""

    mask_fraction: float = 0.75  # of an image's patches
    dim: int = 512
    depth: int = 8
    heads: int = 16
    normalise_target: bool = True  # each patch to mean 0 and variance 1, as He et al. found better

    def __post_init__(self) -> None:
        if not 0 < self.mask_fraction < 1:
            raise ValueError(f"mae.mask_fraction must be in (0, 1), got {self.mask_fraction}")
        if self.dim % 4 or self.dim % self.heads:
            raise ValueError(
                f"mae.dim must be a multiple of 4 and of mae.heads, got {self.dim} and "
                f"{self.heads}; change one"
            )

    def visible(self, patches: int) -> int:
        """How many of an image's patches the encoder sees.

        Raises:
            ValueError: When it sees none.
        """
        count = int(
            round(patches * (1 - self.mask_fraction), 6)
        )  # 10 (1 - .9) is .9999999999999998
        if not count:
            raise ValueError(
                f"mae.mask_fraction must leave one of {patches} patches visible at least, got "
                f"{self.mask_fraction}; lower it or vit.patch_px"
            )
        return count


class Decoder(nn.Module):
    """Tokens of visible patches to the pixels of masked ones."""

    def __init__(self, cfg: MaeConfig, vit: ViTConfig):
        super().__init__()
        self.checkpointing = vit.checkpointing
        block = ViTConfig(dim=cfg.dim, depth=cfg.depth, heads=cfg.heads)
        self.embed = nn.Linear(vit.dim, cfg.dim)
        self.mask = nn.Parameter(torch.empty(1, 1, cfg.dim))
        self.blocks = nn.ModuleList(Block(block) for _ in range(cfg.depth))
        self.norm = nn.LayerNorm(cfg.dim)
        self.pixels = nn.Linear(cfg.dim, 3 * vit.patch_px**2)

    def forward(
        self, seen: Float[Tensor, "X W D"], order: Int64[Tensor, "X P"]
    ) -> Float[Tensor, "X M C"]:
        """Pixels of the masked patches, from CLS and the visible patches; `order` has these first.

        The tokens stay in that order, since only their positions tell a transformer the place.
        """
        x = self.embed(seen)
        cls, visible = x[:, :1], x[:, 1:]
        masked = self.mask.expand(len(x), order.shape[1] - visible.shape[1], -1)
        places = positions(round(order.shape[1] ** 0.5), x.shape[-1], x.device)
        patches = torch.cat((visible, masked), 1) + places[order]
        x = through(self.blocks, torch.cat((cls, patches), 1), self.checkpointing)
        return self.pixels(self.norm(x[:, -masked.shape[1] :]))


@lru_cache(maxsize=4)
def positions(side: int, dim: int, device: torch.device) -> Float[Tensor, "{side}**2 {dim}"]:
    """Sines and cosines of column, then row, of a square's patches, row by row."""
    rate = 10_000.0 ** -(torch.arange(dim // 4) / (dim // 4))
    angle = torch.arange(side)[:, None] * rate
    along = torch.cat((angle.sin(), angle.cos()), 1)
    return torch.cat((along.repeat(side, 1), along.repeat_interleave(side, 0)), 1).to(device)


def decoder_init(name: str, parameter: Tensor, generator: Generator) -> None:
    """DINO-X's start of the decoder: the mask token a small normal, the rest as the encoder's."""
    if name == "mask":
        nn.init.normal_(parameter, std=0.02, generator=generator)
    else:
        documented_init(name, parameter, generator)


def patch_pixels(images: Float[Tensor, "X 3 S S"], patch_px: int) -> Float[Tensor, "X P C"]:
    """The values of each patch, patches row by row."""
    return F.unfold(images, patch_px, stride=patch_px).mT


def mae_loss(
    encoder: VisionTransformer,
    decoder: Decoder,
    images: Float[Tensor, "X 3 S S"],
    noise: Float[Tensor, "X P"],
    cfg: MaeConfig,
    spacing_mm: Float[Tensor, "X 3"] | None = None,
) -> Float[Tensor, ""]:
    """Mean squared error over the masked patches: those whose noise is not among the lowest."""
    count = cfg.visible(noise.shape[1])
    order = noise.argsort(stable=True)
    tokens = encoder.embed(images, spacing_mm)
    seen = torch.cat((tokens[:, :1], _at(tokens[:, 1:], order[:, :count])), 1)
    painted = decoder(encoder.encode(seen)[:, : count + 1], order)
    target = _at(patch_pixels(images, encoder.cfg.patch_px), order[:, count:])
    if cfg.normalise_target:
        spread, mean = torch.var_mean(target, -1, keepdim=True)
        target = (target - mean) / (spread + 1e-6).sqrt()
    return F.mse_loss(painted.float(), target)


def _at(x: Float[Tensor, "X P C"], rows: Int64[Tensor, "X V"]) -> Float[Tensor, "X V C"]:
    """Of each image the given rows."""
    return x.gather(1, rows[..., None].expand(-1, -1, x.shape[-1]))
