"""Averages of the weights over the steps, kept beside them and judged like them.

Their memory is a share of the run. timlawrenz/prx-tg@bc10412 has a decay of .9999 over 5,000 steps,
behind a ramp from 0 as long as the warm-up of the rate (production/train.py, lines 529-541), and
judges nothing else: at the end 63.8 % of its average are weights from within the ramp. A run of S
steps takes the decay to the power of 5,000 / S, which leaves that share what it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod

import torch
from torch import Tensor, nn

from trainables.portrait.config import EmaConfig
from trainables.portrait.training.optim import warmup_steps

# Operations on lists of tensors, which torch keeps to itself; each overload by its name, as to find
# it by trial makes a text of all numbers of those that do not fit.
aten = torch.ops.aten
DOCUMENTED_STEPS = 5000
DECAYS = {"short": 0.99, "middle": 0.999, "long": 0.9999, "as run": 0.9999, "power": 0.9999}
HALF = 0.5  # above this share of weights from within the warm-up an average is warned of


class Averages:
    """Of one network's parameters, each by its law; memory and time of one copy of them each."""

    def __init__(self, cfg: EmaConfig, steps: int, warmup: float, network: nn.Module):
        """They begin as the weights are, and forget that by their first update.

        Args:
            cfg: Which are kept.
            steps: Of the run.
            warmup: The share of it over which the rate rises.
            network: Where it is trained.
        """
        self.steps, self._ramp = steps, warmup_steps(warmup, steps)
        self._names = [name for name, _ in network.named_parameters()]
        self._weights = [parameter.detach() for parameter in network.parameters()]
        self._kept = {name: [w.clone() for w in self._weights] for name in cfg.kept}
        for name in self._kept:
            if (share := self.share_within(name, self._ramp)) > HALF:
                print(
                    f"average {name!r}: {share:.0%} of it will be weights from within the warm-up, "
                    "so it tells little of what is learnt; one of a shorter memory does",
                    flush=True,
                )

    def update(self, step: int) -> None:
        """Take in the weights as that step left them; the first is 0."""
        for name, average in self._kept.items():
            aten._foreach_lerp_.Scalar(average, self._weights, self.weight(name, step))

    def weight(self, name: str, step: int) -> float:
        """What the weights that a step left count for in the average, all before them the rest.

        Without a ramp every step counts for less than the next one by the decay, from the first
        on, and what was there before them for nothing.
        """
        decay = DECAYS[name] ** (DOCUMENTED_STEPS / self.steps)
        if name == "as run":
            return 1 - decay * min(1.0, step / self._ramp if self._ramp else 1.0)
        if name == "power":
            return 1 - min(decay, (1 + step) / (10 + step))
        return (1 - decay) / (1 - decay ** (step + 1))

    def share_within(self, name: str, first: int, steps: int | None = None) -> float:
        """The share of weights from the first so many steps in the average after `steps`."""
        last = self.steps if steps is None else steps
        return prod(1 - self.weight(name, step) for step in range(first, last))

    def metrics(self) -> dict[str, float]:
        """How much of each, at the end of the run, are weights from within the rate's warm-up."""
        return {
            f"train/share_within_warmup@{suffix(name)}": self.share_within(name, self._ramp)
            for name in self._kept
        }

    @contextmanager
    def swapped(self, name: str) -> Iterator[None]:
        """The network has an average for weights in the body, and its own bits again behind it.

        Raises:
            ValueError: When that average is not kept.
        """
        if name not in self._kept:
            raise ValueError(
                f"ema: the average must be one of {tuple(self._kept)}, got {name!r}; add it to "
                "ema.kept"
            )
        own = [weight.clone() for weight in self._weights]
        self._put(self._kept[name])
        try:
            yield
        finally:
            self._put(own)

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """The averages, by name and parameter."""
        return {
            name: dict(zip(self._names, average, strict=True))
            for name, average in self._kept.items()
        }

    def load_state_dict(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Continue exactly where `state` was taken."""
        for name, average in self._kept.items():
            saved = state[name]
            aten._foreach_copy_.default(average, [saved[parameter] for parameter in self._names])

    @torch.no_grad()
    def _put(self, weights: list[Tensor]) -> None:
        aten._foreach_copy_.default(self._weights, weights)


def suffix(name: str) -> str:
    """What a metric of an average is called by, behind its @."""
    return "ema_" + name.replace(" ", "_")
