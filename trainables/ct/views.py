"""Two augmented views of a batch of CT slices: random HU window, random resized crop, random flip.

The crop is separable, so it is two matrix products per view, one along each axis, with the weights
of an antialiased bicubic kernel: slices of any size, any device, no loop over samples. As in DINO-X
the window is taken before the crop. Jitter and blur, which some arms add, follow the flip as in
timlawrenz/ratiocinator@1c29eeb (dinox_run_experiments.sh, experiment 2); see `intensity`. Draws
come from the host, see `draws`.
Shape letters: V views of a slice, B slices, X = V B views, H and W rows and columns of a slice,
S side of a view in pixels.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from math import log

import torch
from jaxtyping import Bool, Float, Int16, Int64
from torch import Tensor

from trainables.ct.intensity import blur, brighten, change_contrast, gaussian_kernels
from trainables.draws import uniform

VIEWS = 2
CACHE_BYTES = 2**20  # of gray values at once on a CPU: twice as fast as a batch of 512 px at once
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewsConfig:
    """What makes two views of a slice differ."""

    crop_scale_min: float = 0.5  # share of the slice's area
    crop_scale_max: float = 1.0
    crop_aspect_max: float = 4 / 3  # width over height, log-uniform between its inverse and itself
    flip_fraction: float = 0.5
    level_min_hu: float = -400.0  # center of the window
    level_max_hu: float = 400.0
    width_min_hu: float = 800.0
    width_max_hu: float = 2000.0
    hu_divisor: float = 1.0  # 10 repeats the documented decoding defect: windows act on HU / 10
    jitter_brightness: float = 0.0  # x: factor uniform in [1 - x, 1 + x); documented .2
    jitter_contrast: float = 0.0  # as brightness
    blur_fraction: float = 0.0  # share of the views that are blurred; documented 1
    blur_sigma_min: float = 0.1  # pixels of the view, of any size: documented for 224
    blur_sigma_max: float = 2.0
    blur_kernel_px: int = 23  # taps, odd

    def __post_init__(self) -> None:
        if not 0 < self.crop_scale_min <= self.crop_scale_max <= 1:
            raise ValueError(
                "views.crop_scale_min <= views.crop_scale_max must hold within (0, 1], got "
                f"{self.crop_scale_min} and {self.crop_scale_max}"
            )
        if not (self.crop_aspect_max >= 1 and self.width_min_hu > 0 and self.hu_divisor > 0):
            raise ValueError(
                "views: crop_aspect_max >= 1, width_min_hu > 0 and hu_divisor > 0 must hold, got "
                f"{self.crop_aspect_max}, {self.width_min_hu} and {self.hu_divisor}"
            )
        shares = (self.jitter_brightness, self.jitter_contrast, self.blur_fraction)
        if not 0 <= min(shares) <= max(shares) <= 1:
            raise ValueError(
                "views: jitter_brightness, jitter_contrast and blur_fraction must be in [0, 1], "
                f"got {shares[0]}, {shares[1]} and {shares[2]}"
            )
        if not (0 < self.blur_sigma_min <= self.blur_sigma_max and self.blur_kernel_px % 2 == 1):
            raise ValueError(
                "views: 0 < blur_sigma_min <= blur_sigma_max and an odd blur_kernel_px must hold, "
                f"got {self.blur_sigma_min}, {self.blur_sigma_max} and {self.blur_kernel_px}"
            )


@dataclass(frozen=True)
class ViewDraws:
    """The random part of a batch of views; each quantity is drawn from a stream of its own.

    What is None is switched off: switching it on moves no other draw.
    """

    area: Float[Tensor, "V B"]  # share of the slice
    log_aspect: Float[Tensor, "V B"]
    corner: Float[Tensor, "V B 2"]  # row and column of the crop, 0 first to 1 last possible place
    flip: Bool[Tensor, "V B"]
    level_hu: Float[Tensor, "V B"]
    width_hu: Float[Tensor, "V B"]
    brightness: Float[Tensor, "V B"] | None = None  # factor
    contrast: Float[Tensor, "V B"] | None = None  # factor
    blur: Float[Tensor, "V B k"] | None = None  # weights along one axis

    def to(self, device: torch.device) -> "ViewDraws":
        """The same draws on a device."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        there = {
            k: part.to(device, non_blocking=True) for k, part in parts.items() if part is not None
        }
        return ViewDraws(**there)


def draw_views(cfg: ViewsConfig, batch: int, *key: int | str) -> ViewDraws:
    """The draws of two views of a batch, a function of the key."""
    shape, aspect = (VIEWS, batch), log(cfg.crop_aspect_max)
    return ViewDraws(
        uniform(cfg.crop_scale_min, cfg.crop_scale_max, shape, *key, "area"),
        uniform(-aspect, aspect, shape, *key, "aspect"),
        uniform(0.0, 1.0, (*shape, 2), *key, "corner"),
        uniform(0.0, 1.0, shape, *key, "flip") < cfg.flip_fraction,
        uniform(cfg.level_min_hu, cfg.level_max_hu, shape, *key, "level"),
        uniform(cfg.width_min_hu, cfg.width_max_hu, shape, *key, "width"),
        _factors(cfg.jitter_brightness, shape, *key, "brightness"),
        _factors(cfg.jitter_contrast, shape, *key, "contrast"),
        _blurs(cfg, shape, *key),
    )


def _factors(spread: float, shape: tuple[int, int], *key: int | str) -> Float[Tensor, "V B"] | None:
    return uniform(1 - spread, 1 + spread, shape, *key) if spread else None


def _blurs(
    cfg: ViewsConfig, shape: tuple[int, int], *key: int | str
) -> Float[Tensor, "V B {cfg.blur_kernel_px}"] | None:
    if not cfg.blur_fraction:
        return None
    sigma = uniform(cfg.blur_sigma_min, cfg.blur_sigma_max, shape, *key, "blur sigma")
    blurred = uniform(0.0, 1.0, shape, *key, "blur") < cfg.blur_fraction
    return gaussian_kernels(sigma * blurred, cfg.blur_kernel_px)


def make_views(
    hu: Int16[Tensor, "B 3 H W"],
    height: Int64[Tensor, " B"],
    width: Int64[Tensor, " B"],
    draws: ViewDraws,
    side_px: int,
    hu_divisor: float = 1.0,
) -> Float[Tensor, "X 3 {side_px} {side_px}"]:
    """Views ready for the network, all first views before all second ones.

    A box that would leave the slice is cut to it, where torchvision draws again.
    """
    tall = _extent(height, draws.area, -draws.log_aspect)
    wide = _extent(width, draws.area, draws.log_aspect)
    top = (draws.corner[..., 0] * (height - tall + 1)).floor()
    left = (draws.corner[..., 1] * (width - wide + 1)).floor()
    down = crop_weights(top, tall, hu.shape[-2], side_px)
    along = crop_weights(left, wide, hu.shape[-1], side_px)
    along = torch.where(draws.flip[..., None, None], along.flip(-2), along)
    low = (draws.level_hu - draws.width_hu / 2)[..., None, None, None]
    width_hu = draws.width_hu[..., None, None, None]
    window = (-low / width_hu, 1 / (hu_divisor * width_hu))
    few = _at_once(hu)
    parts = zip(hu.split(few), *(x.split(few, 1) for x in (*window, down, along)), strict=True)
    views = torch.cat([_crop(*part) for part in parts], 1)
    if draws.brightness is not None:
        views = brighten(views, draws.brightness)
    if draws.contrast is not None:
        views = change_contrast(views, draws.contrast)
    if draws.blur is not None:
        views = blur(views, draws.blur)
    mean, std = _imagenet(views.device)
    return ((views - mean) / std).flatten(0, 1)


def _at_once(hu: Int16[Tensor, "B 3 H W"]) -> int:
    """Slices whose gray values stay in a core's cache; all of them on a GPU."""
    if hu.device.type != "cpu":
        return len(hu)
    return max(1, CACHE_BYTES // (4 * VIEWS * hu[0].numel()))


def _crop(
    hu: Int16[Tensor, "b 3 H W"],
    offset: Float[Tensor, "V b 1 1 1"],
    factor: Float[Tensor, "V b 1 1 1"],
    down: Float[Tensor, "V b S H"],
    along: Float[Tensor, "V b S W"],
) -> Float[Tensor, "V b 3 S S"]:
    """The window, clamped to [0, 1], and the crop: the passes over all voxels."""
    gray = torch.addcmul(offset, hu.float(), factor).clamp_(0, 1)
    return down[:, :, None] @ (gray.flatten(2, 3) @ along.mT).unflatten(2, hu.shape[1:3])


@lru_cache(maxsize=2)
def _imagenet(device: torch.device) -> tuple[Float[Tensor, "3 1 1"], Float[Tensor, "3 1 1"]]:
    """Mean and std, sent to the device once: a transfer in every step would wait for the step."""
    mean, std = (torch.tensor(c)[:, None, None] for c in (IMAGENET_MEAN, IMAGENET_STD))
    return mean.to(device), std.to(device)


def _extent(
    size: Int64[Tensor, " B"], area: Float[Tensor, "V B"], log_aspect: Float[Tensor, "V B"]
) -> Float[Tensor, "V B"]:
    """Pixels of the crop along one axis: at least one, at most all."""
    return (size * (area * log_aspect.exp()).sqrt()).round().clamp(min=1).minimum(size.float())


def crop_weights(
    start: Float[Tensor, "V B"], extent: Float[Tensor, "V B"], size: int, side_px: int
) -> Float[Tensor, "V B S {size}"]:
    """Rows that turn a line of pixels into `side_px` antialiased bicubic samples of a part."""
    start, extent = start[..., None, None], extent[..., None, None]
    pixel = torch.arange(size, device=start.device)
    step = extent / side_px  # source pixels per output pixel
    out = torch.arange(side_px, device=start.device)[:, None]
    center = start + (out + 0.5) * step
    x = ((pixel + 0.5 - center) / step.clamp(min=1)).abs()
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2  # Keys, a = -1/2
    weight = torch.where(x < 1, near, torch.where(x < 2, far, 0.0))
    weight = weight * ((pixel >= start) & (pixel < start + extent))
    return weight / weight.sum(-1, keepdim=True)
