"""The rows of one run's history as points."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.errors import Refused
from infra.execution.recorded.fields import Fields
from infra.ledger.records import Point

AGAIN = "values that were logged again at their step: the last one counts"


@dataclass
class History:
    """What a file tells of one run.

    Attributes:
        step_field: Column of the step.
        fields: What its rows tell of the run itself, in columns that are no metrics.
        rows: As they were read, oldest first.
    """

    step_field: str
    fields: Fields = field(default_factory=dict)
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    def points(self, file: Path, left: Counter[str]) -> list[Point]:
        """Numbers by step; what is left out is counted.

        Raises:
            Refused: Where a step is no whole number.
        """
        steps: dict[int, dict[str, float]] = {}
        others: set[str] = set()
        for row in self.rows:
            if row.get(self.step_field) is None:
                left[f"rows without {self.step_field} left out"] += 1
                continue
            own = steps.setdefault(_step(file, self.step_field, row[self.step_field]), {})
            for name, value in self._metrics(row):
                if (number := _number(value)) is None:
                    others.add(name)
                    continue
                left[AGAIN] += name in own and own[name] != number
                own[name] = number
        for name in sorted(others):
            left[f"runs with {name!r} that is no number, which is left out"] += 1
        return [Point(step, steps[step]) for step in sorted(steps) if steps[step]]

    def _metrics(self, row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """W&B's own columns begin with an underscore."""
        return (
            (name, value)
            for name, value in row.items()
            if value is not None
            and not name.startswith("_")
            and name not in self.fields
            and name != self.step_field
        )


def _step(file: Path, name: str, value: Any) -> int:
    try:
        number = float(value)
        if number.is_integer() and 0 <= number < 2**63:
            return int(number)
    except (TypeError, ValueError):
        pass
    raise Refused(
        f"{file}: {name} must be whole numbers from 0, got {value!r}; name another column with "
        "--step-field"
    )


def _number(value: Any) -> float | None:
    """Also `NaN` and `Infinity`, which W&B writes as text; None for pictures, texts, histograms."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
