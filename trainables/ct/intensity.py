"""Jitter and blur of a batch of views, each with numbers of its own; no loop over samples.

What torchvision's `ColorJitter(brightness, contrast)` and `GaussianBlur` do to one image: views are
floats in [0, 1] with three channels, which jitter takes for red, green and blue though they are
slices z - 1, z and z + 1. Brightness comes before contrast, where torchvision draws the order.
Shape letters: V views of a slice, B slices, S side of a view in pixels, k taps of a blur.
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.2989, 0.587, 0.114)  # torchvision's weights of red, green and blue in a gray value
NO_BLUR_SIGMA = 1e-3  # pixels; all weight is on the middle tap, so that a view comes back as it is


def brighten(
    views: Float[Tensor, "V B 3 S S"], factor: Float[Tensor, "V B"]
) -> Float[Tensor, "V B 3 S S"]:
    """Views times their factor, cut to [0, 1]."""
    return (views * factor[..., None, None, None]).clamp_(0, 1)


def change_contrast(
    views: Float[Tensor, "V B 3 S S"], factor: Float[Tensor, "V B"]
) -> Float[Tensor, "V B 3 S S"]:
    """Views drawn away from (above 1) or to (below 1) their mean gray value, cut to [0, 1]."""
    channels = views.mean((-2, -1)).unbind(-1)
    gray = LUMA[0] * channels[0] + LUMA[1] * channels[1] + LUMA[2] * channels[2]
    gray, factor = gray[..., None, None, None], factor[..., None, None, None]
    return torch.lerp(gray, views, factor).clamp_(0, 1)


def gaussian_kernels(
    sigma: Float[Tensor, "V B"], kernel_px: int
) -> Float[Tensor, "V B {kernel_px}"]:
    """Weights of a blur along one axis, which sum to 1; sigma is in pixels, 0 leaves as it is."""
    tap = torch.arange(kernel_px) - (kernel_px - 1) / 2
    weight = (-0.5 * (tap / sigma.clamp(min=NO_BLUR_SIGMA)[..., None]).square()).exp()
    return weight / weight.sum(-1, keepdim=True)


def blur(
    views: Float[Tensor, "V B 3 S S"], kernels: Float[Tensor, "V B k"]
) -> Float[Tensor, "V B 3 S S"]:
    """Views blurred along both axes, reflected at the edges.

    A blur is linear, so one matrix product per axis does it. For sides up to a few hundred pixels
    that is faster than a convolution whose kernels differ between samples.
    """
    side = views.shape[-1]
    taps = _reflected_taps(side, kernels.shape[-1], views.device)
    smooth = (kernels @ taps).unflatten(-1, (1, side, side))
    return smooth @ views @ smooth.mT


@lru_cache(maxsize=4)
def _reflected_taps(
    side: int, kernel_px: int, device: torch.device
) -> Float[Tensor, "k {side}**2"]:
    """For each tap the matrix, flattened, that shifts a line of pixels by it."""
    shift = torch.arange(kernel_px)[:, None] - (kernel_px - 1) // 2
    last = side - 1
    source = last - (last - (torch.arange(side) + shift).abs()).abs()
    return F.one_hot(source, side).flatten(1).float().to(device)
