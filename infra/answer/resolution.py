"""How finely a metric can tell: the step in which it moves, and outcomes that fall on two points.

The share of 256 slices that are found again moves in steps of 1/256. Where all seeds give the same,
there is no spread to judge by, but not more certainty than such a step allows either.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice

from infra.ledger.records import CellRecord

_LOOKED_AT = 1000  # values, which show the step of any evaluation set in use
_FEWEST = 4  # distinct values: two or three are multiples of some step by chance
# Relative to the values: closer ones are one, as means in single precision are, and no finer step
# is that of a count.
_ROUNDING, _FINEST = 4 * 2.0**-24, 1e-5
# A normal sample of so many seeds falls into groups this many times further apart than they are
# wide in 0.3 to 0.8 % of draws (200,000 simulated each).
_APART = {3: 200.0, 4: 30.0}
_APART_ELSE = 10.0
_FEWEST_TO_TIE = 4  # seeds of which two may be equal by more than chance


def shown(records: Sequence[CellRecord], metric: str) -> float:
    """The step in which a metric moves, read off the cells' last points and then the others."""
    ends = (record.points[-1].metrics.get(metric) for record in records if record.points)
    rest = (point.metrics.get(metric) for record in records for point in record.points)
    told = (value for value in chain(ends, rest) if value is not None)
    return step_of(islice(told, _LOOKED_AT))


def step_of(values: Iterable[float]) -> float:
    """The step of which all differences of the values are multiples, 0 where there is none."""
    known = sorted(set(values))
    size = max(map(abs, known), default=0.0)
    gaps = [b - a for a, b in zip(known, known[1:], strict=False) if b - a > _ROUNDING * size]
    if len(gaps) < _FEWEST - 1:
        return 0.0
    step = _refined(gaps)
    slack = 2 * _ROUNDING * size / step  # how far rounding may take a gap off its multiple
    counted = all(abs(gap / step - round(gap / step)) < max(1e-6, slack) for gap in gaps)
    return step if counted and slack < 0.1 and step > _FINEST * size else 0.0


def _refined(gaps: Sequence[float]) -> float:
    """The smallest gap, made exact by the larger ones as multiples of it."""
    total, count, step = 0.0, 0, min(gaps)
    for gap in sorted(gaps):
        total, count = total + gap, count + max(1, round(gap / step))
        step = total / count
    return step


def bimodal(values: Mapping[int, float], step: float) -> str:
    """Where an arm's seeds fall on two points far apart: "bimodal, k of n", "" elsewhere.

    Args:
        values: By seed.
        step: In which the metric moves, 0 for one that takes any value.
    """
    known, count = sorted(values.values()), len(values)
    if count < min(_APART):
        return ""
    gap, split = max((b - a, i) for i, (a, b) in enumerate(zip(known, known[1:], strict=False), 1))
    low, high = known[:split], known[split:]
    size = max(abs(known[0]), abs(known[-1]))
    width = max(low[-1] - low[0], high[-1] - high[0], step / 2, _ROUNDING * size)
    if not step and count < _FEWEST_TO_TIE and len(set(known)) < count:
        return ""  # a tie of two in three is a count of a step that too few values show
    if gap <= 0 or gap < _APART.get(count, _APART_ELSE) * width:
        return ""
    near = f"near {sum(high) / len(high):.4g}, the others near {sum(low) / len(low):.4g}"
    return f"bimodal, {len(high)} of {count} {near}"
