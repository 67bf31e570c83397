"""Portraits from what was drawn of their sitters: pictures, maps of their parts, joints.

Shape letters: B portraits, S pixels of a side, J joints.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from trainables.portrait.drawing.anatomy import Anatomy, anatomy
from trainables.portrait.drawing.canvas import Canvas, Map, Picture
from trainables.portrait.drawing.face import paint_face, paint_glasses, paint_light
from trainables.portrait.drawing.hair import hair_of, paint_back_hair, paint_hair
from trainables.portrait.drawing.joints import joints
from trainables.portrait.drawing.scene import paint_backdrop, paint_body
from trainables.portrait.drawing.sitters import Sitters

FINER = 2  # samples of a pixel along each side
SAMPLES = 2**18  # painted at once, so that they stay in a core's cache


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is drawn.

    Attributes:
        images: Red, green and blue.
        parts: The class of each pixel.
        joints: x, y and confidence.
    """

    images: UInt8[Tensor, "B 3 S S"]
    parts: UInt8[Tensor, "B S S"]
    joints: Float[Tensor, "B J 3"]


@torch.no_grad()
def draw(sitters: Sitters, size: int) -> Drawn:
    """Draw all sitters, many at once, at so many pixels a side."""
    at_once = max(1, SAMPLES // (FINER * size) ** 2)
    images, parts, found = [], [], []
    for start in range(0, len(sitters), at_once):
        who = anatomy(sitters.take(slice(start, start + at_once)))
        count = len(who.sitters)
        picture, plan = Picture(count, FINER * size), Map(count, size)
        for canvas in (picture, plan):
            _paint(canvas, who)
        pooled = F.avg_pool2d(picture.colour.clamp(0, 1), FINER)
        images.append((pooled * 255).round().to(torch.uint8))
        parts.append(plan.parts)
        found.append(joints(who))
    return Drawn(torch.cat(images), torch.cat(parts), torch.cat(found))


def _paint(canvas: Canvas, who: Anatomy) -> None:
    """From behind to the front."""
    hair = hair_of(canvas, who)
    paint_backdrop(canvas, who)
    paint_back_hair(canvas, who, hair)
    paint_body(canvas, who)
    paint_face(canvas, who)
    paint_hair(canvas, who, hair)
    paint_light(canvas, who, hair)
    paint_glasses(canvas, who)
