"""What is wrong with a run, read from its points alone, while it runs as well as afterwards.

At most one label per cell, the first that fits: a number that is not finite hides what follows, and
a collapse would also pass for a decay. A label is a hint with its evidence, never a verdict.

The thresholds were looked at with seeds 1 to 4 of `tests/benchmarks/planted_faults.py`, and stood
before others were drawn:

- Noise is the run's own: the robust spread of each value around the mean of its neighbours, which
  neither a trend nor a few jumps move. Values are judged as running medians of an eighth of the
  curve, three points at least, so that one lucky point is no best and one bad point no end.
- Of a counted metric, such as Top-1 among a few images, a step more or less says nothing.
- `_SIGMAS` 4: the best of tens of windows lies 2 to 3 sd off by luck alone.
- `_SHARE` .05: noise that lasts over several points is missed by its neighbours. A worsening must
  also cost a twentieth of what was learnt, and half again what the run ever recovered from.
- The verdict reads the last point. Two at the end, both worse, are a decay too, and by single
  values: more sd (`_AT_LAST` 5), a tenth of what was learnt (`_LAST_SHARE`), twice the margin.
- Few points of a smooth curve tell its bend as noise. Three moves to the worse at the end, which
  one in 24 orders of noise has, need half as many sd where a quarter of what was learnt is lost.
- `margin`: what the study says does not matter is no decay either. A run alone cannot know how far
  two runs of one arm lie apart; recorded portrait-DiT arms need this (tests/recorded_curves.py).
- What was learnt, lost and noise are factors where a metric spans two orders of magnitude, and a
  first point so far off all others is left out: see `Curve.scaled` and `Curve.settled`.
- Exploding: twice the starting value, or three times the gain beyond it, at two points to the end;
  within the first third, before which there is no noise, by `_OFF` 3 sd of what is after it.
- Stuck: the last third of the points in the band of chance, five points at least.
- Frozen: equal at the last quarter of the points, three at least, after moves of `_QUANTA` 100
  times the unit in which values are counted or rounded. A value of three digits may be a bound.
- Collapsed: four fifths of the gain lost, half of the fall between two points, or an end in the
  band.
- No learning is said from eight points on, of ones that never move from five. A quarter of them may
  be spikes (`Curve.calm_noise`), and no trend is there by ranks, `TREND` 2.3 sd: one flat run in
  fifty has one by chance, and returns that rise by three sd of their noise nearly always.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from statistics import median
from typing import Literal

from infra.answer.curve import Curve, largest_recovery
from infra.ledger.records import CellRecord, Point
from infra.study.plan import Plan

Kind = Literal[
    "non-finite",
    "exploding",
    "stuck at chance",
    "frozen",
    "collapsed",
    "late decay",
    "no learning",
]
CHANCE = "_chance"  # a run may report NAME_chance beside NAME: its value where nothing is known
_SIGMAS, _SHARE = 4.0, 0.05
_AT_LAST, _LAST_SHARE = 5.0, 0.1  # the same two, of a fall in the last two points
_OFF = 3.0  # sd off the start, where nothing before tells the noise
TREND = 2.3  # sd of a trend by chance
FEWEST, _TO_DESPAIR = 5, 8  # points before there is a label at all, and before "no learning"
_LOST, _ABRUPT, _NEAR = 0.8, 0.5, 0.01
_QUANTA, _DENOMINATOR = 100, 10_000  # units in a move, parts of 1 that a unit may be
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
    whole = Curve.of(points, metric, 1 if mode == "min" else -1)
    if len(whole.cost) < FEWEST:
        return None
    low, high = chance or (math.nan, math.nan)
    band = (whole.sign * low, whole.sign * high) if mode == "min" else (-high, -low)
    scaled = whole.scaled.part(len(whole.cost) - len(whole.settled.cost))
    return (
        _exploding(whole.settled, band, margin)
        or _at_chance(whole, band)
        or _told_chance(points)
        or _frozen(whole)
        or _collapsed(scaled, band)
        or _late_decay(scaled, margin)
        or _no_learning(whole)
    )


def _exploding(curve: Curve, band: tuple[float, float], margin: float) -> Label | None:
    start = curve.cost[0]
    limit = start + max(3 * curve.gain, abs(start), margin)
    first = curve.since(limit)
    if first >= max(3, len(curve.cost) // 3):
        limit = max(limit, start + _jitter(curve, first))
        first = curve.since(limit)
    elif not _is_off(curve.part(first), start):
        return None
    if min(curve.cost[-2:]) <= limit or median(curve.cost[first:]) <= band[1]:
        return None
    text = f"from {curve.text(0)} to {curve.text(-1)}, beyond {curve.told(limit)} since"
    return Label("exploding", curve.steps[first], text)


def _is_off(after: Curve, start: float) -> bool:
    """Whether it lies further off the start than its own noise explains, in factors if it can."""
    if len(after.cost) < 3:
        return False
    off = _OFF * after.noise < median(after.cost) - start
    if min(*after.cost, start) <= 0:
        return off
    logs = after.logarithm
    return _OFF * logs.noise < median(logs.cost) - math.log(start)


def _jitter(curve: Curve, first: int) -> float:
    """What is no explosion of a metric that starts near 0; from the part before one, if any."""
    half = curve.part(0, max(3, min(first, len(curve.cost) // 2)))
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
        if len(pairs) >= FEWEST and near:
            text = f"{name} {tail[-1][1]:.4g} within 1 % of its chance {tail[-1][2]:.4g}"
            return Label("stuck at chance", tail[0][0], text)
    return None


def _frozen(curve: Curve) -> Label | None:
    """The same to the last digit, where it used to move by far more than a digit."""
    last, points = curve.cost[-1], len(curve.cost)
    moved = (i for i in reversed(range(points)) if curve.cost[i] != last)
    first = next(moved, -1) + 1
    moves = [abs(b - a) for a, b in zip(curve.cost, curve.cost[1 : first + 1], strict=False)]
    still = points - first
    if still < max(3, points // 4) or len(moves) < 2 or float(f"{last:.3g}") == last:
        return None
    if min(moves[-2:]) <= _QUANTA * _unit(curve.cost):
        return None
    value = curve.sign * last
    text = f"{value} to the last digit at {still} points, the move before was {moves[-1]:.2g}"
    return Label("frozen", curve.steps[first], text)


def _unit(values: Sequence[float]) -> float:
    """What all values are multiples of, where they are counted or rounded; 0 of others."""
    near = [Fraction(value).limit_denominator(_DENOMINATOR) for value in values]
    if any(abs(one - value) > 1e-9 * abs(value) for one, value in zip(near, values, strict=True)):
        return 0.0
    return 1 / math.lcm(*(one.denominator for one in near))


def _collapsed(curve: Curve, band: tuple[float, float]) -> Label | None:
    """What was learnt is gone: at a stroke, or by an end at chance."""
    smooth, gain = curve.smooth, curve.gain
    best = smooth.index(min(smooth))
    lost = max(smooth[-1], min(curve.cost[-2:])) - smooth[best]
    if gain <= _SIGMAS * curve.noise or lost < _LOST * gain:
        return None
    jumps = [b - a for a, b in zip(curve.cost[best:], curve.cost[best + 1 :], strict=False)]
    biggest = best + jumps.index(max(jumps))
    after = curve.cost[biggest + 1 :]
    stays = len(after) > 1 and min(after) > smooth[best] + _ABRUPT * lost
    abrupt = max(jumps) >= _ABRUPT * (max(after) - smooth[best])
    if not (stays and abrupt) and not _ends_in(curve, band):
        return None
    text = f"from {curve.told(smooth[best])} to {curve.text(-1)}, the start was {curve.text(0)}"
    return Label("collapsed", curve.steps[biggest + 1], text)


def _late_decay(curve: Curve, margin: float) -> Label | None:
    """Worse than its best by more than noise explains, to the end or in its last two points."""
    smooth, cost = curve.smooth, curve.cost
    best = smooth.index(min(smooth))
    top, learnt = smooth[best], max(cost[0], *smooth[: best + 1]) - smooth[best]
    sigma = curve.noise * 1.25 * math.sqrt(2 / curve.window)  # of a difference of two medians
    if cost[0] - top <= _SIGMAS * sigma:  # nothing learnt that could decay
        return None
    steady = list(cost[-4:]) == sorted(set(cost[-4:])) and cost[-1] - min(cost) > learnt / 4
    sigmas = _SIGMAS / 2 if steady else _SIGMAS
    hidden = max(sigmas * sigma, 1.5 * largest_recovery(smooth[: best + 1]))
    limit = max(hidden, _SHARE * learnt, curve.above(top, margin))
    lost, held = smooth[-1] - top, min(cost[-3:]) - top
    if lost <= limit or held <= limit / 2:
        pairs = list(map(min, cost[:-2], cost[1:-2]))
        hidden = max(_AT_LAST * curve.noise, 1.5 * largest_recovery(pairs))
        limit = max(hidden, _LAST_SHARE * learnt, curve.above(top, 2 * margin))
        lost = min(cost[-2:]) - top
    if lost <= limit:
        return None
    worse, noise = (curve.raw(top + by) - curve.raw(top) for by in (lost, limit))
    text = f"{worse:.3g} worse than its best {curve.told(top)}, noise explains {noise:.2g}"
    return Label("late decay", curve.steps[curve.since(top + limit / 2)], text)


def _no_learning(curve: Curve) -> Label | None:
    """Neither its best nor its end is off the start by more than noise, nor is there a trend."""
    if len(curve.cost) < _TO_DESPAIR and len(set(curve.cost)) > 1:
        return None
    sigma, third = curve.calm_noise, max(2, len(curve.cost) // 3)
    gained = median(curve.cost[:third]) - median(curve.cost[-third:])
    off = gained > 3 * 1.25 * sigma * math.sqrt(2 / third)
    rises = gained > curve.count and (off or curve.trend > TREND)
    if curve.gain > _SIGMAS * sigma or rises:
        return None
    text = f"from {curve.text(0)} to {curve.text(-1)}, noise {sigma:.2g}"
    return Label("no learning", curve.steps[0], text)
