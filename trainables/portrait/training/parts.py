"""What an error counts by where in a portrait it is.

Documented for arm E of timlawrenz/prx-tg (scripts/arm_e_config.yaml) are 2 for the face, .5 for the
background and 1 for the rest, brought to a mean of 1 in each portrait.
Shape letters: B portraits, H and W pixels.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from trainables.portrait.config import PartsConfig
from trainables.portrait.portraits import FACE, PARTS


def pixel_weights(cfg: PartsConfig, parts: UInt8[Tensor, "B H W"]) -> Float[Tensor, "B H W"] | None:
    """The weight of each pixel; None where all count alike, which costs nothing.

    A portrait of which nothing counts has weights of 0, normalised or not.
    """
    by_part = [cfg.other] * len(PARTS)
    by_part[PARTS.index("background")] = cfg.background
    for part in FACE:
        by_part[part] = cfg.face
    even, normalised = len(set(by_part)) == 1, cfg.normalise
    if even and (by_part[0] == 1 or (normalised and by_part[0] > 0)):
        return None
    weights = torch.tensor(by_part, device=parts.device)[parts.long()]
    if not normalised:
        return weights
    return weights / weights.mean((1, 2), keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
