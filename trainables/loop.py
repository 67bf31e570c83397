"""What training shares in all systems: the steps from one report to the next, and their loss.

A run inherits nothing: it takes its own optimizer steps, each of which adds the losses of its
micro-batches to sums on the device, and says in its own words what they did.
"""

from collections.abc import Iterable, Mapping
from math import isfinite
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Run(Protocol):
    """What is asked of a run here."""

    cfg: Any  # has `steps`, and `precision` where there is autocasting
    step: int
    device: torch.device


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(run: Run) -> torch.autocast:
    """A context in which matrix products have the precision that the config asks for."""
    return torch.autocast(run.device.type, torch.bfloat16, run.cfg.precision == "bf16")


def weighted(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Float[Tensor, " terms"]:
    """The loss, the weighted sum of its terms, and then these in the order of their weights."""
    losses = torch.stack([terms[name] for name in weights])
    shares = torch.stack([weight * terms[name] for name, weight in weights.items()])
    return torch.cat((shares.sum(0, keepdim=True), losses))


def steps_left(run: Run, name: str, steps: int) -> int:
    """That many steps, or as many as the budget still has.

    Raises:
        RuntimeError: When none is left, or none was asked for.
    """
    steps = min(steps, run.cfg.steps - run.step)
    if steps < 1:
        raise RuntimeError(
            f"{name}: at least one step must be left, got step {run.step} of {run.cfg.steps}"
        )
    return steps


class Lap:
    """The optimizer steps from one report to the next, on the clock from here on.

    Attributes:
        steps: How many there are to take: those asked for, fewer at the end of the budget.
        sums: To which each micro-batch adds its loss and the terms of it, in the order of `terms`.
    """

    def __init__(self, run: Run, name: str, steps: int, terms: Iterable[str]):
        self.run, self.name = run, name
        self.steps = steps_left(run, name, steps)
        self._started = perf_counter()
        self._names = ["train/loss", *terms]
        self.sums = torch.zeros(len(self._names), device=run.device)

    def means(self, micro_batches: int, remedy: str) -> dict[str, float]:
        """The loss and its terms over the steps taken, each of so many micro-batches.

        This is the one time that the host waits for the device.

        Raises:
            FloatingPointError: When the loss was not finite in any of them; with the remedy.
        """
        values = (self.sums / (self.steps * micro_batches)).tolist()
        means = dict(zip(self._names, values, strict=True))
        if not isfinite(means["train/loss"]):
            raise FloatingPointError(
                f"{self.name}: the loss must be finite, got {means} over the {self.steps} steps up "
                f"to step {self.run.step}; {remedy}"
            )
        return means

    def pace(self, **seen: int) -> dict[str, float]:
        """What the steps took, once `means` has waited for them.

        Args:
            seen: How many of what one step sees, such as examples=32.
        """
        seconds = perf_counter() - self._started
        pace = {"perf/step_ms": 1000 * seconds / self.steps}
        pace |= {f"perf/{what}_per_s": self.steps * n / seconds for what, n in seen.items()}
        if self.run.device.type == "cuda":
            pace["perf/peak_mem_gib"] = torch.cuda.max_memory_allocated() / 2**30
        return pace
