"""A run of which three things are to be written: what it holds, a step, and how it is measured.

    class Mine(TorchRun):
        def build(self):
            self.net = nn.Linear(5, 3).to(self.device)
            self.optimizer = torch.optim.Adam(self.net.parameters())

        def step_once(self):
            x, y = self.batch(DATA, 32)
            ...
            return loss

        def evaluate(self):
            return {"val/loss": ...}

Its config has `seed` and `steps`. All draws are a function of (seed, step), so that a resumed run
is bit for bit the uninterrupted one, and arms at one seed share what they have in common.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from trainables.batches import batch_at
from trainables.keyed import keyed
from trainables.loop import best_device, steps_left


class TorchRun(ABC):
    """Trains what its attributes hold, and saves each that has a state of its own.

    That is whatever has `state_dict` and `load_state_dict`: networks, averages of them, optimizers,
    schedulers, scalers, also in a list or a dict. Else a run must hold nothing that acts later, or
    add it to `state_dict` and `load_state_dict`.

    Attributes:
        cfg: The config of the cell.
        step: Optimizer steps done.
        device: The GPU where there is one.
    """

    def __init__(self, cfg: Any) -> None:
        self.cfg, self.step, self.device = cfg, 0, best_device()
        if not isinstance(steps := getattr(cfg, "steps", None), int) or steps < 0:
            raise ValueError(
                f"{type(cfg).__name__}: must have an int field 'steps', 0 or more, of "
                f"{type(self).__name__}, got {steps!r}"
            )
        with keyed(cfg.seed, "init"):
            self.build()
        self._as_built = self._modes()

    @abstractmethod
    def build(self) -> None:
        """Assigns what is trained, and what trains it, to attributes of any name.

        Networks that are put into evaluation mode here, such as a frozen one, stay in it.
        """

    @abstractmethod
    def step_once(self) -> Tensor | float | Mapping[str, Any] | None:
        """One step; gives back its loss, or numbers and tensors by name, of which means are told.

        Drawing from torch, numpy or `random` is as good as from a generator of one's own.
        """

    @abstractmethod
    def evaluate(self) -> Mapping[str, Any]:
        """Metrics on held-out data; called in evaluation mode, without gradients."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "evaluate" in vars(cls):
            cls.evaluate = _at_rest(cls.evaluate)

    def batch(self, dataset: Any, size: int, **options: Any) -> Any:
        """What a shuffling DataLoader would give at this step; see `trainables.batches`."""
        return batch_at(self.step, dataset, size, self.cfg.seed, **options)

    def advance(self, steps: int) -> dict[str, float]:
        """Take that many steps, fewer at the end, and give back the means of what they told.

        The host waits for the device once, at the end.

        Raises:
            RuntimeError: When none is left.
        """
        sums, times = dict[str, Any](), Counter[str]()
        for _ in range(steps_left(self, type(self).__name__, steps)):
            self._as_built()
            with keyed(self.cfg.seed, "step", self.step):
                told = self.step_once()
            self.step += 1
            for name, value in _named(told).items():
                value = value.detach().float() if isinstance(value, Tensor) else value
                sums[name] = sums[name] + value if name in sums else value
                times[name] += 1
        return {name: float(total) / times[name] for name, total in sums.items()}

    def done(self) -> bool:
        """Whether the step budget is spent."""
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict[str, Any]:
        """The step, under "model" all tensors of networks, and the state of each other part."""
        model, others = dict[str, Tensor](), dict[str, Any]()
        for name, part in self._parts().items():
            state = part.state_dict()
            if isinstance(part, nn.Module):
                model |= {f"{name}.{key}": tensor for key, tensor in state.items()}
            else:
                others[name] = state
        return {**others, "step": self.step, "model": model}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken.

        Raises:
            KeyError: When it has nothing of a part.
        """
        self.step = state["step"]
        for name, part in self._parts().items():
            if isinstance(part, nn.Module):
                begin = f"{name}."
                mine = {k: v for k, v in state["model"].items() if k.startswith(begin)}
                part.load_state_dict({k.removeprefix(begin): v for k, v in mine.items()})
            else:
                part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own, by the name of its attribute, and its place in a list."""
        found = dict[str, Any]()
        for name, held in vars(self).items():
            if _has_state(held):
                found[name] = held
            elif all(_has_state(part) for _, part in _within(held)):
                found |= {f"{name}.{place}": part for place, part in _within(held)}
        return found

    def _modes(self) -> Callable[[], None]:
        """What puts the networks into the modes that they have now."""
        networks = [part for part in self._parts().values() if isinstance(part, nn.Module)]
        now = [(one, one.training) for network in networks for one in network.modules()]

        def restore() -> None:
            for module, training in now:
                if module.training != training:  # a look is cheaper than setting it, at each step
                    module.training = training

        return restore

    @contextmanager
    def _resting(self) -> Iterator[None]:
        restore = self._modes()
        try:
            for part in self._parts().values():
                if isinstance(part, nn.Module):
                    part.eval()
            with torch.no_grad(), keyed(self.cfg.seed, "evaluate"):
                yield
        finally:
            restore()


def _at_rest(evaluate: Callable[..., Mapping[str, Any]]) -> Callable[..., dict[str, float]]:
    """The evaluation in evaluation mode, without gradients, with draws of its own."""

    @wraps(evaluate)
    def at_rest(self: TorchRun) -> dict[str, float]:
        with self._resting():
            told = evaluate(self)
        return {n: v.item() if hasattr(v, "item") else v for n, v in told.items()}

    return at_rest


def _named(told: Tensor | float | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if told is None:
        return {}
    return told if isinstance(told, Mapping) else {"train/loss": told}


def _within(held: object) -> Iterable[tuple[Any, Any]]:
    """Places and parts of a list or a dict."""
    if isinstance(held, dict):
        return held.items()
    return enumerate(held) if isinstance(held, list | tuple) else ()


def _has_state(part: object) -> bool:
    """Not a class, which has the functions and no state."""
    owner = not isinstance(part, type)
    return owner and hasattr(part, "state_dict") and hasattr(part, "load_state_dict")
