"""Hair: what hangs behind the head, what lies on it, and beards.

The outline of hair is that of the skull, somewhat larger, and for longer hair a fall on both sides;
in front a face is left open.
Shape letters: B portraits, H and W samples of a side.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.drawing import paint
from trainables.portrait.drawing.anatomy import Anatomy, Each
from trainables.portrait.drawing.canvas import NOWHERE, Canvas, Grid, ellipse, stroke

BALD, SHORT, MIDDLE, LONG = range(4)


@dataclass(frozen=True, eq=False)
class Hair:
    """The hair of some sitters on one canvas.

    Attributes:
        seen: Distance from all of it that is there, or from nothing.
        colour: Its strands.
    """

    seen: Grid
    colour: Float[Tensor, "B 3 H W"]


def hair_of(canvas: Canvas, who: Anatomy) -> Hair:
    """What all painters of hair need."""
    u, v = who.head(canvas)
    outline = _outline(who, u, v)
    ends = torch.where(
        who.has("length", SHORT) > 0, 0.06 + who.trait("hairline", 0.0, 0.1), _fall(who)
    )
    seen = torch.maximum(outline, v - ends) + NOWHERE * who.has("length", BALD)
    return Hair(seen, paint.hair(who) * _strands(who, u, v))


def paint_back_hair(canvas: Canvas, who: Anatomy, hair: Hair) -> None:
    """What of longer hair is behind the neck."""
    shown = hair.seen + NOWHERE * who.has("length", SHORT)
    canvas.over(shown, who.unit, 0.72 * hair.colour, "hair")


def paint_hair(canvas: Canvas, who: Anatomy, hair: Hair) -> None:
    """What lies on the head, and in front of the shoulders."""
    u, v = who.head(canvas)
    shown = torch.maximum(hair.seen, -_open_face(who, u, v))
    canvas.over(shown, who.unit, hair.colour, "hair")


def paint_beard(canvas: Canvas, who: Anatomy, u: Grid, v: Grid, face: Grid) -> None:
    """A beard within the lower face, and a moustache, which it comes with."""
    x, y = who.mouth()
    colour = 0.86 * paint.hair(who) * _strands(who, u, v)
    upper = y - 0.08 - 0.55 * ((u - x) / who.wide).square()
    jaw = torch.maximum(face - 0.05, upper - v)
    canvas.over(jaw + NOWHERE * (1 - who.has("beard", 2)), who.unit, colour, "hair", 0.92)
    lip = stroke(u - x, v - y, -0.13 + 0.9 * (u - x).square(), 0.27, 0.055)
    canvas.over(lip + NOWHERE * who.has("beard", 0), who.unit, colour, "hair", 0.95)


def _fall(who: Anatomy) -> Each:
    """How far down hair hangs."""
    return who.by("length", 0.0, 0.0, 1.12, 2.6)


def _outline(who: Anatomy, u: Grid, v: Grid) -> Grid:
    """Distance from all that hair covers, above and on both sides."""
    volume = 0.10 + 0.05 * (1 + who.trait("volume")) + who.by("texture", 0.0, 0.04, 0.13)
    back = u + 0.16 * who.yaw.sin()
    skull = ellipse(back, v + 0.14, who.wide + volume + 0.02, 0.95 + 0.8 * volume)
    wide = who.wide + volume - 0.02 + 0.10 * (v / 2).clamp(0, 1)
    side = torch.maximum(back.abs() - wide, -0.15 - v)
    whole = torch.where(who.has("length", MIDDLE, LONG) > 0, torch.minimum(skull, side), skull)
    wave = 0.035 * (7 * v + 2 * u.sign()).sin() * (v > -0.3)
    curl = 0.04 * ((13 * u).sin() + (13 * v + 1).sin())
    return whole + who.has("texture", 1) * wave + who.has("texture", 2) * curl


def _open_face(who: Anatomy, u: Grid, v: Grid) -> Grid:
    """Distance from what hair leaves open in front."""
    x = who.turned(0.0, 0.0)[0] * 0.75
    line = who.by("kind", -0.60, -0.66, -0.62) + who.trait("hairline", 0.0, 0.05)
    narrow = who.by("length", 1.05, 1.05, 0.88, 0.86) * who.wide
    oval = ellipse(u - x, v - 0.45, narrow, 0.45 - line)
    parted = line + 0.22 * who.trait("parting") * (u - x)
    fringe = parted + 0.27 + 0.25 * (u - x).square()
    edge = torch.where(who.has("fringe", 1) > 0, fringe, parted - 0.2)
    return torch.maximum(oval, edge - v)


def _strands(who: Anatomy, u: Grid, v: Grid) -> Float[Tensor, "B 1 H W"]:
    """Lighter and darker strands, as a factor of the colour."""
    straight = (24 * u + 3 * v).sin()
    wavy = (17 * u + 2.5 * (6 * v).sin()).sin()
    curly = (16 * u + 2 * (7 * v).sin()).sin() * (13 * v + 2.5 * (9 * u).sin()).sin()
    kinds = torch.where(who.has("texture", 1) > 0, wavy, straight)
    kinds = torch.where(who.has("texture", 2) > 0, 1.4 * curly, kinds)
    shine = (-6 * (v + 0.8).square()).exp()
    return (1 + 0.16 * kinds + 0.22 * shine)[:, None]
