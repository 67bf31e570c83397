"""One metric of one run as a curve, with what its own points say of its noise."""

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from infra.ledger.records import Point

_LARGEST_SHARE = 0.1  # one of ten


@dataclass(frozen=True)
class Curve:
    """A metric by step; `cost` is the value with the `sign` that makes less the better."""

    steps: tuple[int, ...]
    cost: tuple[float, ...]
    sign: int

    @classmethod
    def of(cls, points: Sequence[Point], metric: str, sign: int) -> "Curve":
        """The points that have the metric; -1 where more of it is better."""
        own = [(p.step, sign * p.metrics[metric]) for p in points if metric in p.metrics]
        return cls(tuple(s for s, _ in own), tuple(v for _, v in own), sign)

    def text(self, index: int) -> str:
        """The value at a point, with its own sign."""
        return f"{self.sign * self.cost[index]:.4g}"

    @property
    def window(self) -> int:
        """Points in a running median."""
        return max(3, len(self.cost) // 8)

    @cached_property
    def smooth(self) -> list[float]:
        """Running medians over whole windows; the i-th begins at point i."""
        held = sorted(self.cost[: self.window])  # the window, kept in order as it moves
        medians = [median(held)]
        middle, odd = divmod(len(held), 2)
        for gone, come in zip(self.cost, self.cost[self.window :], strict=False):
            del held[bisect_left(held, gone)]
            insort(held, come)
            medians.append(held[middle] if odd else (held[middle - 1] + held[middle]) / 2)
        return medians

    @property
    def gain(self) -> float:
        """How far the best window lies below the start; 0 where none does."""
        return max(0.0, self.cost[0] - min(self.smooth))

    def since(self, limit: float) -> int:
        """The point from which on the cost stays above the limit, to the end."""
        below = [i for i, cost in enumerate(self.cost) if cost <= limit]
        return min(len(self.cost) - 1, below[-1] + 1) if below else 0

    @cached_property
    def noise(self) -> float:
        """Robust sd of a value around its neighbours: the smaller of two estimates.

        One spike spoils three of the second differences but two of the first; a slope spoils all
        of the first and none of the second. At least half a count where the metric is counted.
        """
        cost = self.cost
        first = median(abs(b - a) for a, b in zip(cost, cost[1:], strict=False))
        near = zip(cost, cost[1:], cost[2:], strict=False)
        second = median(abs(b - (a + c) / 2) for a, b, c in near)
        return max(self.count / 2, 1.4826 * min(first / math.sqrt(2), second / math.sqrt(1.5)))

    @cached_property
    def count(self) -> float:
        """The step in which a counted metric moves, as accuracy does; 0 for one that is not.

        Three moves in both directions, all of them multiples of the smallest. Fewer will do for a
        share of ten or more, where the values themselves are multiples too.
        """
        changes = [b - a for a, b in zip(self.cost, self.cost[1:], strict=False) if a != b]
        if not changes or max(changes) < 0 or min(changes) > 0:
            return 0.0
        step = min(map(abs, changes))
        few = len(changes) < 3
        told = [*changes, *self.cost] if few else changes
        counted = all(abs(x / step - round(x / step)) < 1e-6 for x in told)
        return step if counted and not (few and step > _LARGEST_SHARE) else 0.0


def largest_recovery(values: Sequence[float]) -> float:
    """The largest rise over an earlier low."""
    low, worst = math.inf, 0.0
    for value in values:
        low = min(low, value)
        worst = max(worst, value - low)
    return worst
