"""A sweep read by another metric than the study's: it was reported as well, and orders the arms.

All of that is exploratory: the study declared what decides, and a margin or a band of chance of its
metric says nothing of another.
"""

from collections.abc import Mapping
from dataclasses import replace

from infra.errors import Refused
from infra.ledger.records import CellRecord
from infra.study.plan import Plan

Sweep = tuple[Plan, Mapping[str, CellRecord]]


def by_metric(plan: Plan, records: Mapping[str, CellRecord], metric: str, mode: str) -> Sweep:
    """Plan and records as if the study had asked for this metric.

    Arms that do not report it, as controls may not, are left out.

    Args:
        plan: What was to run.
        records: What is known of each cell, by key.
        metric: The other metric.
        mode: "min" or "max"; "" for that of the study.

    Raises:
        Refused: When no finished cell ends with it.
    """
    ends = {key: r.points[-1].metrics for key, r in records.items() if r.status == "finished"}
    cells = tuple(cell for cell in plan.cells if metric in ends.get(cell.key, (metric,)))
    if not any(cell.key in ends for cell in cells):
        known = sorted({name for end in ends.values() for name in end if name.startswith("val/")})
        raise Refused(
            f"--metric {metric}: must be one that finished cells end with, which is none of them; "
            f"take {', '.join(known) or 'another'}"
        )
    told = {cell.key: replace(records[cell.key], indexed=None) for cell in cells}
    asked = {"metric": metric, "mode": mode or plan.mode}
    return replace(plan, cells=cells, margin=None, chance=None, resolution=None, **asked), told
