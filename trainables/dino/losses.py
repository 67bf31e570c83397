"""The terms of the lung-CT losses, but masked autoencoding (`mae`); natural logarithms throughout.

DINO after Caron et al., arXiv 2104.14294, with two global views; Gram anchoring after DINOv3, arXiv
2508.10104, but to the teacher of the same step; KoLeo after Sablayrolles et al., arXiv 1806.03198,
but on the head's output, as DINO-X applies it; SimCLR after Chen et al., arXiv 2002.05709.
Shape letters: X views of a micro-batch (all first views, then all second), K prototypes, T tokens,
D width.
"""

from math import inf, log

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def teacher_probabilities(
    logits: Float[Tensor, "X K"], center: Float[Tensor, " K"], temperature: float
) -> Float[Tensor, "X K"]:
    """What the teacher asks for: centered, then sharpened."""
    return ((logits - center) / temperature).softmax(-1)


def dino_loss(
    student_log_probabilities: Float[Tensor, "X K"], teacher: Float[Tensor, "X K"]
) -> Float[Tensor, ""]:
    """Cross-entropy of each view's student against the other view's teacher, in nats."""
    other = teacher.roll(len(teacher) // 2, 0)
    return -(other * student_log_probabilities).sum(-1).mean()


def gram_loss(
    student: Float[Tensor, "X T D"], teacher: Float[Tensor, "X T D"]
) -> Float[Tensor, ""]:
    """Mean squared difference of the cosines between an image's tokens, CLS left out."""
    return F.mse_loss(_cosines(student[:, 1:]), _cosines(teacher[:, 1:]))


def _cosines(tokens: Float[Tensor, "X T D"]) -> Float[Tensor, "X T T"]:
    unit = F.normalize(tokens.float(), dim=-1)
    return unit @ unit.mT


def koleo_loss(logits: Float[Tensor, "X K"], eps: float = 1e-8) -> Float[Tensor, ""]:
    """Minus the mean log distance to the nearest neighbour on the sphere; low when spread out."""
    unit = F.normalize(logits, dim=-1)
    with torch.no_grad():
        nearest = (unit @ unit.mT).fill_diagonal_(-2).argmax(-1)
    # The difference, since 2 - 2 cos has no digits left where points nearly coincide.
    return -((unit - unit[nearest]).norm(dim=-1) + eps).log().mean()


def simclr_loss(logits: Float[Tensor, "X K"], temperature: float) -> Float[Tensor, ""]:
    """NT-Xent in nats: each view must find its slice's other view among all other views.

    Ln (X - 1) where all outputs coincide.
    """
    unit = F.normalize(logits, dim=-1)
    similarity = (unit @ unit.mT / temperature).fill_diagonal_(-inf)
    other = torch.arange(len(unit), device=unit.device).roll(len(unit) // 2)
    return F.cross_entropy(similarity, other)


def entropy_nats(probabilities: Float[Tensor, "*rows K"]) -> Float[Tensor, "*rows"]:
    """Entropy of each row; ln K when flat, 0 when one-hot."""
    return torch.special.entr(probabilities).sum(-1)


def entropy_wall_nats(out_dim: int) -> float:
    """The loss of a network that has learned nothing: ln K."""
    return log(out_dim)
