"""Frozen features of nodules, and what shape they have.

Shape letters: K nodules, Z slices around a nodule, T tokens, D width of the backbone, F width of
the feature.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from trainables.ct.nodules import Candidates, around, crops
from trainables.ct.phantom import HU_RANGE
from trainables.ct.slices import Slices
from trainables.dino.metrics import active_dims, mean_cosine
from trainables.vit import VisionTransformer


@dataclass(frozen=True, kw_only=True, slots=True)
class FeaturesConfig:
    """What the probe is given of a nodule."""

    token: Literal["cls", "patch", "both"] = "cls"  # patch: the mean over patch tokens
    reach: int = 0  # slices on each side of the central one; each has its neighbours as channels
    pool: Literal["mean", "max"] = "mean"  # over these slices
    level_hu: float = 0.0  # center of the window
    width_hu: float = 1200.0
    batch: int = 64  # images at once

    def __post_init__(self) -> None:
        if self.token not in ("cls", "patch", "both") or self.pool not in ("mean", "max"):
            raise ValueError(
                "features: token must be 'cls', 'patch' or 'both' and pool 'mean' or 'max', got "
                f"{self.token!r} and {self.pool!r}"
            )
        if self.reach < 0 or self.width_hu <= 0 or self.batch < 1:
            raise ValueError(
                "features: reach >= 0, width_hu > 0 and batch >= 1 must hold, got "
                f"{self.reach}, {self.width_hu} and {self.batch}"
            )

    def width(self, dim: int) -> int:
        """F, for a backbone of that width."""
        return 2 * dim if self.token == "both" else dim


@torch.no_grad()
def features(
    backbone: VisionTransformer,
    slices: Slices,
    candidates: Candidates,
    which: Int64[Tensor, " K"],
    crop_px: int,
    cfg: FeaturesConfig,
) -> tuple[Float[Tensor, "K F"], Float[Tensor, ""]]:
    """Features of some candidates, and the mean of their token Gram matrices.

    The latter is DINO-X's monitor (phase5_big_run.py @9b34237, "Output Gram"): the mean cosine of
    two patch tokens of one image, a token with itself included; at 1 all tokens are the same. There
    it is of the first image of a batch, here the mean over all.
    """
    device, vit = backbone.cls.device, backbone.cfg
    parts, gram = [], torch.zeros((), device=device)
    for some in which.split(max(1, cfg.batch // (2 * cfg.reach + 1))):
        rows = around(slices, candidates.row[some], cfg.reach)
        images = crops(
            slices, rows, candidates.y[some], candidates.x[some],
            crop_px, vit.image_px, cfg.level_hu, cfg.width_hu,
        ).to(device)  # fmt: skip
        tokens = backbone(images.flatten(0, 1)).float()
        patches = tokens[:, 1 : 1 + vit.patches]
        gram += F.normalize(patches, dim=-1).mean(1).square().sum() / rows.shape[1]
        kinds = {"cls": [tokens[:, 0]], "patch": [patches.mean(1)]}
        kinds["both"] = kinds["cls"] + kinds["patch"]
        stacked = torch.cat(kinds[cfg.token], -1).unflatten(0, rows.shape)
        parts.append(stacked.mean(1) if cfg.pool == "mean" else stacked.amax(1))
    return torch.cat(parts), gram / len(which)


def center_brightness(
    slices: Slices, candidates: Candidates, which: Int64[Tensor, " K"], crop_px: int
) -> Float[Tensor, "K 1"]:
    """Mean HU of the middle of the crop, a quarter of its side wide, up to an affine map.

    It needs no network: a probe no better than this number need have read nothing else.
    """
    side, row = max(1, crop_px // 4), candidates.row[which][:, None]
    y, x = candidates.y[which], candidates.x[which]
    level_hu, width_hu = sum(HU_RANGE) / 2, float(HU_RANGE[1] - HU_RANGE[0])  # nothing is clipped
    return crops(slices, row, y, x, side, side, level_hu, width_hu)[:, 0, 1].mean((1, 2))[:, None]


def shape_of(
    feature: Float[Tensor, "K F"], positive: Bool[Tensor, " K"]
) -> dict[str, Float[Tensor, ""]]:
    """How the features are spread, at length 1."""
    unit = F.normalize(feature, dim=-1)
    return {
        "val/active_dims": active_dims(unit),
        "val/embedding_std": unit.std(0).mean(),
        "val/mean_cosine": mean_cosine(unit),
        "val/class_separation": class_separation(unit, positive),
    }


def class_separation(unit: Float[Tensor, "K F"], positive: Bool[Tensor, " K"]) -> Float[Tensor, ""]:
    """Mean cosine of two nodules of one kind, less that of two of different kinds."""
    kinds = (unit[positive], unit[~positive])
    sums, counts = [kind.sum(0) for kind in kinds], [len(kind) for kind in kinds]
    alike = sum((s.square().sum() - n for s, n in zip(sums, counts, strict=True)), start=0.0)
    return alike / sum(n * (n - 1) for n in counts) - sums[0] @ sums[1] / (counts[0] * counts[1])
