"""Errors of pixels: plain, of what is fine alone, and of the face alone.

Images are in [0, 1], and an error is one number for each.
Shape letters: B portraits, H and W pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from trainables.portrait.portraits import PARTS, Portraits

COARSE_PX = 2.0  # standard deviation of the blur that is taken off
CROP = ("skin", "brows", "eyes", "nose", "mouth", "glasses")  # the face without hair, ears, neck
_REACH = 4.0  # standard deviations that a kernel goes to either side


def pixels(portraits: Portraits, device: torch.device) -> Float[Tensor, "B 3 H W"]:
    """Their images, in [0, 1]."""
    return portraits.images.to(device).float() / 255


def blurred(images: Float[Tensor, "B C H W"], sd_px: float) -> Float[Tensor, "B C H W"]:
    """A Gaussian blur; beyond the edge the picture goes on as it ends there."""
    reach = max(1, round(_REACH * sd_px))
    at = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (at / sd_px) ** 2)
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, -1)
    wide = F.pad(images, (reach,) * 4, mode="replicate")
    rows = F.conv2d(wide, kernel[:, :, None, :], groups=images.shape[1])
    return F.conv2d(rows, kernel[:, :, :, None], groups=images.shape[1])


def squared(
    made: Float[Tensor, "B 3 H W"], truth: Float[Tensor, "B 3 H W"]
) -> Float[Tensor, "B H W"]:
    """The squared error of each pixel, the mean of its channels."""
    return (made - truth).square().mean(1)


def squared_fine(
    made: Float[Tensor, "B 3 H W"], truth: Float[Tensor, "B 3 H W"]
) -> Float[Tensor, "B H W"]:
    """The same after a blur of each is taken off, which is linear: that of the difference."""
    apart = made - truth
    return (apart - blurred(apart, COARSE_PX)).square().mean(1)


def mean(errors: Float[Tensor, " B"]) -> float | None:
    """Over those that are numbers; None where none is."""
    known = errors[~errors.isnan()]
    return float(known.mean()) if len(known) else None


def there(values: dict[str, float | None]) -> dict[str, float]:
    """Without what is missing."""
    return {name: value for name, value in values.items() if value is not None}


def face_boxes(
    parts: UInt8[Tensor, "B H W"],
) -> tuple[Float[Tensor, "B 4"], Bool[Tensor, " B"]]:
    """Around each face: left, upper, right, lower in [0, 1]; and whether there is one."""
    classes = torch.tensor([PARTS.index(part) for part in CROP], device=parts.device)
    face = torch.isin(parts, classes.to(parts.dtype))
    left, right = _ends(face.any(1))
    upper, lower = _ends(face.any(2))
    return torch.stack((left, upper, right, lower), 1), face.flatten(1).any(1)


def within(boxes: Float[Tensor, "B 4"], error: Float[Tensor, "B H W"]) -> Float[Tensor, " B"]:
    """The mean of an error over the pixels whose middle is in the box."""
    left, upper, right, lower = boxes[:, :, None].unbind(1)
    rows, columns = (
        (torch.arange(side, device=error.device) + 0.5)[None] / side for side in error.shape[1:]
    )
    high, wide = (upper < rows) & (rows < lower), (left < columns) & (columns < right)
    inside = (high[:, :, None] & wide[:, None, :]).to(error.dtype)
    return (error * inside).sum((1, 2)) / inside.sum((1, 2))


def cropped(
    images: Float[Tensor, "B 3 H W"], boxes: Float[Tensor, "B 4"], side: int
) -> Float[Tensor, "B 3 side side"]:
    """What is in the boxes, each bilinearly as so many pixels square."""
    left, upper, right, lower = (2 * boxes - 1).unbind(1)
    zero = torch.zeros_like(left)
    x = torch.stack(((right - left) / 2, zero, (right + left) / 2), 1)
    y = torch.stack((zero, (lower - upper) / 2, (lower + upper) / 2), 1)
    grid = F.affine_grid(torch.stack((x, y), 1), [len(images), 3, side, side], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _ends(along: Bool[Tensor, "B N"]) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """Where the first of each row begins and the last ends, in parts of the side."""
    count = along.shape[1]
    first = along.float().argmax(1)
    last = count - along.flip(1).float().argmax(1)
    return first / count, last / count
