"""What is painted on: pictures in colour, or maps of which part is where; and plane shapes.

Shapes are signed distances, below 0 within; edges are as soft as a pixel is wide.
Shape letters: B portraits, H and W samples of a side.
"""

from abc import ABC, abstractmethod
from copy import copy

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from trainables.portrait.portraits import PARTS

Grid = Float[Tensor, "#B #H #W"]  # a number for each sample, or for each portrait
Colour = Float[Tensor, "#B #rgb #H #W"]  # or one number for all three
LEAST_COVER = 1 / 3  # of a pixel, from which on it is of a part
NOWHERE = 9.0  # a distance at which nothing is


class Canvas(ABC):
    """Samples of the picture plane: x to the right and y down, from -1 to 1.

    Attributes:
        x: Of each column.
        y: Of each row.
        side: Samples of a whole side.
    """

    def __init__(self, side: int):
        middles = (torch.arange(side) + 0.5) * (2 / side) - 1
        self.x, self.y = middles.view(1, 1, side), middles.view(1, side, 1)
        self.side = side

    def about(self, x: Grid, y: Grid, across: Grid, down: Grid) -> "Canvas":
        """The part of it that surely holds these points, and so far around: faster to paint on."""
        columns = _holding(self.x, x - across, x + across)
        rows = _holding(self.y, y - down, y + down)
        part = copy(self)
        part.x, part.y = self.x[..., columns], self.y[:, rows]
        part.cut(rows, columns)
        return part

    def cover(self, distance: Grid, unit: Grid) -> Grid:
        """The share of each sample that is within, for distances in so long a unit."""
        return (0.5 - distance * (unit * (self.side / 2))).clamp(0, 1)

    @abstractmethod
    def cut(self, rows: slice, columns: slice) -> None:
        """Keep some rows and columns of what is painted on."""

    @abstractmethod
    def over(
        self, distance: Grid, unit: Grid, colour: Colour, part: str, opacity: float = 1.0
    ) -> None:
        """Lay a shape over what is there; its distances are in so long a unit."""

    @abstractmethod
    def tint(self, distance: Grid, unit: Grid, factor: Colour) -> None:
        """Multiply the colour within a shape; parts stay."""


class Picture(Canvas):
    """Colours, red, green and blue from 0 to 1."""

    def __init__(self, count: int, side: int):
        super().__init__(side)
        self.colour: Float[Tensor, "B 3 H W"] = torch.zeros(count, 3, side, side)

    def cut(self, rows: slice, columns: slice) -> None:
        """Keep some rows and columns of what is painted on."""
        self.colour = self.colour[..., rows, columns]

    def over(
        self, distance: Grid, unit: Grid, colour: Colour, part: str, opacity: float = 1.0
    ) -> None:
        """Blend it in where it covers."""
        self.colour.lerp_(colour, self.cover(distance, unit)[:, None] * opacity)

    def tint(self, distance: Grid, unit: Grid, factor: Colour) -> None:
        """Multiply the colour within a shape."""
        self.colour.addcmul_(self.colour, self.cover(distance, unit)[:, None] * (factor - 1))


class Map(Canvas):
    """The part that is uppermost in each sample."""

    def __init__(self, count: int, side: int):
        super().__init__(side)
        self.parts: UInt8[Tensor, "B H W"] = torch.zeros(count, side, side, dtype=torch.uint8)

    def cut(self, rows: slice, columns: slice) -> None:
        """Keep some rows and columns of what is painted on."""
        self.parts = self.parts[:, rows, columns]

    def over(
        self, distance: Grid, unit: Grid, colour: Colour, part: str, opacity: float = 1.0
    ) -> None:
        """Name the samples that it covers."""
        covered = self.cover(distance, unit) >= LEAST_COVER
        self.parts.masked_fill_(covered.expand_as(self.parts), PARTS.index(part))

    def tint(self, distance: Grid, unit: Grid, factor: Colour) -> None:
        """Nothing: it is the same part."""


def _holding(middles: Grid, least: Grid, most: Grid) -> slice:
    """Which samples lie between, in any portrait; at least one."""
    last = max(1, int((middles <= most.max()).sum()))
    return slice(min(int((middles < least.min()).sum()), last - 1), last)


def ellipse(u: Grid, v: Grid, wide: Grid | float, high: Grid | float) -> Grid:
    """Distance from an ellipse with these half axes, exact on its edge alone."""
    smaller = torch.minimum(torch.as_tensor(wide), torch.as_tensor(high))
    return ((u / wide).square() + (v / high).square()).sqrt().sub(1) * smaller


def box(u: Grid, v: Grid, wide: Grid | float, high: Grid | float) -> Grid:
    """Distance from a box with these half sides, exact within and along its edges."""
    return torch.maximum(u.abs() - wide, v.abs() - high)


def stroke(u: Grid, v: Grid, bend: Grid, wide: Grid | float, thick: Grid | float) -> Grid:
    """Distance from a line along u, bent to v = `bend`, of that half width and half thickness."""
    return torch.maximum((v - bend).abs() - thick, u.abs() - wide)
