"""One metric of one run as a curve, with what its own points say of its noise."""

import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median

from infra.ledger.records import Point

_LARGEST_SHARE = 0.1  # one of ten
_ORDERS = 100.0  # two orders of magnitude
_TRIMMED_SD = 0.72  # noise of Gaussian points without the worst quarter, beside that of all
_MOST_RANKED = 100  # values whose ranks are compared


@dataclass(frozen=True)
class Curve:
    """A metric by step; `cost` is the value with the `sign` that makes less the better.

    Where `is_log`, it is the logarithm of that.
    """

    steps: tuple[int, ...]
    cost: tuple[float, ...]
    sign: int
    is_log: bool = False

    @classmethod
    def of(cls, points: Sequence[Point], metric: str, sign: int) -> "Curve":
        """The points that have the metric; -1 where more of it is better."""
        own = [(p.step, sign * p.metrics[metric]) for p in points if metric in p.metrics]
        return cls(tuple(s for s, _ in own), tuple(v for _, v in own), sign)

    def text(self, index: int) -> str:
        """The value at a point, with its own sign."""
        return self.told(self.cost[index])

    def told(self, cost: float) -> str:
        """The value that has this cost."""
        return f"{self.sign * self.raw(cost):.4g}"

    def raw(self, cost: float) -> float:
        """This cost on the metric's own scale."""
        return math.exp(cost) if self.is_log else cost

    def above(self, cost: float, by: float) -> float:
        """How far above this cost the metric is worse by so much on its own scale."""
        return math.log(self.raw(cost) + by) - cost if self.is_log else by

    def part(self, first: int, end: int | None = None) -> "Curve":
        """Its points from one on, to before another."""
        return replace(self, steps=self.steps[first:end], cost=self.cost[first:end])

    @cached_property
    def settled(self) -> "Curve":
        """Without a first point two orders of magnitude off the three that follow.

        That point tells how the weights were drawn, and beside what was gained from it nothing
        that follows would count: a perplexity starts at 50,000, whatever comes of it.
        """
        if len(self.cost) < 4:
            return self
        near = median(map(abs, self.cost[1:4]))
        return self.part(1) if self.cost[0] > _ORDERS * near > 0 else self

    @cached_property
    def scaled(self) -> "Curve":
        """On a log scale where all costs are positive and span two orders of magnitude.

        Gains and noise of such a metric are factors; of a perplexity this is the loss.
        """
        if min(self.cost) <= 0 or max(self.cost) < _ORDERS * min(self.cost):
            return self
        return self.logarithm

    @property
    def logarithm(self) -> "Curve":
        """On a log scale; all costs must be positive."""
        return replace(self, cost=tuple(map(math.log, self.cost)), is_log=True)

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
    def calm_noise(self) -> float:
        """The noise, where a quarter of the points may be spikes: that of the others, if less."""
        worst = sorted(self.cost)[-1 - len(self.cost) // 4]
        calm = replace(self, cost=tuple(cost for cost in self.cost if cost <= worst))
        return min(self.noise, max(self.count / 2, calm.noise / _TRIMMED_SD))

    @cached_property
    def trend(self) -> float:
        """How far its ranks fall along the run, in sd of what they do by chance (Mann-Kendall).

        Neither the size of noise nor a few spikes move ranks. The larger of two values: of all
        points, and of all but the worst quarter, which leaves chance as it was.
        """
        worst = sorted(self.cost)[-1 - len(self.cost) // 4]
        return max(_falling(self.cost), _falling([c for c in self.cost if c <= worst]))

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


def _falling(values: Sequence[float]) -> float:
    """Kendall's score of a fall over its sd without any; of many points, medians of neighbours."""
    block = math.ceil(len(values) / _MOST_RANKED)
    own = [median(values[i : i + block]) for i in range(0, len(values), block)]
    score = sum((a > b) - (a < b) for i, a in enumerate(own) for b in own[i + 1 :])
    tied = sum(_spread(many) for many in Counter(own).values())
    variance = (_spread(len(own)) - tied) / 18
    return score / math.sqrt(variance) if variance > 0 else 0.0


def _spread(n: int) -> int:
    return n * (n - 1) * (2 * n + 5)
