"""Times things side by side, in turning order: a machine that slows down does so for all."""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

import torch

Times = Mapping[str, list[float]]


def seconds(action: Callable[[], object]) -> float:
    """How long it takes once, to its end on the device."""
    began = perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - began


def times_by_turns(actions: Mapping[str, Callable[[], object]], rounds: int) -> Times:
    """Seconds of each action in each round; every round begins with another one."""
    names = list(actions)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            times[name].append(seconds(actions[name]))
    return times


def ratio(times: Times, one: str, other: str) -> float:
    """Median over rounds of the one's time by the other's."""
    return median(a / b for a, b in zip(times[one], times[other], strict=True))
