"""Quantities that may be the cause of a difference: parameters, FLOPs, data, memory."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from infra.answer.arms import Arm
from infra.words import joined

EXPLAINING = {  # metric to its name in a sentence
    "train/parameters": "parameters",
    "train/flops": "FLOPs",
    "train/tokens": "tokens",
    "train/examples": "examples",
    "perf/peak_mem_gib": "memory",
}
_NEAR = 0.05


class Amounts:
    """The mean of each quantity by arm, where all of an arm's finished cells report it."""

    def __init__(self, arms: Sequence[Arm]) -> None:
        self._names = [arm.name for arm in arms]
        self._means = {
            metric: {a.name: mean for a in arms if (mean := _mean(a, metric)) is not None}
            for metric in EXPLAINING
        }
        self._sorted = {
            metric: sorted((m[arm], place) for place, arm in enumerate(self._names) if arm in m)
            for metric, m in self._means.items()
        }

    def explaining(self, arm: str, baseline: str) -> list[str]:
        """Quantities of an arm off the baseline's by over 5 %, each with the arms that match it."""
        by_match: dict[str, list[str]] = {}
        for metric, name in EXPLAINING.items():
            means = self._means[metric]
            ours, theirs = means.get(arm), means.get(baseline)
            if ours is not None and theirs and not _near(ours, theirs):
                match = [other for other in self._matching(metric, ours) if other != arm]
                whose = f"matched by {joined(match, most=2)}" if match else "no arm matches"
                by_match.setdefault(whose, []).append(f"{name} x {ours / theirs:.3g}")
        return [f"{', '.join(told)} ({whose})" for whose, told in by_match.items()]

    def _matching(self, metric: str, value: float) -> list[str]:
        """Arms near the value, in their order: neighbours among the sorted means."""
        every, reach = self._sorted[metric], 2 * _NEAR * abs(value)  # beyond what is near
        low = bisect_left(every, value - reach, key=lambda pair: pair[0])
        high = bisect_right(every, value + reach, key=lambda pair: pair[0])
        while low < high and not _near(every[low][0], value):
            low += 1
        while low < high and not _near(every[high - 1][0], value):
            high -= 1
        return [self._names[place] for place in sorted(place for _, place in every[low:high])]


def _near(one: float, two: float) -> bool:
    return abs(one - two) <= _NEAR * max(abs(one), abs(two))


def _mean(arm: Arm, metric: str) -> float | None:
    """Over the finished cells, where all report it."""
    values = [own.get(metric) for own in arm.readings.values()]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
