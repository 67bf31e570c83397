"""Joints of a drawn portrait, read off the same numbers that it is painted from."""

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.drawing.anatomy import NECK, SHOULDERS, Anatomy, Each
from trainables.portrait.drawing.hair import LONG, MIDDLE
from trainables.portrait.portraits import JOINTS

COVERED = 0.4  # confidence in an ear that is under hair
LEAST_EAR = 0.4  # share of an ear from which on it is seen


def joints(who: Anatomy) -> Float[Tensor, "B J 3"]:
    """Joints as x, y and confidence; those that are not in the picture are 0 in all three."""
    one = torch.ones_like(who.x)
    places = {
        "nose": who.placed(*who.nose()),
        "chin": who.placed(0.10 * who.yaw.sin(), 0.96),
        "neck": who.placed(0.0, NECK + 0.1, upright=True),
    }
    sure = {name: one for name in JOINTS}
    # Sides of joints are the sitter's own, those of the anatomy the picture's.
    for name, side in (("left", 1), ("right", -1)):
        x, y = who.mouth()
        corner = y + who.smile() * (0.35 - 0.8**2)
        places[f"{name} eye"] = who.placed(*who.eye(side))
        places[f"{name} ear"] = who.placed(*who.ear(side))
        places[f"{name} mouth"] = who.placed(x + side * 0.8 * who.mouth_width(), corner)
        places[f"{name} shoulder"] = who.placed(
            side * (who.shoulder() - 0.18), SHOULDERS + 0.22, upright=True
        )
        sure[f"{name} ear"] = _ear_confidence(who, side)
    found = torch.cat([torch.cat(places[name], -1) for name in JOINTS], 1) / 2 + 0.5
    confidence = torch.cat([sure[name].view(-1, 1) for name in JOINTS], 1)[..., None]
    inside = ((found >= 0) & (found < 1)).all(-1, keepdim=True)
    return torch.where(inside & (confidence > 0), torch.cat((found, confidence), -1), 0.0)


def _ear_confidence(who: Anatomy, side: int) -> Each:
    covered = who.has("length", MIDDLE, LONG)
    seen = (who.ear_seen(side) >= LEAST_EAR).float()
    return seen * (1 - (1 - COVERED) * covered)
