"""Sizes that portraits are brought to, and what of a picture each shows.

A picture goes to the bucket whose shape is nearest to its own, fills it and is cut about its
middle, as timlawrenz/stratum-hq@a6e5330 does (src/stratum/pipeline/bucket.py). Sizes are height
and width in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Size = tuple[int, int]
Buckets = Literal["square", "aspect"]
DOCUMENTED: tuple[Size, ...] = (
    (1024, 1024), (1216, 832), (832, 1216), (1280, 768), (768, 1280), (1344, 704), (704, 1344),
)  # fmt: skip
DOCUMENTED_SIDE, DIVISOR = 1024, 64  # every side is so many pixels times something
MOST_DIGITS = 6  # of a side that a name tells
SAME = 0.01  # of the picture, by which two cuts of it may differ and show the same


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a picture that is shown, in shares of its height and width."""

    upper: float
    left: float
    height: float
    width: float

    def same(self, other: "Cut") -> bool:
        """Whether both show the same."""
        ours, theirs = self._edges(), other._edges()
        return max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) <= SAME

    def seen_in(self, points: Float[np.ndarray, "n 2"], other: "Cut") -> Float[np.ndarray, "n 2"]:
        """Points (x, y), in shares of this cut, in shares of another one of the picture."""
        whole = points * (self.width, self.height) + (self.left, self.upper)
        return (whole - (other.left, other.upper)) / (other.width, other.height)

    def _edges(self) -> tuple[float, ...]:
        return (self.upper, self.left, self.upper + self.height, self.left + self.width)


WHOLE = Cut(0.0, 0.0, 1.0, 1.0)


def buckets(side: int, kind: Buckets) -> tuple[Size, ...]:
    """The sizes, the square one first; others have about as many pixels.

    Raises:
        ValueError: When the documented shapes would not have whole sides.
    """
    if kind == "square":
        return ((side, side),)
    if side * DIVISOR % DOCUMENTED_SIDE:
        raise ValueError(
            f"size must be a multiple of {DOCUMENTED_SIDE // DIVISOR} for buckets by aspect, got "
            f"{side}; name another or take square ones"
        )
    return tuple((h * side // DOCUMENTED_SIDE, w * side // DOCUMENTED_SIDE) for h, w in DOCUMENTED)


def nearest(picture: Size, sizes: Sequence[Size]) -> Size:
    """The bucket whose width over height is nearest to the picture's."""
    ratio = picture[1] / picture[0]
    return min(sizes, key=lambda size: abs(size[1] / size[0] - ratio))


def cut(picture: Size, bucket: Size) -> Cut:
    """What of a picture fills a bucket."""
    scale = max(bucket[0] / picture[0], bucket[1] / picture[1])
    height, width = bucket[0] / scale / picture[0], bucket[1] / scale / picture[1]
    return Cut((1 - height) / 2, (1 - width) / 2, height, width)


def named(size: Size) -> str:
    """As a manifest has it: width, then height."""
    return f"{size[1]}x{size[0]}"


def size_of(name: object) -> Size | None:
    """The size that such a name tells, as 832x1216 and bucket_832x1216 do."""
    parts = name.removeprefix("bucket_").split("x") if isinstance(name, str) else []
    told = all(part.isdecimal() and len(part) <= MOST_DIGITS and int(part) for part in parts)
    if len(parts) != 2 or not told:
        return None
    return int(parts[1]), int(parts[0])
