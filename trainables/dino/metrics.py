"""What a run is judged by: retrieval of a slice's second view, and the shape of embeddings.

Shape letters: N slices, X = two views of each, D width of the embedding, K prototypes.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from trainables.dino.config import LossConfig
from trainables.dino.losses import (
    dino_loss,
    entropy_nats,
    entropy_wall_nats,
    teacher_probabilities,
)

ACTIVE_STD = 0.01  # a dimension is active when its std over unit embeddings is above this
RIDGE = 1.0  # penalty on coefficients, where embeddings have variance 1 over all dimensions


def prediction_metrics(
    logits: Float[Tensor, "X K"],
    teacher_logits: Float[Tensor, "X K"],
    center: Float[Tensor, " K"],
    cfg: LossConfig,
) -> dict[str, Float[Tensor, ""]]:
    """What is read off the head; outputs that nothing trains are those of a random head."""
    log_p = (logits / cfg.student_temperature).log_softmax(-1)
    target = teacher_probabilities(teacher_logits, center, cfg.teacher_temperature)
    dino, wall = dino_loss(log_p, target), entropy_wall_nats(logits.shape[-1])
    return {
        "val/dino_loss_nats": dino,
        "val/wall_distance_nats": wall - dino,
        "val/wall_distance_fraction": (wall - dino) / wall,
        "val/teacher_entropy_nats": entropy_nats(target).mean(),
        "val/student_entropy_nats": entropy_nats(log_p.exp()).mean(),
        "val/mean_prediction_entropy_nats": entropy_nats(target.mean(0)),
    }


def embedding_metrics(
    first: Float[Tensor, "N D"], second: Float[Tensor, "N D"]
) -> dict[str, Float[Tensor, ""]]:
    """What is read off the unit embeddings of both views."""
    top1, top5 = retrieval(first, second)
    return {
        "val/top1": top1,
        "val/top5": top5,
        "val/active_dims": active_dims(first),
        "val/embedding_std": embedding_std(first),
        "val/mean_cosine": mean_cosine(first),
    }


def retrieval(
    query: Float[Tensor, "N D"], key: Float[Tensor, "N D"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Share of slices whose second view is the nearest key of their first, and in the top five.

    Chance is 1 / N and 5 / N. The documented "ratio" is the first times N: a number of hits, which
    cannot be compared between different N.
    """
    nearest = (query @ key.mT).topk(min(5, len(key)), dim=-1).indices
    hit = nearest == torch.arange(len(query), device=query.device)[:, None]
    return hit[:, 0].float().mean(), hit.any(-1).float().mean()


def active_dims(unit: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """Dimensions in which the embeddings differ between slices."""
    return (unit.std(0) > ACTIVE_STD).sum().float()


def embedding_std(unit: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """Mean over dimensions of the std between slices; at most D to the power of -1/2."""
    return unit.std(0).mean()


def mean_cosine(unit: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """Mean cosine of two different slices; 1 where all embeddings coincide."""
    n = len(unit)
    return (unit.sum(0).square().sum() - unit.square().sum()) / (n * (n - 1))


def has_folds(target: Float[Tensor, " N"], series: Int64[Tensor, " N"]) -> bool:
    """Whether `decoded_share` is defined: the target varies in both halves of the series."""
    odd = _odd(series)
    halves = (target[odd], target[~odd])
    return all(len(half) > 1 and bool(half.std() > 1e-6) for half in halves)


def decoded_share(
    unit: Float[Tensor, "N D"], target: Float[Tensor, " N"], series: Int64[Tensor, " N"]
) -> float:
    """R2 of a ridge regression of the target on embeddings, for series that it was not fitted on.

    One half of the series is predicted from the other and the reverse. DINO-X (evaluate_panorgan.py
    @9b34237) fits four fifths and penalises embeddings as they are, which on a few hundred slices
    predicts the mean.
    """
    x, y, odd = unit.cpu().double(), target.cpu().double(), _odd(series)
    residual = torch.empty_like(y)
    for fit in (odd, ~odd):
        known = x[fit] - x[fit].mean(0)
        scale = known.std().clamp(min=1e-9)
        known, asked = known / scale, (x[~fit] - x[fit].mean(0)) / scale
        penalty = RIDGE * torch.eye(x.shape[1], dtype=x.dtype)
        mean = y[fit].mean()
        weight = torch.linalg.solve(known.mT @ known + penalty, known.mT @ (y[fit] - mean))
        residual[~fit] = y[~fit] - mean - asked @ weight
    return 1 - float(residual.square().sum() / (y - y.mean()).square().sum())


def _odd(series: Int64[Tensor, " N"]) -> Bool[Tensor, " N"]:
    """Every second of the series that there are."""
    return series.unique(return_inverse=True)[1] % 2 == 1
