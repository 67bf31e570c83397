"""Slices as batches of a run: checked against the config, augmented and moved to the device.

Shape letters: B slices, X = two views of each, S side of a view in pixels.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from trainables.ct.slices import Slices
from trainables.ct.views import VIEWS, draw_views, make_views
from trainables.dino.config import DinoConfig


def augmented(
    slices: Slices,
    rows: Int64[Tensor, " B"],
    cfg: DinoConfig,
    device: torch.device,
    *key: int | str,
) -> Float[Tensor, "X 3 S S"]:
    """Two views of each slice, all first before all second ones; their draws depend on the key."""
    draws = draw_views(cfg.views, len(rows), *key).to(device)
    hu, height, width = (
        part.to(device, non_blocking=True)
        for part in (slices.triplets(rows), slices.height[rows], slices.width[rows])
    )
    return make_views(hu, height, width, draws, cfg.vit.image_px, cfg.views.hu_divisor)


def told_spacing_mm(
    slices: Slices, rows: Int64[Tensor, " B"], cfg: DinoConfig, device: torch.device
) -> Float[Tensor, "X 3"] | None:
    """The spacing of each view's slice, where the network is told it.

    As in DINO-X it is the slice's own, although a crop that is resized has another.
    """
    if not cfg.vit.spacing_embedding:
        return None
    return slices.spacing_mm[rows].repeat(VIEWS, 1).to(device, non_blocking=True)


def checked(slices: Slices, cfg: DinoConfig) -> Slices:
    """The slices, if there are enough of them and HU are divided at most once."""
    have, need = (len(slices.train), len(slices.validation)), (cfg.optim.batch, 2)
    if have[0] < need[0] or have[1] < need[1]:
        raise ValueError(
            f"data {cfg.data or 'phantom'!r}: at least {need[0]} training slices (optim.batch) and "
            f"{need[1]} validation slices are needed, got {have[0]} and {have[1]}; give more series"
        )
    if slices.hu_divisor != 1 and cfg.views.hu_divisor != 1:
        raise ValueError(
            f"data {cfg.data!r}: HU may be divided once, but the folder holds HU / "
            f"{slices.hu_divisor} and views.hu_divisor is {cfg.views.hu_divisor}; set it to 1"
        )
    if cfg.vit.spacing_embedding and not slices.spacing_mm.isfinite().all():
        raise ValueError(
            f"data {cfg.data!r}: every slice must have its spacing for vit.spacing_embedding, got "
            f"{int(slices.spacing_mm.isnan().any(-1).sum())} of {len(slices.spacing_mm)} without; "
            "prepare it from NIfTI or DICOM, or switch the embedding off"
        )
    return slices
