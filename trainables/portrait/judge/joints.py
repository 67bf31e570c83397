"""How far joints are from the true ones, plain and after the best turn, size and place.

Named by the original and never run there. A joint counts where both confidences are at least .05;
fewer than three, joints that all lie in one place, or eyes that are not seen or lie together make a
portrait's error missing, which is not a number here.
Shape letters: B portraits, J joints.
"""

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from trainables.portrait.portraits import LEAST_CONFIDENCE

LEAST_JOINTS = 3
_SMALL = 1e-6  # of a spread, in squared parts of the picture, or of a distance


def seen(made: Float[Tensor, "B J 3"], truth: Float[Tensor, "B J 3"]) -> Bool[Tensor, "B J"]:
    """Which joints count."""
    return torch.minimum(made[..., 2], truth[..., 2]) >= LEAST_CONFIDENCE


def mpjpe(
    made: Float[Tensor, "B J 3"], truth: Float[Tensor, "B J 3"], eyes: tuple[int, int]
) -> Float[Tensor, " B"]:
    """The mean distance of joints, in distances between the true eyes."""
    return _error(_plane(made), made, truth, eyes)


def pa_mpjpe(
    made: Float[Tensor, "B J 3"], truth: Float[Tensor, "B J 3"], eyes: tuple[int, int]
) -> Float[Tensor, " B"]:
    """The same after the turn, the size and the place that fit best: a similarity, not mirrored.

    In the plane that is multiplication by a complex number, which mirrors nothing, and addition of
    another; both are the least-squares fit of made to true joints.
    """
    weight = seen(made, truth).to(made.dtype)
    mine, spread = _centred(_plane(made), weight)
    theirs, true_spread = _centred(_plane(truth), weight)
    turn = (weight * mine.conj() * theirs).sum(1) / spread.clamp(min=_SMALL)
    fitted = turn[:, None] * mine + (_plane(truth) - theirs)
    error = _error(fitted, made, truth, eyes)
    return error.masked_fill(torch.minimum(spread, true_spread) < _SMALL, torch.nan)


def _error(
    placed: Complex[Tensor, "B J"],
    made: Float[Tensor, "B J 3"],
    truth: Float[Tensor, "B J 3"],
    eyes: tuple[int, int],
) -> Float[Tensor, " B"]:
    """The mean distance of joints so placed, or not a number."""
    weight, aim = seen(made, truth), _plane(truth)
    left, right = eyes
    unit = (aim[:, left] - aim[:, right]).abs()
    known = truth[:, [left, right], 2].amin(1) >= LEAST_CONFIDENCE
    known &= (unit > _SMALL) & (weight.sum(1) >= LEAST_JOINTS)
    mean = ((placed - aim).abs() * weight).sum(1) / weight.sum(1)
    return (mean / unit).masked_fill(~known, torch.nan)


def _plane(joints: Float[Tensor, "B J 3"]) -> Complex[Tensor, "B J"]:
    return torch.complex(joints[..., 0], joints[..., 1])


def _centred(
    points: Complex[Tensor, "B J"], weight: Float[Tensor, "B J"]
) -> tuple[Complex[Tensor, "B J"], Float[Tensor, " B"]]:
    """Less the mean of those that count, and the sum of the squares of what is left."""
    count = weight.sum(1).clamp(min=1)
    apart = points - ((weight * points).sum(1) / count)[:, None]
    return apart, (weight * apart.abs().square()).sum(1)
