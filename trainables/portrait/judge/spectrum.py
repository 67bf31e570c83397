"""How much fine detail images have, against the true ones: blur has less, noise more.

Shape letters: B portraits, H and W pixels.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

FINE = 1 / 8  # periods a pixel above which detail counts as fine: what is smaller than 8 pixels
_NONE = 1e-13  # power that is rounding; a pixel of a million that is one byte off has more


def spectrum_ratio(made: Float[Tensor, "B 3 H W"], truth: Float[Tensor, "B 3 H W"]) -> float | None:
    """The power of all images above that radial frequency, by that of the true ones.

    None where these have none.
    """
    mine, theirs = float(fine_power(made).mean()), float(fine_power(truth).mean())
    return mine / theirs if theirs > _NONE else None


def fine_power(images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, " B"]:
    """The mean square of what each image has above that frequency.

    Its mean is taken off and its edges fade out (a Hann window), lest they count as detail.
    """
    height, width = images.shape[2:]
    window = torch.hann_window(height, device=images.device)[:, None] * torch.hann_window(
        width, device=images.device
    )
    flat = images - images.mean((2, 3), keepdim=True)
    power = torch.fft.fft2(flat * window, norm="forward").abs().square()
    return (power * _fine(images)).sum((1, 2, 3)) / window.square().mean() / 3


def _fine(images: Tensor) -> Bool[Tensor, "H W"]:
    """Which of the frequencies of a transform are fine."""
    rows, columns = (torch.fft.fftfreq(side, device=images.device) for side in images.shape[2:])
    return rows[:, None] ** 2 + columns**2 > FINE**2
