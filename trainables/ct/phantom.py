"""Procedural lung CT: bodies with lungs, vessel trees and labelled nodules, in Hounsfield units.

Deterministic in its config: the phantom has a seed of its own, so every run of a study sees the
same patients. Values obey the law that real data is held to: air near -1000, lung near -850, soft
tissue near 40, bone near 700, clipped to -1000..4000.
Shape letters: Z slices of one series, H rows, W columns, P points, K nodules.
"""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Float, Int16
from torch import Tensor

from trainables.draws import generator, uniform

AIR_HU, LUNG_HU, FAT_HU, TISSUE_HU, BLOOD_HU, SPONGY_BONE_HU, BONE_HU = (
    -1000.0, -850.0, -90.0, 40.0, 150.0, 350.0, 700.0,
)  # fmt: skip
HU_RANGE = (-1000, 4000)
FIELD_MM = (300.0, 400.0, 400.0)  # what a series covers along z, rows and columns, without spread


@dataclass(frozen=True, kw_only=True, slots=True)
class PhantomConfig:
    """How many patients, and at which resolution."""

    series: int = 40
    slices: int = 48  # per series
    side_px: int = 64
    validation_fraction: float = 0.2  # share of the series, taken from the end
    noise_hu: float = 25.0
    seed: int = 0  # of the patients, not of the run
    spacing_spread: float = 0.0  # s: spacings log-uniform between 1 / (1 + s) and 1 + s times equal

    def __post_init__(self) -> None:
        if not 1 <= self.validation_series < self.series:
            raise ValueError(
                "phantom.validation_fraction must leave at least one series on each side, got "
                f"{self.validation_fraction} of {self.series} series; change one"
            )
        if self.spacing_spread < 0:
            raise ValueError(
                f"phantom.spacing_spread must be at least 0, got {self.spacing_spread}"
            )

    @property
    def validation_series(self) -> int:
        """Series held out."""
        return round(self.series * self.validation_fraction)


@dataclass(frozen=True)
class Nodules:
    """Where the nodules of one series are: centers in voxels (z, row, column), radii in voxels."""

    center: Float[Tensor, "K 3"]
    radius: Float[Tensor, " K"]


def phantom_series(cfg: PhantomConfig, series: int) -> tuple[Int16[Tensor, "Z H W"], Nodules]:
    """One patient and the labels of the nodules in its lungs."""
    draws, hu, lungs, (points, radii), nodules = _patient(cfg, series)
    shape = (cfg.slices, cfg.side_px, cfg.side_px)
    solid = torch.maximum(
        _splat(points, radii, shape), _splat(nodules.center, nodules.radius, shape)
    )
    hu = torch.where(lungs, torch.lerp(hu, torch.tensor(TISSUE_HU), solid), hu)
    hu += cfg.noise_hu * torch.randn(shape, generator=draws)
    return hu.round_().clamp_(*HU_RANGE).to(torch.int16), nodules


def phantom_nodules(cfg: PhantomConfig, series: int) -> Nodules:
    """The labels of one patient alone, in a tenth of the time."""
    return _patient(cfg, series)[-1]


def _patient(
    cfg: PhantomConfig, series: int
) -> tuple[torch.Generator, Tensor, Tensor, tuple[Tensor, Tensor], Nodules]:
    """What is drawn of a patient before voxels: organs in HU, lungs, vessels, nodules."""
    draws = generator(cfg.seed, "phantom", series)
    shape = (cfg.slices, cfg.side_px, cfg.side_px)
    zoom = _zoom(cfg, series)
    body = torch.rand(16, generator=draws)  # how this patient differs from the mean
    hu, lungs, centers, axes = _anatomy(shape, body, zoom)
    voxels = torch.tensor(shape) / 2
    points, radii = _vessels(centers, axes, voxels, zoom, draws)
    scale = cfg.side_px / 64 / float(zoom[1])  # of radii, which follow the spacing within a slice
    nodules = _nodules(centers, axes, voxels, zoom, scale, draws)
    return draws, hu, lungs, (points, radii * scale), nodules


def phantom_spacing_mm(cfg: PhantomConfig, series: int) -> Float[Tensor, "3"]:
    """Distances of voxels along z, rows and columns; the last two are equal."""
    shape = torch.tensor((cfg.slices, cfg.side_px, cfg.side_px))
    return torch.tensor(FIELD_MM) / shape * _zoom(cfg, series)


def _zoom(cfg: PhantomConfig, series: int) -> Float[Tensor, "3"]:
    """How much more than usual a series covers per axis; from a stream of its own."""
    spread = log(1 + cfg.spacing_spread)
    along_z, within = uniform(-spread, spread, (2,), cfg.seed, "spacing", series).exp()
    return torch.stack((along_z, within, within))


def _anatomy(
    shape: tuple[int, int, int], body: Tensor, zoom: Float[Tensor, "3"]
) -> tuple[Tensor, Tensor, Float[Tensor, "2 3"], Float[Tensor, "2 3"]]:
    """HU of everything but the lungs' content, the lungs' mask, and their centers and half axes."""
    z, y, x = (
        zoom[a]
        * torch.linspace(-1 + 1 / n, 1 - 1 / n, n).view([-1 if a == b else 1 for b in range(3)])
        for a, n in enumerate(shape)
    )
    wide, deep = 0.74 + 0.18 * body[0], 0.54 + 0.18 * body[1]
    taper = 1 - (0.06 + 0.1 * body[2]) * (z - 0.3 * body[3]) ** 2
    rim = ((x / wide) ** 2 + (y / deep) ** 2) / taper**2  # 1 on the skin
    skin = 0.8 + 0.12 * body[4]
    hu = torch.where(rim < 1, FAT_HU, AIR_HU)
    hu = torch.where(rim < skin, TISSUE_HU, hu)
    rib = torch.cos(6.28 * (z * (3 + 2 * body[5]) + 1.6 * y - body[6])) > 0.35
    hu = torch.where((rim < skin) & (rim > skin - 0.14) & rib, BONE_HU, hu)
    centers = torch.tensor([[0.0, -0.03, -0.36], [0.0, -0.03, 0.36]])
    centers = centers * (0.85 + 0.3 * body[7]) + 0.06 * (body[8] - 0.5)
    axes = torch.tensor([[0.9, 0.40, 0.25], [0.85, 0.38, 0.22]]) * (0.85 + 0.25 * body[9])
    lungs = _ball(z, y, x, centers[0], axes[0]) | _ball(z, y, x, centers[1], axes[1])
    hu = torch.where(lungs, LUNG_HU + 60 * y, hu)  # the lower lung is denser when lying
    heart = torch.stack((-0.25 - 0.2 * body[10], -0.16 - 0.06 * body[11], 0.1 + 0.06 * body[12]))
    inside = _ball(z, y, x, heart, torch.tensor([0.45, 0.22, 0.26]) * (0.8 + 0.3 * body[13]))
    hu, lungs = torch.where(inside, TISSUE_HU, hu), lungs & ~inside
    aorta = (x - 0.09) ** 2 + (y - 0.2) ** 2 < (0.05 + 0.03 * body[14]) ** 2
    spine = x**2 + (y - 0.36) ** 2 + 0 * z
    disc = torch.cos(6.28 * z * (4 + 2 * body[15])) > 0.8
    hu = torch.where(aorta, BLOOD_HU, hu)
    hu = torch.where(spine < 0.11**2, torch.where(spine < 0.08**2, SPONGY_BONE_HU, BONE_HU), hu)
    hu = torch.where((spine < 0.11**2) & disc, TISSUE_HU, hu)
    return hu, lungs & ~aorta & (spine >= 0.11**2), centers, axes


def _ball(z: Tensor, y: Tensor, x: Tensor, center: Tensor, axes: Tensor) -> Tensor:
    dz, dy, dx = ((p - c) / a for p, c, a in zip((z, y, x), center, axes, strict=True))
    return dz**2 + dy**2 + dx**2 < 1


def _vessels(
    centers: Tensor, axes: Tensor, voxels: Tensor, zoom: Tensor, draws: torch.Generator
) -> tuple[Float[Tensor, "P 3"], Float[Tensor, " P"]]:
    """Points along two trees that grow from the hila and fork six times, with their radii."""
    start = centers * torch.tensor([1.0, 1.0, 0.45])
    toward = torch.nn.functional.normalize(centers - start, dim=-1)
    along = torch.linspace(0, 1, 12)[None, :, None]
    points, radii, length, radius = [], [], 0.42, 2.0
    for _ in range(6):
        start, toward = start.repeat(2, 1), toward.repeat(2, 1)
        bend = torch.randn(toward.shape, generator=draws)
        toward = torch.nn.functional.normalize(toward + 0.65 * bend, dim=-1)
        end = start + length * toward * axes.repeat(len(toward) // 2, 1) * 1.6
        points.append((start[:, None] + along * (end - start)[:, None]).flatten(0, 1))
        radii.append(torch.full((len(points[-1]),), radius))
        start, length, radius = end, 0.8 * length, 0.78 * radius
    return (torch.cat(points) / zoom + 1) * voxels - 0.5, torch.cat(radii)


def _nodules(
    centers: Tensor,
    axes: Tensor,
    voxels: Tensor,
    zoom: Tensor,
    scale: float,
    draws: torch.Generator,
) -> Nodules:
    """One to five nodules, uniform in the inner lungs."""
    count = int(torch.randint(1, 6, (), generator=draws))
    lung = torch.randint(2, (count,), generator=draws)
    way = torch.nn.functional.normalize(torch.randn(count, 3, generator=draws), dim=-1)
    out = 0.75 * torch.rand(count, 1, generator=draws) ** (1 / 3)
    place = centers[lung] + axes[lung] * way * out
    radius = (1.5 + 2.5 * torch.rand(count, generator=draws)) * scale
    return Nodules((place / zoom + 1) * voxels - 0.5, radius)


def _splat(
    points: Float[Tensor, "P 3"], radii: Float[Tensor, " P"], shape: tuple[int, int, int]
) -> Float[Tensor, "Z H W"]:
    """Share of each voxel that is covered by a ball; edges are soft over one voxel."""
    reach = int(radii.max()) + 1
    span = torch.arange(-reach, reach + 1)
    near = points.round().long()[:, None] + torch.cartesian_prod(span, span, span)
    cover = (radii[:, None] + 0.5 - (near - points[:, None]).norm(dim=-1)).clamp(0, 1)
    size = torch.tensor(shape)
    cover = cover * ((near >= 0) & (near < size)).all(-1)
    z, y, x = near.clamp(min=0).minimum(size - 1).unbind(-1)
    flat = torch.zeros(shape[0] * shape[1] * shape[2])
    flat.scatter_reduce_(0, ((z * shape[1] + y) * shape[2] + x).flatten(), cover.flatten(), "amax")
    return flat.view(shape)
