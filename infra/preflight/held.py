"""Data that a run draws for itself and holds beside its state, and that other arms draw otherwise.

A wider network draws more numbers, and data that are drawn after it from the same stream are others
in each arm. Nothing says which of a run's tensors are data: those that are held beside the state,
and are no closer in two arms of one seed than in two seeds of one arm.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.study.study import Run

_LEAST = 64  # values, below which closeness is chance
_MOST = 100_000  # that are compared
_SAME = 0.999  # closeness of what two seeds share
_NEARER = 0.2  # share of the way from two seeds to equality by which two arms must be nearer


def held(run: Run) -> dict[str, Any]:
    """Its tensors by attribute, with those in its containers, but for what a save would hold."""
    saved = {tensor.data_ptr() for _, tensor in _tensors(run.state_dict(), "")}
    own = {name: value for name, value in getattr(run, "__dict__", {}).items() if name != "cfg"}
    return {
        name: tensor
        for name, tensor in _tensors(own, "")
        if tensor.numel() >= _LEAST and tensor.data_ptr() not in saved
    }


def redrawn(
    one: Mapping[str, Any], other: Mapping[str, Any], of_another_seed: Mapping[str, Any]
) -> list[str]:
    """Names of what is as far apart in two arms as in two seeds of the first."""
    found = []
    for name, mine in one.items():
        of_arms = _closeness(mine, other.get(name))
        of_seeds = _closeness(mine, of_another_seed.get(name))
        if of_arms is None or of_seeds is None or of_seeds > _SAME:
            continue  # what all seeds share was not drawn
        if of_arms < of_seeds + _NEARER * (1 - of_seeds):
            found.append(name)
    return found


def _closeness(one: Any, two: Any) -> float | None:
    """Size of their correlation in [0, 1]; None where they are no two samples of one shape."""
    import torch

    if two is None or one.shape != two.shape or one.is_complex():
        return None
    pair = torch.stack([tensor.detach().flatten()[:_MOST].double().cpu() for tensor in (one, two)])
    pair = pair - pair.mean(1, keepdim=True)
    sizes = pair.norm(dim=1)
    if not (sizes.isfinite().all() and sizes.all()):
        return None
    return abs(float(pair[0] @ pair[1] / (sizes[0] * sizes[1])))


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _tensors(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _tensors(inner, f"{name}[{number}]")
