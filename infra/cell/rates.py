"""The learning rates that stand in a state's optimizers, whether a run reports them or not."""

from collections.abc import Iterator, Mapping
from typing import Any


def rates(state: Mapping[str, Any], step: int) -> set[str]:
    """As `step optimizer.group rate`, such as `60 optimizer.0 0.001`, for every group with one."""
    return {f"{step} {place} {rate!r}" for place, rate in _groups(state, "")}


def _groups(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """Place and rate of each group, of torch's optimizers or of any that keep their state so."""
    if not isinstance(value, Mapping):
        return
    groups = value.get("param_groups")
    if isinstance(groups, list | tuple):
        for number, group in enumerate(groups):
            rate = group.get("lr") if isinstance(group, Mapping) else None
            if rate is not None:
                yield f"{place}.{number}", float(rate)
        return
    for name, one in value.items():
        yield from _groups(one, f"{place}.{name}".removeprefix("."))
