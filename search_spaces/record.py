"""Documented tables, read as a finding sees a sweep.

They are the CSVs in a study's `recorded/`, in the form that `ablate import` takes: a row is a point
of an arm, with a column per metric that is empty where nothing is documented. Each arm was run
once. Where a table is from stands in `recorded/README.md` beside it.
"""

import csv
from functools import cached_property
from pathlib import Path
from typing import Any

_PLACE = ("arm", "seed", "step")
Curve = list[tuple[int, float]]


class Record:
    """One table; nothing is read before something is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def arms(self) -> list[str]:
        """In the order of the table."""
        return list(self._curves)

    def curve(self, arm: str, metric: str) -> Curve:
        """All (step, value) points of the metric, by step.

        Raises:
            LookupError: Where the table has no such arm, or no value of it.
        """
        if told := self._curves.get(arm, {}).get(metric):
            return sorted(told)
        raise LookupError(f"{self.path.name}: has no {metric!r} of arm {arm!r}")

    def final(self, arm: str, metric: str) -> float:
        """The last value of the metric."""
        return self.curve(arm, metric)[-1][1]

    def at(self, arm: str, metric: str, step: int) -> float:
        """The value at exactly this step; LookupError where there is none."""
        told = dict(self.curve(arm, metric))
        if step not in told:
            raise LookupError(f"{self.path.name}: has no {metric!r} of arm {arm!r} at step {step}")
        return told[step]

    def config(self, arm: str, field: str) -> Any:
        """LookupError: a table of results tells no config."""
        raise LookupError(f"{self.path.name}: tells no config, asked for {field!r} of arm {arm!r}")

    @cached_property
    def _curves(self) -> dict[str, dict[str, Curve]]:
        curves: dict[str, dict[str, Curve]] = {}
        with self.path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                own = curves.setdefault(row["arm"], {})
                for metric, text in row.items():
                    if metric not in _PLACE and text:
                        own.setdefault(metric, []).append((int(row["step"]), float(text)))
        return curves


def rising(values: list[float]) -> bool:
    """Whether each value is above the one before."""
    return all(one < two for one, two in zip(values, values[1:], strict=False))


def best(curve: Curve) -> tuple[int, float]:
    """The point with the least value."""
    return min(curve, key=lambda point: point[1])


def lost_after_best(curve: Curve) -> float:
    """What a falling metric loses after its best, as a share of what it had gained until then."""
    least = best(curve)[1]
    return (curve[-1][1] - least) / (curve[0][1] - least)
