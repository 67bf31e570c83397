"""Muon: momentum whose singular values are brought near 1 by a few Newton-Schulz steps.

After Keller Jordan's kellerjordan.github.io/posts/muon. torch.optim.Muon computes matrix by matrix
in bfloat16, which is what a GPU likes; on a CPU that is slow, so there the same law is computed in
float32, small matrices of one shape at once. An update is multiplied by .2 sqrt(the longer side),
which makes it about as large as AdamW's (arXiv 2502.16982, section 2.2).
Shape letters: S matrices of one shape, m rows, n columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.config import MuonConfig

# Operations on lists of tensors, which torch keeps to itself; each overload by its name, as to find
# it by trial makes a text of all numbers of those that do not fit.
aten = torch.ops.aten
STACKED_SIDE = 96  # the longest short side of matrices that are computed at once
ADAMW_RMS = 0.2  # of an update of AdamW, as seen in arXiv 2502.16982


def new_muon(
    cfg: MuonConfig, matrices: Iterable[Tensor], lr: float, weight_decay: float
) -> torch.optim.Muon:
    """Muon of these matrices for the device that they are on; the state is of one kind for both.

    A matrix of one row or column is of rank one: its update is its direction, at a length that no
    gradient changes.
    """
    matrices = list(matrices)
    kind = StackedMuon if matrices[0].device.type == "cpu" else torch.optim.Muon
    return kind(
        matrices,
        lr=lr,
        weight_decay=weight_decay,
        momentum=cfg.momentum,
        nesterov=cfg.nesterov,
        ns_steps=cfg.ns_steps,
        adjust_lr_fn="match_rms_adamw",
    )


class StackedMuon(torch.optim.Muon):
    """torch.optim.Muon with "match_rms_adamw", computed in float32, equal small shapes at once."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            matrices = [p for p in group["params"] if p.grad is not None]
            if matrices:
                aten._foreach_mul_.Scalar(matrices, 1 - group["lr"] * group["weight_decay"])
                self._move(matrices, self._momenta(matrices, group), group)

    def _momenta(self, matrices: Sequence[Tensor], group: Mapping[str, Any]) -> Sequence[Tensor]:
        """Gradients averaged over steps; with Nesterov the new ones count once more."""
        grads = [p.grad for p in matrices if p.grad is not None]
        buffers = [self._buffer(matrix) for matrix in matrices]
        aten._foreach_lerp_.Scalar(buffers, grads, 1 - group["momentum"])
        return (
            aten._foreach_lerp.Scalar(grads, buffers, group["momentum"])
            if group["nesterov"]
            else buffers
        )

    def _buffer(self, matrix: Tensor) -> Tensor:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return state["momentum_buffer"]

    def _move(
        self, matrices: Sequence[Tensor], momenta: Sequence[Tensor], group: Mapping[str, Any]
    ) -> None:
        """Take from the matrices their orthogonalised momenta."""
        steps, coefficients, eps = group["ns_steps"], group["ns_coefficients"], group["eps"]
        for stack in stacks(momenta):
            wide = torch.stack([_wide(momenta[i]) for i in stack]).float()
            rate = group["lr"] * ADAMW_RMS * wide.shape[2] ** 0.5
            turned = orthogonalised(wide, steps, coefficients, eps).mul_(-rate)
            for i, update in zip(stack, turned, strict=True):
                matrices[i].add_(update if momenta[i].shape == update.shape else update.mT)


def stacks(matrices: Sequence[Tensor]) -> list[list[int]]:
    """Which matrices are computed at once: small ones of one shape, be they wide or tall."""
    found: dict[tuple[int, ...], list[int]] = {}
    for place, matrix in enumerate(matrices):
        short, long = sorted(matrix.shape)
        alone = () if short <= STACKED_SIDE else (place,)
        found.setdefault((short, long, *alone), []).append(place)
    return list(found.values())


def orthogonalised(
    matrices: Float[Tensor, "S m n"],
    steps: int,
    coefficients: tuple[float, float, float],
    eps: float,
) -> Float[Tensor, "S m n"]:
    """The same directions, with singular values near 1; rows are at most as many as columns.

    Each step takes every singular value s to a s + b s^3 + c s^5. Those that begin near 0 rise by
    a, 3.4, in each, so that of a square matrix of random numbers the least stay small.
    """
    a, b, c = coefficients
    turned = matrices / torch.linalg.matrix_norm(matrices, keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = turned @ turned.mT
        odd = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        turned = torch.baddbmm(turned, odd, turned, beta=a)
    return turned


def _wide(matrix: Tensor) -> Tensor:
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
