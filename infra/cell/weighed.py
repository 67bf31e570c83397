"""What a cell's state says without knowing the trainable: its first weights, numbers that are none.

A metric need not read what has become NaN, or may hide it, so the state itself is looked at, once
per commit: a maximum per tensor and one wait for the device. A tensor that begins so is left in
peace, as a memory that is still empty is, and minus infinity, which masks hold, is no fault.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from infra.cell.reported import weights_sha256

_MOST = 100  # tensors that are named


class Weighed:
    """The weights of one attempt, from its beginning on.

    Attributes:
        initial: Digest of those that a run of this config begins with, "" where it tells none.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        """By the state of a run that is just built."""
        model = state.get("model")
        self.initial = weights_sha256(model) if model and _holds_tensors(model) else ""
        self._excused = frozenset(_unsound(state))

    def unsound(self, state: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of tensors of networks that hold NaN or infinity by now."""
        return tuple(name for name in _unsound(state) if name not in self._excused)[:_MOST]


def _unsound(state: Mapping[str, Any]) -> list[str]:
    import torch

    largest: dict[torch.device, dict[str, torch.Tensor]] = {}
    for name, tensor in _networks(state, ""):
        if tensor.is_floating_point() and tensor.numel():
            wide = tensor.detach().float() if tensor.element_size() == 1 else tensor.detach()
            largest.setdefault(tensor.device, {})[name] = wide.amax().float()
    return [
        name
        for own in largest.values()
        for name, value in zip(own, torch.stack(list(own.values())).tolist(), strict=True)
        if not value < math.inf  # of NaN nothing is true
    ]


def _networks(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Tensors that stand in a mapping of tensors alone, as networks do, but for an optimizer's."""
    if not isinstance(value, Mapping) or "param_groups" in value:
        return
    if _holds_tensors(value):
        yield from ((f"{place}{name}".removeprefix("model."), one) for name, one in value.items())
        return
    for name, one in value.items():
        yield from _networks(one, f"{place}{name}.")


def _holds_tensors(value: Any) -> bool:
    import torch

    tensors = isinstance(value, Mapping) and value
    return bool(tensors) and all(isinstance(one, torch.Tensor) for one in value.values())
