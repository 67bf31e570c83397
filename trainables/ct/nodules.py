"""Nodules to tell apart: where they are, which of two kinds they are, and crops around them.

A prepared folder has ratings of malignancy; the kinds are malignant and benign. The phantom's
nodules differ in size and place alone, not in margin, texture or malignancy, so there the kinds are
nodule and vessel: telling them apart is what a detector's second stage does. Both are dense in
their center and have lung around them by one and the same rule.
Shape letters: K nodules, Z slices around a nodule, S image side in pixels.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int16, Int64
from torch import Tensor
from torch.nn import functional as F

from trainables.ct.nodules_labels import read_labels
from trainables.ct.phantom import PhantomConfig, phantom_nodules
from trainables.ct.slices import Slices, load_slices
from trainables.ct.views import IMAGENET_MEAN, IMAGENET_STD
from trainables.draws import generator

DENSE_HU = -300  # a candidate's center is at least this dense
LUNG_HU_RANGE = (-950, -500)
LUNG_SHARE = 0.5  # of the square around a candidate


@dataclass(frozen=True, kw_only=True, slots=True)
class NodulesConfig:
    """Which candidates there are, and how much of the slice is seen of each."""

    crop_px: int = 16  # of the slice; twice the phantom's largest nodule, as documented for LoRA
    vessels_per_nodule: int = 2  # at most; more are not found apart in a lung of 64 px

    def __post_init__(self) -> None:
        if min(self.crop_px, self.vessels_per_nodule) < 1:
            raise ValueError(
                "nodules: crop_px and vessels_per_nodule must be at least 1, got "
                f"{self.crop_px} and {self.vessels_per_nodule}"
            )


@dataclass(frozen=True, eq=False)
class Candidates:
    """Nodules of both kinds; `row` is the central slice in the data set's order."""

    row: Int64[Tensor, " K"]
    y: Int64[Tensor, " K"]
    x: Int64[Tensor, " K"]
    series: Int64[Tensor, " K"]
    positive: Bool[Tensor, " K"]
    seen: Bool[Tensor, " K"]  # whether the series' slices train the backbone


def load_candidates(
    folder: str, phantom: PhantomConfig, slices: Slices, cfg: NodulesConfig
) -> Candidates:
    """The labelled nodules of a prepared folder, or of the phantom where `folder` is empty.

    Raises:
        ValueError: When there are no labels, or they do not fit the slices.
    """
    found = _labelled(folder, slices) if folder else _phantom(phantom, cfg)
    sides = torch.minimum(slices.height[found.row], slices.width[found.row])
    if (sides < cfg.crop_px).any():
        raise ValueError(
            f"nodules.crop_px must fit into every labelled slice, got {cfg.crop_px} px for a slice "
            f"of {int(sides.min())} px; lower it"
        )
    return found


def split_by_series(
    candidates: Candidates, seed: int
) -> tuple[Int64[Tensor, " train"], Int64[Tensor, " validation"], Int64[Tensor, " test"]]:
    """Train, validation and test as 60/20/20 % of the series where pretraining held out a fifth.

    The test is on series that the backbone has not seen, the same for all seeds; the others are
    drawn, by the seed, three to one. No series is on two sides.
    """
    seen = candidates.series[candidates.seen].unique()
    drawn = seen[torch.randperm(len(seen), generator=generator(seed, "probe split"))]
    validation = torch.isin(candidates.series, drawn[: round(len(drawn) / 4)])
    sides = candidates.seen & ~validation, validation, ~candidates.seen
    counts = [(int(candidates.positive[s].sum()), int((~candidates.positive[s]).sum()))
              for s in sides]  # fmt: skip
    if min(map(min, counts)) < 1:
        raise ValueError(
            "nodules: train, validation and test must each have both kinds, got (positive, "
            f"negative) = {counts}; give more series"
        )
    train, validation, test = (side.nonzero()[:, 0] for side in sides)
    return train, validation, test


def around(slices: Slices, rows: Int64[Tensor, " K"], reach: int) -> Int64[Tensor, "K Z"]:
    """Rows from `reach` below to `reach` above, the series' end repeated where it is passed."""
    below, above = [rows], [rows]
    for _ in range(reach):
        below.insert(0, slices.below[below[0]])
        above.append(slices.above[above[-1]])
    return torch.stack([*below[:-1], *above], 1)


def crops(
    slices: Slices,
    rows: Int64[Tensor, "K Z"],
    y: Int64[Tensor, " K"],
    x: Int64[Tensor, " K"],
    crop_px: int,
    image_px: int,
    level_hu: float,
    width_hu: float,
) -> Float[Tensor, "K Z 3 S S"]:
    """Squares around (y, x), moved into the slice where they leave it, with neighbours as channels.

    As in DINO-X the window is taken before the bicubic resize.
    """
    line = torch.arange(crop_px)
    center = rows[:, :1]
    top, left = (
        ((p - crop_px // 2)[:, None].minimum(size[center] - crop_px).clamp(min=0) + line)
        for p, size in ((y, slices.height), (x, slices.width))
    )
    three = torch.stack((slices.below[rows], rows, slices.above[rows]), -1)
    index = (three[..., None, None], top[:, None, None, :, None], left[:, None, None, None, :])
    hu = slices.hu[tuple(part.to(slices.hu.device) for part in index)]
    gray = (hu.float() * slices.hu_divisor - (level_hu - width_hu / 2)) / width_hu
    gray = F.interpolate(
        gray.clamp_(0, 1).flatten(0, 1), (image_px, image_px), mode="bicubic", antialias=True
    )
    mean, std = (
        torch.tensor(c, device=gray.device)[:, None, None] for c in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return ((gray - mean) / std).unflatten(0, rows.shape)


def _labelled(folder: str, slices: Slices) -> Candidates:
    found = read_labels(folder, slices)
    row, y, x, series, positive, seen = (torch.tensor(part) for part in zip(*found, strict=True))
    return Candidates(row, y, x, series, positive, seen)


@lru_cache(maxsize=2)
def _phantom(phantom: PhantomConfig, cfg: NodulesConfig) -> Candidates:
    slices, parts = load_slices("", phantom), []
    for series in range(phantom.series):
        first = series * phantom.slices
        hu = slices.hu[first : first + phantom.slices]
        places, positive = _phantom_series(phantom, series, hu, cfg)
        whose = torch.full((len(places),), series)
        row, y, x = places.unbind(-1)
        parts.append((first + row, y, x, whose, positive))
    row, y, x, series, positive = (torch.cat(part) for part in zip(*parts, strict=True))
    return Candidates(row, y, x, series, positive, torch.isin(row, slices.train))


def _phantom_series(
    phantom: PhantomConfig, series: int, hu: Int16[Tensor, "z h w"], cfg: NodulesConfig
) -> tuple[Int64[Tensor, "k 3"], Bool[Tensor, " k"]]:
    """Centers (z, y, x) of one patient's nodules and vessels, and which are nodules."""
    nodules = phantom_nodules(phantom, series)
    lung = _lung_share(hu, cfg.crop_px // 3)
    fit = (hu > DENSE_HU) & (lung >= LUNG_SHARE)
    centers = nodules.center.round().long().clamp(min=0).minimum(torch.tensor(hu.shape) - 1)
    here = centers[fit[centers.unbind(-1)]]
    there = fit.nonzero()
    gap = (there[:, None] - nodules.center).abs().amax(-1) - nodules.radius
    there = there[(gap > cfg.crop_px / 2).all(-1)]  # no nodule reaches into a vessel's crop
    draws = generator(phantom.seed, "phantom vessels", series)
    there = there[torch.randperm(len(there), generator=draws)]
    there = _alike(_lung_share(hu, cfg.crop_px // 2), here, there, cfg)
    positive = torch.arange(len(here) + len(there)) < len(here)
    return torch.cat((here, there)), positive


def _lung_share(hu: Int16[Tensor, "z h w"], reach: int) -> Float[Tensor, "z h w"]:
    """Share of lung in the square of the slice that reaches so far around each voxel."""
    low, high = LUNG_HU_RANGE
    share, n = ((hu > low) & (hu < high)).float()[:, None], 2 * reach + 1
    for kernel, pad in (((n, 1), (reach, 0)), ((1, n), (0, reach))):  # a square is separable
        share = F.avg_pool2d(share, kernel, 1, pad, count_include_pad=False)
    return share[:, 0]


def _alike(
    lung: Float[Tensor, "z h w"],
    here: Int64[Tensor, "k 3"],
    there: Int64[Tensor, "n 3"],
    cfg: NodulesConfig,
) -> Int64[Tensor, "m 3"]:
    """So many vessels for each nodule, half a crop apart, with as much lung around as it has.

    Else the kinds could be told apart by the mean brightness of the crop: drawn from voxels, most
    vessels are thick ones near the hila.
    """
    have, want = lung[there.unbind(-1)], lung[here.unbind(-1)].repeat(cfg.vessels_per_nodule)
    chosen: list[int] = []
    free = torch.ones(len(there), dtype=torch.bool)
    for share in want.tolist():
        if not free.any():
            break
        chosen.append(int(torch.where(free, (have - share).abs(), torch.inf).argmin()))
        free &= (there - there[chosen[-1]]).abs().amax(-1) > cfg.crop_px // 2
    return there[chosen]
