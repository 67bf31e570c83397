"""How near images are to others, in all ways that a metric has a name for.

Shape letters: B images, H and W pixels.
"""

from collections.abc import Callable, Mapping

from jaxtyping import Float
from torch import Tensor

from trainables.portrait.judge.errors import (
    cropped,
    face_boxes,
    mean,
    pixels,
    squared,
    squared_fine,
    there,
    within,
)
from trainables.portrait.judge.perceptual import LEAST_PX
from trainables.portrait.judge.spectrum import spectrum_ratio
from trainables.portrait.portraits import Portraits

Distance = Callable[[Tensor, Tensor], Tensor]  # of each pair of images in [0, 1]


def main_scores(
    made: Float[Tensor, "B 3 H W"], truth: Portraits, perceptual: Mapping[str, Distance]
) -> dict[str, float]:
    """How near images are to the true ones, on the whole and in the face, and how fine.

    Args:
        made: The images, in [0, 1].
        truth: The portraits that they are of.
        perceptual: LPIPS by its kind.
    """
    true = pixels(truth, made.device)
    values = image_scores(made, true, perceptual, "recon")
    values |= face_scores(made, true, truth, perceptual)
    values |= there({"val/spectrum_ratio": spectrum_ratio(made, true)})
    return values | {"val/images": float(len(truth))}


def image_scores(
    made: Float[Tensor, "B 3 H W"],
    true: Float[Tensor, "B 3 H W"],
    perceptual: Mapping[str, Distance],
    what: str,
) -> dict[str, float]:
    """The mean errors of pairs of images as `val/WHAT_x`."""
    values = {
        f"val/{what}_mse_hf": float(squared_fine(made, true).mean()),
        f"val/{what}_mse": float(squared(made, true).mean()),
    }
    for kind, distance in perceptual.items():
        values[f"val/{what}_lpips_{kind}"] = float(distance(made, true).mean())
    return values


def face_scores(
    made: Float[Tensor, "B 3 H W"],
    true: Float[Tensor, "B 3 H W"],
    truth: Portraits,
    perceptual: Mapping[str, Distance],
) -> dict[str, float]:
    """The same of the boxes around true faces, over portraits with one; without any there is none.

    For LPIPS a box becomes a square of 64 pixels at least.
    """
    boxes, faced = face_boxes(truth.parts.to(made.device))
    if not faced.any():
        return {}
    made, true, boxes = made[faced], true[faced], boxes[faced]
    values = {
        "val/recon_mse_hf@face": mean(within(boxes, squared_fine(made, true))),
        "val/recon_mse@face": mean(within(boxes, squared(made, true))),
    }
    side = max(LEAST_PX, made.shape[3] // 2)
    mine, theirs = (cropped(images, boxes, side) for images in (made, true))
    for kind, distance in perceptual.items():
        values[f"val/recon_lpips_{kind}@face"] = mean(distance(mine, theirs))
    return there(values)
