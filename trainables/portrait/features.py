"""Features of portraits: vectors that a teacher, which is trained before and apart, tells them by.

Features have mean 0 and spread 1 in each dimension over the training portraits: otherwise what all
patches have in common would be most of a cosine. Those that come with a folder stay as they are.
Shape letters: B portraits, H and W pixels, S pixels of a side, P patches, Dw
and Dp widths of the two kinds of features.
"""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from trainables.loop import best_device
from trainables.portrait.portraits import Portraits

PIXELS = 2**18  # of portraits at once
# What ImageNet's pixels are normalised by; networks of others and the CT study's want theirs so.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@runtime_checkable
class Backbone(Protocol):
    """A trained network that sees square pictures of one size, as `seen` makes them."""

    side: int

    def __call__(
        self, images: Float[Tensor, "B 3 S S"]
    ) -> tuple[Float[Tensor, "B Dw"], Float[Tensor, "B P Dp"]]:
        """A vector for each picture, and one for each of its patches in raster order."""
        ...


@dataclass(frozen=True, eq=False)
class Teacher:
    """Gives features of pictures of any size, on the device that it was made on.

    Attributes:
        backbone: Without gradients.
        whole: Mean and spread of each dimension over the training portraits.
        patches: Likewise.
    """

    backbone: Backbone
    whole: tuple[Float[Tensor, " Dw"], Float[Tensor, " Dw"]]
    patches: tuple[Float[Tensor, " Dp"], Float[Tensor, " Dp"]]

    def __call__(
        self, images: UInt8[Tensor, "B 3 H W"]
    ) -> tuple[Float[Tensor, "B Dw"], Float[Tensor, "B P Dp"]]:
        """Features of the whole pictures and of their patches, where the pictures are."""
        found = zip(_raw(self.backbone, images), (self.whole, self.patches), strict=True)
        whole, patches = (
            (some - mean.to(images.device)) / spread.to(images.device)
            for some, (mean, spread) in found
        )
        return whole, patches


def standardised(backbone: Backbone, images: UInt8[Tensor, "B 3 H W"]) -> Teacher:
    """A teacher whose features of these pictures have mean 0 and spread 1."""
    whole, patches = _raw(backbone, images)
    return Teacher(backbone, _moments(whole), _moments(patches.flatten(0, 1)))


def with_features(portraits: Portraits, teacher: Teacher) -> Portraits:
    """The same portraits with the features that the teacher gives.

    Raises:
        ValueError: When a feature is no finite number.
    """
    whole, patches = teacher(portraits.images)
    refuse_unfit(portraits, whole, patches)
    return replace(
        portraits, conditions=replace(portraits.conditions, whole=whole, patches=patches)
    )


def refuse_unfit(portraits: Portraits, whole: Tensor, patches: Tensor) -> None:
    """ValueError where features are of another number of portraits, or have no finite values."""
    for name, some in (("whole", whole), ("patches", patches)):
        if len(some) != len(portraits):
            raise ValueError(
                f"features {name}: must be as many as the {len(portraits)} portraits, got "
                f"{len(some)}; make them for these portraits"
            )
        fit = some.flatten(1).isfinite().all(1)
        if not fit.all():
            first = portraits.names[int((~fit).int().argmax())]
            raise ValueError(
                f"features {name}: must be finite numbers, but those of {int((~fit).sum())} of "
                f"{len(fit)} portraits are not, the first of them {first!r}; take another "
                "portraits.teacher"
            )


def seen(images: UInt8[Tensor, "B 3 H W"], side: int) -> Float[Tensor, "B 3 S S"]:
    """Pictures as a backbone sees them: square, of its size, normalised."""
    mean, std = (torch.tensor(c, device=images.device).view(3, 1, 1) for c in (MEAN, STD))
    fitted = images / 255
    if images.shape[-2:] != (side, side):
        fitted = F.interpolate(fitted, (side, side), mode="bilinear", antialias=True)
    return (fitted - mean) / std


@torch.no_grad()
def _raw(backbone: Backbone, images: UInt8[Tensor, "B 3 H W"]) -> tuple[Tensor, Tensor]:
    """Features as the backbone gives them, some portraits at once."""
    device = best_device()
    at_once = max(1, PIXELS // images[0, 0].numel())
    found = [
        [some.float().to(images.device) for some in backbone(seen(few.to(device), backbone.side))]
        for few in images.split(at_once)
    ]
    return torch.cat([whole for whole, _ in found]), torch.cat([patches for _, patches in found])


def _moments(some: Float[Tensor, "N D"]) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    return some.mean(0), some.std(0, unbiased=False).clamp(min=1e-6)
