"""Muon for the matrices of the blocks, Adam for the rest, and their schedules.

After openai/parameter-golf, train_gpt.py. torch.optim.Muon has its orthogonalisation (five
Newton-Schulz steps in bf16) and its scale by sqrt(max(1, rows / columns)). It averages gradients
where that program sums them, which changes the length of the buffer alone, and the length is
divided out; while the momentum rises, old gradients weigh a little less.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

ADAM_BETAS = (0.9, 0.95)
BLOCKS = "stack."
MATRICES = (".weight", ".factor_in", ".factor_out")  # ends of names of linear maps


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """Rates at their height; all fall linearly to 0 at the end of the run. No gradient clipping."""

    batch: int = 8  # windows of one micro-batch
    accumulation: int = 1
    muon_lr: float = 0.04
    embedding_lr: float = 0.05
    lr: float = 0.04  # of vectors and scalars
    lr_warmdown_fraction: float = 0.25  # of the run; documented 1,200 steps, 6 of a run of 200
    muon_momentum: float = 0.95
    muon_momentum_start: float = 0.85
    muon_momentum_steps: int = 500  # until the momentum has risen
    muon_weight_decay: float = 0.0

    def lr_factor(self, step: int, steps: int) -> float:
        """What the rates are multiplied with at a step of a run of so many."""
        return min(1.0, (steps - step) / max(1.0, self.lr_warmdown_fraction * steps))

    def momentum_at(self, step: int) -> float:
        """Muon's momentum at a step."""
        share = min(1.0, step / max(1, self.muon_momentum_steps))
        return self.muon_momentum_start * (1 - share) + self.muon_momentum * share


class Optimizers:
    """Muon and Adam over one network's parameters as if they were one optimizer."""

    def __init__(
        self,
        cfg: OptimConfig,
        named: Iterable[tuple[str, Tensor]],
        matrices: tuple[str, ...] = MATRICES,
    ):
        """Muon takes what is in the blocks, has two axes, and a name that ends in `matrices`."""
        self.cfg = cfg
        groups: dict[str, list[Tensor]] = {"muon": [], "embedding": [], "other": []}
        for name, parameter in named:
            groups[_group(name, parameter, matrices)].append(parameter)
        rates = {"embedding": cfg.embedding_lr, "other": cfg.lr}
        adam = [{"params": groups[n], "lr": rate} for n, rate in rates.items() if groups[n]]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Adam(adam, betas=ADAM_BETAS, fused=True)
        ]
        if groups["muon"]:
            decay = cfg.muon_weight_decay
            muon = torch.optim.Muon(groups["muon"], lr=cfg.muon_lr, weight_decay=decay)
            self._optimizers.append(muon)
        self._heights = [group["lr"] for group in self._groups()]

    @property
    def lr(self) -> float:
        """The rate of the last update: Muon's, or Adam's where nothing is Muon's."""
        return self._groups()[-1]["lr"]

    def step(self, step: int, steps: int) -> None:
        """One update as the schedules have it at that step."""
        factor = self.cfg.lr_factor(step, steps)
        for group, height in zip(self._groups(), self._heights, strict=True):
            group["lr"] = height * factor
            if "momentum" in group:
                group["momentum"] = self.cfg.momentum_at(step)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """The state of both, by name of the class."""
        return {type(o).__name__: o.state_dict() for o in self._optimizers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        for optimizer in self._optimizers:
            optimizer.load_state_dict(state[type(optimizer).__name__])

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]


def _group(name: str, parameter: Tensor, matrices: tuple[str, ...]) -> str:
    if name == "embedding":
        return "embedding"
    matrix = name.startswith(BLOCKS) and name.endswith(matrices)
    return "muon" if matrix and parameter.ndim == 2 else "other"
