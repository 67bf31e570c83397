"""What is wrong with a run, read from its points alone, while it runs as well as afterwards.

At most one label per cell, the first that fits: a number that is not finite hides what follows, and
a collapse would also pass for a decay. A label is a hint with its evidence, never a verdict.

The thresholds, fixed before seed 2 of `tests/benchmarks/planted_faults.py` was drawn, and what
counted metrics need before seeds 3 and 4:

- Noise is the run's own: the robust spread of each value around the mean of its neighbours, which
  neither a trend nor a few jumps move. Values are judged as running medians of an eighth of the
  curve, three points at least, so that one lucky point is no best and one bad point no end.
- Of a counted metric, such as Top-1 among a few images, a step more or less says nothing.
- `_SIGMAS` 4: the best of tens of windows lies 2 to 3 sd off by luck alone.
- `_SHARE` .05: noise that lasts over several points is missed by its neighbours. A worsening must
  also cost a twentieth of what was learnt, and half again what the run ever recovered from.
- `margin`: what the study says does not matter is no decay either. A run alone cannot know how far
  two runs of one arm lie apart; recorded portrait-DiT arms need this (tests/recorded_curves.py).
- Exploding: twice the starting value, or three times the gain beyond it, at two points to the end.
- Stuck: the last third of the points in the band of chance, five points at least.
- Collapsed: four fifths of the gain lost, half of the fall between two points, or an end in the
  band.
- No learning is said from eight points on: among fewer, one spike hides what a run learnt.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Literal

from infra.answer.curve import Curve, largest_recovery
from infra.ledger.records import CellRecord, Point
from infra.study.plan import Plan

Kind = Literal[
    "non-finite", "exploding", "stuck at chance", "collapsed", "late decay", "no learning"
]
CHANCE = "_chance"  # a run may report NAME_chance beside NAME: its value where nothing is known
_SIGMAS, _SHARE = 4.0, 0.05
_FEWEST, _TO_DESPAIR = 5, 8  # points before there is a label at all, and before "no learning"
_LOST, _ABRUPT, _NEAR = 0.8, 0.5, 0.01
_NOT_FINITE = re.compile(r"FloatingPointError|must be finite|not finite|non-finite")


@dataclass(frozen=True)
class Label:
    """What is wrong, from which step on, and the numbers that say so."""

    kind: Kind
    step: int
    evidence: str

    def __str__(self) -> str:
        return f"{self.kind} at step {self.step}: {self.evidence}"


def diagnose_cell(plan: Plan, record: CellRecord) -> Label | None:
    """The label of a cell under the laws of its plan, None where nothing is wrong."""
    if record.indexed:
        return Label(**record.indexed.label) if record.indexed.label else None
    if record.error and _NOT_FINITE.search(record.error):
        told = re.search(r"at step (\d+)", record.error)
        last = record.points[-1].step if record.points else 0
        return Label("non-finite", int(told[1]) if told else last, record.error)
    return diagnosis(plan)(record.points)


def diagnosis(plan: Plan) -> Callable[[Sequence[Point]], Label | None]:
    """What reads the label off a run's points, under the laws of a plan."""
    laws = {"chance": plan.chance, "margin": plan.margin or 0.0}
    return partial(diagnose, metric=plan.metric, mode=plan.mode, **laws)


def diagnose(
    points: Sequence[Point],
    metric: str,
    mode: str,
    chance: tuple[float, float] | None = None,
    margin: float = 0.0,
) -> Label | None:
    """What the points say is wrong, None where nothing.

    Args:
        points: All so far, by step.
        metric: The study's; other metrics are looked at for finiteness and where chance is told.
        mode: Whether less ("min") or more ("max") of the metric is better.
        chance: Band of the metric in which a run knows nothing.
        margin: A worsening by less does not matter.
    """
    for point in points:
        if bad := next((n for n, v in point.metrics.items() if not math.isfinite(v)), ""):
            return Label("non-finite", point.step, f"{bad} is {point.metrics[bad]}")
    curve = Curve.of(points, metric, 1 if mode == "min" else -1)
    if len(curve.cost) < _FEWEST:
        return None
    low, high = chance or (math.nan, math.nan)
    band = (curve.sign * low, curve.sign * high) if mode == "min" else (-high, -low)
    return (
        _exploding(curve, margin)
        or _at_chance(curve, band)
        or _told_chance(points)
        or _collapsed(curve, band)
        or _late_decay(curve, margin)
        or _no_learning(curve)
    )


def _exploding(curve: Curve, margin: float) -> Label | None:
    start = curve.cost[0]
    limit = start + max(3 * curve.gain, abs(start), _jitter(curve), margin)
    if min(curve.cost[-2:]) <= limit:
        return None
    first = curve.since(limit)
    text = f"from {curve.text(0)} to {curve.text(-1)}, beyond {curve.sign * limit:.4g} since"
    return Label("exploding", curve.steps[first], text)


def _jitter(curve: Curve) -> float:
    """What is no explosion of a metric that starts near 0; from the part before one, if any."""
    half = Curve(curve.steps, curve.cost[: max(3, len(curve.cost) // 2)], curve.sign)
    third = curve.cost[: max(3, len(curve.cost) // 3)]
    spread = 3 * (max(third) - min(third))
    return max(10 * min(half.noise, curve.noise), spread, 10 * min(half.count, curve.count))


def _ends_in(curve: Curve, band: tuple[float, float]) -> bool:
    """Whether the last third is no better than the band of chance."""
    tail = curve.cost[-max(3, len(curve.cost) // 3) :]
    inside = sum(cost >= band[0] for cost in tail)
    return inside >= 0.9 * len(tail) and median(tail) >= band[0]


def _at_chance(curve: Curve, band: tuple[float, float]) -> Label | None:
    """In the band of chance at the end, without ever having been better and than at the start."""
    if not _ends_in(curve, band):
        return None
    if min(curve.smooth) < min(band[0], curve.cost[0]) - _SIGMAS * curve.noise:
        return None
    low, high = sorted((curve.sign * band[0], curve.sign * band[1]))
    tail = max(3, len(curve.cost) // 3)
    text = (
        f"{curve.text(-1)} at the end, the last {tail} points within chance {low:.4g}..{high:.4g}"
    )
    return Label("stuck at chance", curve.steps[curve.since(band[0] - 1e-12)], text)


def _told_chance(points: Sequence[Point]) -> Label | None:
    """Another metric whose chance the run itself reports, as the entropy of a teacher has one."""
    last = points[-1].metrics
    for name in sorted(n.removesuffix(CHANCE) for n in last if n.endswith(CHANCE)):
        pairs = [
            (p.step, p.metrics[name], p.metrics[name + CHANCE])
            for p in points
            if name in p.metrics and name + CHANCE in p.metrics
        ]
        tail = pairs[-max(3, len(pairs) // 3) :]
        near = all(abs(value - told) <= _NEAR * abs(told) for _, value, told in tail)
        if len(pairs) >= _FEWEST and near:
            text = f"{name} {tail[-1][1]:.4g} within 1 % of its chance {tail[-1][2]:.4g}"
            return Label("stuck at chance", tail[0][0], text)
    return None


def _collapsed(curve: Curve, band: tuple[float, float]) -> Label | None:
    """What was learnt is gone: at a stroke, or by an end at chance."""
    smooth, gain = curve.smooth, curve.gain
    best = smooth.index(min(smooth))
    lost = smooth[-1] - smooth[best]
    if gain <= _SIGMAS * curve.noise or lost < _LOST * gain:
        return None
    jumps = [b - a for a, b in zip(curve.cost[best:], curve.cost[best + 1 :], strict=False)]
    biggest = best + jumps.index(max(jumps))
    after = curve.cost[biggest + 1 :]
    stays = len(after) > 2 and min(after) > smooth[best] + _ABRUPT * lost
    abrupt = max(jumps) >= _ABRUPT * (max(after) - smooth[best])
    if not (stays and abrupt) and not _ends_in(curve, band):
        return None
    text = (
        f"from {curve.sign * smooth[best]:.4g} to {curve.text(-1)}, the start was {curve.text(0)}"
    )
    return Label("collapsed", curve.steps[biggest + 1], text)


def _late_decay(curve: Curve, margin: float) -> Label | None:
    """Worse than its best by more than noise explains, to the end."""
    smooth = curve.smooth
    best = smooth.index(min(smooth))
    lost = smooth[-1] - smooth[best]
    sigma = curve.noise * 1.25 * math.sqrt(2 / curve.window)  # of a difference of two medians
    learnt = max(smooth[: best + 1]) - smooth[best]
    limit = max(
        _SIGMAS * sigma, _SHARE * learnt, margin, 1.5 * largest_recovery(smooth[: best + 1])
    )
    if lost <= limit or min(curve.cost[-3:]) <= smooth[best] + limit / 2:
        return None
    if curve.cost[0] - smooth[best] <= _SIGMAS * sigma:  # nothing learnt that could decay
        return None
    since = curve.since(smooth[best] + limit / 2)
    top = f"{curve.sign * smooth[best]:.4g}"
    text = f"{lost:.3g} worse than its best {top}, noise explains {limit:.2g}"
    return Label("late decay", curve.steps[since], text)


def _no_learning(curve: Curve) -> Label | None:
    """Neither its best nor its end is off the start by more than noise, nor is there a trend."""
    sigma, third = curve.noise, max(2, len(curve.cost) // 3)
    start, end = median(curve.cost[:third]), median(curve.cost[-third:])
    trend = start - end > 3 * 1.25 * sigma * math.sqrt(2 / third)
    if len(curve.cost) < _TO_DESPAIR or curve.gain > _SIGMAS * sigma or trend:
        return None
    text = f"from {curve.text(0)} to {curve.text(-1)}, noise {sigma:.2g}"
    return Label("no learning", curve.steps[0], text)
