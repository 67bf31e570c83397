"""The CSV that W&B's page writes of a chart: a column per run, and its bounds beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.execution.recorded.rows import Rows

_BOUNDS = ("__MIN", "__MAX")
_JOINT = " - "


def is_chart(rows: Rows) -> bool:
    """Whether there are columns `run - metric` with bounds."""
    names = {name for row in rows for name in row}
    return any(_JOINT in name and name.endswith(_BOUNDS) for name in names)


def chart_rows(rows: Rows) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """Run, its row (`_step` and the metric), and how many of its values are means of several.

    A chart of many points shows bins of them: a value whose bounds differ is their mean.
    """
    for row in rows:
        axis = next(iter(row))
        own: dict[str, dict[str, Any]] = {}
        means: dict[str, int] = {}
        for name, value in row.items():
            run, joint, metric = name.rpartition(_JOINT)
            if not joint or name.endswith(_BOUNDS) or metric.startswith("_"):
                continue
            own.setdefault(run, {"_step": row[axis]})[metric] = value
            means[run] = means.get(run, 0) + (
                row.get(name + _BOUNDS[0], value) != row.get(name + _BOUNDS[1], value)
            )
        for run, told in own.items():
            yield run, told, means[run]
