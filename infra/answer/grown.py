"""Verdicts that changed because further arms joined a sweep and share its error."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from infra.answer.board import Changed, Row
from infra.study.plan import Plan


def changed_verdicts(
    plan: Plan, rows: Sequence[Row], rows_of: Callable[[Plan], Sequence[Row]]
) -> Iterator[Changed]:
    """Each arm whose verdict is not what it was when the sweep had fewer arms.

    Cells that have ended stay as they are, so that the earlier verdicts are those that the earlier
    arms and seeds give now.

    Args:
        plan: What the sweep has come to.
        rows: What is said of it.
        rows_of: What would be said of a plan with fewer cells.
    """
    now = {row.arm: row for row in rows}
    told: set[str] = set()
    for arms, seeds in reversed(plan.families):
        cells = tuple(c for c in plan.cells if c.arm in arms and c.seed in seeds)
        before = replace(plan, cells=cells, families=())
        for row in rows_of(before):
            verdict = now[row.arm].verdict
            if row.awaits != "cells" and row.verdict != verdict and row.arm not in told:
                told.add(row.arm)
                counts = before.comparisons, plan.comparisons
                yield Changed(row.arm, row.verdict, verdict, *counts)
