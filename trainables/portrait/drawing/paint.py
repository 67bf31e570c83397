"""Colours of drawn portraits: skin, hair, eyes, clothes, background, and the light on them.

Shape letters: B portraits, H and W samples of a side.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.drawing.anatomy import Anatomy
from trainables.portrait.drawing.canvas import Grid

Paint = Float[Tensor, "B 3 1 1"]
RGB = tuple[float, float, float]

SKIN: Sequence[RGB] = (
    (0.98, 0.87, 0.80), (0.93, 0.75, 0.63), (0.79, 0.57, 0.39), (0.56, 0.37, 0.25),
    (0.36, 0.23, 0.16),
)  # fmt: skip
HAIR: Sequence[RGB] = (
    (0.09, 0.08, 0.09), (0.34, 0.20, 0.11), (0.89, 0.72, 0.38), (0.66, 0.26, 0.10),
    (0.63, 0.63, 0.65),
)  # fmt: skip
IRIS: Sequence[RGB] = (
    (0.33, 0.18, 0.08), (0.20, 0.46, 0.80), (0.25, 0.55, 0.28), (0.50, 0.55, 0.60),
)  # fmt: skip
DYE: Sequence[RGB] = (
    (0.78, 0.15, 0.16), (0.16, 0.30, 0.68), (0.15, 0.48, 0.25), (0.92, 0.92, 0.90),
    (0.13, 0.13, 0.15), (0.93, 0.78, 0.20), (0.48, 0.24, 0.58),
)  # fmt: skip
BACKDROP: Sequence[RGB] = (  # when dark; the light one lies nearer to white
    (0.22, 0.22, 0.23), (0.10, 0.18, 0.36), (0.08, 0.26, 0.16), (0.36, 0.11, 0.13),
    (0.27, 0.18, 0.11),
)  # fmt: skip
LIP: RGB = (0.72, 0.25, 0.27)
SILVER: RGB = (0.72, 0.72, 0.72)
_TOWARDS = ((-0.75, -0.25, 0.55), (0.0, -0.30, 0.95), (0.75, -0.25, 0.55))  # where light is from


def plain(colour: RGB) -> Float[Tensor, "1 3 1 1"]:
    """One colour for all."""
    return torch.tensor(colour).view(1, 3, 1, 1)


def by(who: Anatomy, name: str, colours: Sequence[RGB]) -> Paint:
    """A colour for each, by a value of an attribute."""
    return torch.tensor(colours)[who.sitters.values[name]].view(-1, 3, 1, 1)


def shaded(colour: Paint, who: Anatomy, trait: str, spread: float) -> Paint:
    """The same lighter or darker, by a trait."""
    return colour * who.trait(trait, 1.0, spread)[:, None]


def skin(who: Anatomy) -> Paint:
    """The skin's colour; mature skin is a little duller."""
    colour = shaded(by(who, "skin", SKIN), who, "skin_shade", 0.04)
    red = who.trait("skin_red", 1.0, 0.03)[:, None]
    colour = colour * torch.cat((red, torch.ones_like(red), 2 - red), 1)
    return colour * (1 - 0.06 * who.has("age", 1))[:, None]


def hair(who: Anatomy) -> Paint:
    """The hair's colour, which turns grey."""
    colour = shaded(by(who, "hair", HAIR), who, "hair_shade", 0.12)
    return colour + 0.42 * who.has("age", 1)[:, None] * (plain(SILVER) - colour)


def light(who: Anatomy, u: Grid, v: Grid) -> Float[Tensor, "B 1 H W"]:
    """What the light leaves of a colour, on a ball about the head."""
    across, down = (u / (1.25 * who.wide)).clamp(-1, 1), (v / 1.3).clamp(-1, 1)
    near = (1 - across.square() - down.square()).clamp(min=0.02).sqrt()
    x, y, z = (who.by("lit", *axis) for axis in zip(*_TOWARDS, strict=True))
    return (0.58 + 0.52 * (x * across + y * down + z * near).clamp(min=0))[:, None]


def light_across(who: Anatomy, x: Grid) -> Float[Tensor, "B 1 H W"]:
    """The same on what is flat, brighter on the side that the light comes from."""
    return (0.95 - 0.22 * who.by("lit", 1.0, 0.0, -1.0) * x)[:, None]
