"""Images that no model made, for the same portraits: what a figure is worth.

Shape letters: B portraits, H and W pixels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from trainables.draws import generator
from trainables.portrait.config import Control
from trainables.portrait.judge.errors import COARSE_PX, blurred, pixels
from trainables.portrait.portraits import Portraits


def control_images(
    name: Control, train: Portraits, truth: Portraits, seed: int
) -> Float[Tensor, "B 3 H W"]:
    """One image for each of the true ones, in [0, 1].

    Args:
        name: "mean" is the mean image of training, "noise" normal around gray, "another" a drawn
            training image, "blur" and "shift" the true ones, the latter a pixel to the right.
        train: The training portraits.
        truth: The held-out ones.
        seed: The draws are a function of it and of the batch.

    Raises:
        ValueError: When there is no control of that name.
    """
    host = torch.device("cpu")
    images = pixels(truth, host)
    stream = generator(seed, "control", name)
    if name == "mean":
        return (train.images.sum(0, dtype=torch.int64) / (255 * len(train))).expand_as(images)
    if name == "noise":
        return (0.5 + 0.5 * torch.randn(images.shape, generator=stream)).clamp(0, 1)
    if name == "another":
        rows = torch.randint(len(train), (len(truth),), generator=stream)
        return pixels(train.take(rows), host)
    if name == "blur":
        return blurred(images, COARSE_PX)
    if name == "shift":
        return F.pad(images, (1, 0, 0, 0), mode="replicate")[..., :-1]
    raise ValueError(f"control: must be one that makes images, got {name!r}")
