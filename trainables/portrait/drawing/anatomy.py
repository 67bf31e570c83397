"""Where in the picture everything of a head is: what the painters and the joints both read.

Lengths are in units of half a face's height, from the middle of the face, u to the right of the
picture and v down, before the head is tilted. The head is an ellipsoid that is turned about its
vertical axis, so that what lies nearer to us moves further.
Shape letters: B portraits, H and W samples of a side.
"""

from dataclasses import dataclass
from functools import partial
from math import pi

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.drawing.canvas import Canvas, Grid
from trainables.portrait.drawing.sitters import Sitters

Each = Float[Tensor, "B 1 1"]
SIDES = (-1, 1)  # the picture's left and right
SHOULDERS, NECK = 1.62, 1.30  # how far below the middle of the face
TURN = 0.50  # radians, from facing the camera to facing left or right
_DEPTH = 0.85  # of a head, as a share of its half width


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Numbers of each portrait.

    Attributes:
        sitters: Whom they are of.
        unit: Half a face's height, where the picture's half side is 1.
        x: The middle of the face in the picture, from -1 to 1.
        y: The same, downwards.
        roll: How far the head is tilted clockwise, radians.
        yaw: How far it is turned to the picture's right, radians.
        pitch: How far features sit below where they do when it is level.
        wide: Half the width of the face.
        taper: How much narrower it is at the chin.
    """

    sitters: Sitters
    unit: Each
    x: Each
    y: Each
    roll: Each
    yaw: Each
    pitch: Each
    wide: Each
    taper: Each

    def trait(self, name: str, middle: float = 0.0, spread: float = 1.0) -> Each:
        """A trait, spread about a middle."""
        return _trait(self.sitters, name, middle, spread)

    def by(self, name: str, *numbers: float) -> Each:
        """A number for each portrait, by its value of an attribute."""
        return _by(self.sitters, name, *numbers)

    def has(self, name: str, *values: int) -> Each:
        """1 where an attribute has one of these values, else 0."""
        found = torch.isin(self.sitters.values[name], torch.tensor(values))
        return found.float().view(-1, 1, 1)

    def turned(self, u: Each | float, v: Each | float, out: float = 1.0) -> tuple[Each, Each]:
        """Where a point of the turned head is seen, given where it is on a straight one.

        Args:
            u: Of the point.
            v: Of the point.
            out: How far it stands out, as a share of the depth there; a nose does.
        """
        depth = (1 - (u / self.wide) ** 2 - 0.4 * torch.as_tensor(v) ** 2).clamp(min=0).sqrt()
        seen = u * self.yaw.cos() + depth * out * _DEPTH * self.wide * self.yaw.sin()
        return seen, v + self.pitch

    def narrowed(self, u: Each | float) -> Each:
        """How wide what lies about there is seen, as a share of its width on a straight head."""
        return (self.yaw + torch.asin((u / self.wide).clamp(-0.9, 0.9))).cos().clamp(min=0.45) / (
            torch.asin((u / self.wide).clamp(-0.9, 0.9)).cos()
        )

    def eye(self, side: int) -> tuple[Each, Each]:
        """The middle of an eye; sides are the picture's."""
        return self.turned(side * self.trait("eye_distance", 0.34, 0.035) * self.wide / 0.74, -0.06)

    def nose(self) -> tuple[Each, Each]:
        """Its tip."""
        return self.turned(torch.zeros_like(self.yaw), self.trait("nose_length", 0.27, 0.05), 1.3)

    def mouth(self) -> tuple[Each, Each]:
        """Its middle."""
        return self.turned(torch.zeros_like(self.yaw), 0.56)

    def mouth_width(self) -> Each:
        """Half of it, as seen."""
        smile = self.by("expression", 0.0, 0.05, 0.06)
        wide = self.by("kind", 0.24, 0.28, 0.26) + smile + self.trait("mouth_width", 0.0, 0.03)
        return wide * self.yaw.cos()

    def smile(self) -> Each:
        """How far the corners of the mouth are above its middle."""
        return self.by("expression", -0.02, 0.12, 0.11) + self.trait("mood", 0.0, 0.02)

    def ear(self, side: int) -> tuple[Each, Each]:
        """Its middle."""
        return side * (self.wide * self.yaw.cos() + 0.03) - 0.1 * self.yaw.sin(), 0.02 + self.pitch

    def ear_seen(self, side: int) -> Each:
        """How much of an ear the turn of the head leaves to be seen, 0 to 1."""
        return (1 - 2.6 * (side * self.yaw.sin()).clamp(min=0)).clamp(min=0)

    def shoulder(self) -> Each:
        """Half the width between the shoulders."""
        return self.by("build", 1.18, 1.45, 1.84) + self.by("kind", -0.12, 0.10, 0.02)

    def head(self, canvas: Canvas) -> tuple[Grid, Grid]:
        """Each sample in the head's own coordinates, tilted with it."""
        u, v = self.body(canvas)
        cos, sin = self.roll.cos(), self.roll.sin()
        return cos * u + sin * v, cos * v - sin * u

    def body(self, canvas: Canvas) -> tuple[Grid, Grid]:
        """Each sample in upright coordinates about the middle of the face."""
        return (canvas.x - self.x) / self.unit, (canvas.y - self.y) / self.unit

    def placed(self, u: Each | float, v: Each | float, upright: bool = False) -> tuple[Each, Each]:
        """Where a point of the head, or of the upright body, is on the canvas."""
        if not upright:
            cos, sin = self.roll.cos(), self.roll.sin()
            u, v = cos * u - sin * v, sin * u + cos * v
        return self.x + self.unit * u, self.y + self.unit * v


def anatomy(sitters: Sitters) -> Anatomy:
    """The numbers of some sitters."""
    trait, by = partial(_trait, sitters), partial(_by, sitters)
    return Anatomy(
        sitters,
        unit=trait("zoom", 0.57, 0.06),
        x=trait("across", 0.0, 0.12),
        y=trait("down", -0.12, 0.06),
        roll=trait("roll", 0.0, 8 * pi / 180),
        yaw=by("turn", -TURN, 0.0, TURN) + trait("yaw", 0.0, 0.12),
        pitch=trait("pitch", 0.0, 0.05),
        wide=by("build", 0.64, 0.72, 0.79)
        + by("kind", -0.02, 0.02, 0.0)
        + trait("face_width", 0.0, 0.035),
        taper=by("kind", 0.43, 0.22, 0.29) - by("build", 0.0, 0.03, 0.09) + trait("jaw", 0.0, 0.05),
    )


def _trait(sitters: Sitters, name: str, middle: float, spread: float) -> Each:
    return sitters.traits[name].view(-1, 1, 1) * spread + middle


def _by(sitters: Sitters, name: str, *numbers: float) -> Each:
    return torch.tensor(numbers)[sitters.values[name]].view(-1, 1, 1)
