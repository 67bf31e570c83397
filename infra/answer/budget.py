"""Where along the runs they are read, and what they cost.

One set of points can be read at equal steps, examples, tokens, seconds, FLOPs, dollars or any
reported amount. Between two reported points a value is interpolated; outside of them a run has no
value and is refused.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from infra.ledger.points import column, steps
from infra.ledger.records import CellRecord, Point

DOLLARS = "perf/train_usd"
_AXES = {
    "steps": "steps",
    "examples": "train/examples",
    "tokens": "train/tokens",
    "flops": "train/flops",
    "seconds": "perf/train_s",
    "dollars": DOLLARS,
}
AXES = tuple(_AXES)


@dataclass(frozen=True)
class Budget:
    """An `amount` on one of `AXES`, or of any metric that adds up along a run."""

    axis: str
    amount: float

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """The budget in `AXIS=AMOUNT`; ValueError says what may stand there."""
        axis, _, amount = text.rpartition("=")
        try:
            value = float(amount)
        except ValueError:
            value = math.nan
        if not axis or not math.isfinite(value) or value < 0:
            raise ValueError(
                f"budget {text!r}: must be {', '.join(f'{axis}=N' for axis in AXES)} or METRIC=N, "
                "with N a number not below 0; write for example steps=1000"
            )
        return cls(axis, value)

    def __str__(self) -> str:
        exact = (f"{self.amount:.{digits}g}" for digits in (12, 3))
        amount = min((t for t in exact if float(t) == self.amount), key=len, default=self.amount)
        return f"{self.axis}={amount}"

    def curve(self, points: Sequence[Point], metric: str) -> list[tuple[float, float]]:
        """(amount, value) at every point that has both; ValueError when the amount ever falls."""
        axis = _AXES.get(self.axis, self.axis)
        amounts = steps(points) if axis == "steps" else column(points, axis)
        pairs = zip(amounts, column(points, metric), strict=True)
        curve = [(x, y) for x, y in pairs if x is not None and y is not None]
        along = [x for x, _ in curve]
        if along != sorted(along):
            raise ValueError(
                f"budget {self}: {axis!r} must never fall along a run; name a metric that adds up"
            )
        return curve

    def reached(self, points: Sequence[Point]) -> float | None:
        """The amount on this axis at the last point; None where there is none."""
        if self.axis == "steps":
            return points[-1].step
        return points[-1].metrics.get(_AXES.get(self.axis, self.axis))

    def value(self, points: Sequence[Point], metric: str) -> float | None:
        """The metric there, linear between neighbouring points; None outside of them."""
        return self.value_on(self.curve(points, metric))

    def value_on(self, curve: Sequence[tuple[float, float]]) -> float | None:
        """The value there on a curve of this axis, None outside of it."""
        if curve and curve[-1][0] == self.amount:
            return curve[-1][1]
        if exact := [y for x, y in curve if x == self.amount]:
            return exact[-1]
        for (x0, y0), (x1, y1) in pairwise(curve):
            if x0 < self.amount < x1:
                return y0 + (y1 - y0) * (self.amount - x0) / (x1 - x0)
        return None

    def require(self, records: Iterable[CellRecord], metric: str) -> None:
        """ValueError unless all these cells got there; it names one and what all have reached."""
        spans = {record.key: self.span(record, metric) for record in records}
        first = max((low for low, _ in spans.values()), default=0.0)
        last = min((high for _, high in spans.values()), default=0.0)
        for key, (low, high) in spans.items():
            if not low <= self.amount <= high:
                raise ValueError(
                    f"budget {self}: cell {key} must have got there, its points go from {low:g} to "
                    f"{high:g}; choose within {first:g} to {last:g}, which all cells have"
                )

    def span(self, record: CellRecord, metric: str) -> tuple[float, float]:
        """From where to where a cell has both the axis and the metric; ValueError if nowhere."""
        if curve := self.curve(record.points, metric):
            return curve[0][0], curve[-1][0]
        known = ", ".join(_adding_up(record.points, metric)) or "nothing"
        raise ValueError(
            f"budget {self}: cell {record.key} must report {_AXES.get(self.axis, self.axis)!r}; "
            f"what it reports that adds up along a run is {known}; name that or use steps=N"
        )


def _adding_up(points: Sequence[Point], metric: str) -> list[str]:
    """Metrics other than the study's that grow from each point which has them to the next."""
    curves: dict[str, list[float]] = {}
    for point in points:
        for name, value in point.metrics.items():
            curves.setdefault(name, []).append(value)
    grown = {name for name, curve in curves.items() if all(a < b for a, b in pairwise(curve))}
    return sorted(name for name in grown if len(curves[name]) > 1 and name != metric)


def priced(record: CellRecord, usd_per_gpu_hour: float | None) -> CellRecord:
    """The record with what training had cost at each point; as it is without a price or a GPU."""
    gpus = record.start.get("gpus")
    if not gpus or usd_per_gpu_hour is None:
        return record
    usd_per_s = gpus * usd_per_gpu_hour / 3600
    points = tuple(
        replace(p, metrics={**p.metrics, DOLLARS: usd_per_s * p.metrics["perf/train_s"]})
        if "perf/train_s" in p.metrics
        else p
        for p in record.points
    )
    return replace(record, points=points)


def reading(record: CellRecord, metric: str, at: Budget | None) -> Mapping[str, float]:
    """Every metric of a finished cell at its last point, or at a budget.

    Raises:
        ValueError: When the last point lacks `metric`, naming those that it has.
    """
    last = record.points[-1].metrics if record.points else {}
    if metric not in last:
        raise ValueError(
            f"cell {record.key}: its last point must have the study's metric {metric!r}, "
            f"it has {', '.join(sorted(last)) or 'nothing'}; name one of these in the study"
        )
    if at is None:
        return last
    found = {name: at.value(record.points, name) for name in last}
    return {name: value for name, value in found.items() if value is not None}


def gpu_hours(record: CellRecord) -> float | None:
    """Hours billed times GPUs reserved; None before the first attempt."""
    gpus = record.start.get("gpus")
    return None if gpus is None else record.billed_s * gpus / 3600


def dollars(hours: float | None, usd_per_gpu_hour: float | None) -> float | None:
    """What the GPU-hours cost; None without a price or without a GPU."""
    return hours * usd_per_gpu_hour if hours and usd_per_gpu_hour is not None else None
