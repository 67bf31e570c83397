"""`ablate status NAME --watch`: a sweep while it runs, redrawn where there is a terminal."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import mean
from typing import Any

from infra.answer.diagnosis import diagnose_cell
from infra.answer.resumed import resumes
from infra.ledger.lease import is_alive, read_lease
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import lasting
from infra.writeup.sparkline import sparkline
from infra.writeup.tables import Table, number, plain, rich_table

LOOK_S = 2.0
_AROUND = 8  # lines of a screen that are not rows
_ROWS = 40  # where the screen does not say


def wait_for_plan(ledger: Ledger) -> None:
    """Returns once the sweep has one, and tells meanwhile what it waits for."""
    began = time.monotonic()
    if ledger.read_plan():
        return
    with screen() as show:
        while ledger.read_plan() is None:
            holder = read_lease(ledger.storage, ledger.sweep)
            begun = bool(holder and is_alive(holder))
            why = "its driver is trying the arms" if begun else "nobody has begun it; Ctrl-C ends"
            # Without its time on what is no terminal, where only news are worth a line.
            so_far = f" ({lasting(time.monotonic() - began)})" if sys.stdout.isatty() else ""
            show([f"waits for sweep {ledger.sweep!r} in {ledger.storage.uri}: {why}{so_far}"])
            time.sleep(LOOK_S)


@contextmanager
def screen() -> Iterator[Callable[[Sequence[Any]], None]]:
    """Shows tables and lines: on a terminal in place of those before, else where they differ."""
    if not sys.stdout.isatty():
        last: list[str] = []

        def show(parts: Sequence[Any]) -> None:
            text = "\n".join(plain(p) if isinstance(p, Table) else p for p in parts)
            if [text] != last:
                last[:] = [text]
                print(text, flush=True)

        yield show
        return
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False, vertical_overflow="crop") as live:
        yield lambda parts: live.update(
            Group(*(rich_table(p) if isinstance(p, Table) else Text(p) for p in parts)),
            refresh=True,
        )


def rows_that_fit() -> int:
    """Lines of the terminal that a table may take."""
    if not sys.stdout.isatty():
        return _ROWS
    from rich.console import Console

    return max(1, Console().height - _AROUND)


def progress_table(plan: Plan, states: Mapping[str, tuple[str, CellRecord]], most: int) -> Table:
    """A row per cell with its share of steps and its curve so far; per arm where cells are many.

    Args:
        plan: The sweep's.
        states: How each cell stands, with its record, by key.
        most: Rows that fit.
    """
    title = f"{plan.study} at {plan.scale}: {plan.question} (committed points only)"
    columns = (" steps", f" {plan.metric}", "so far", "label")
    if len(states) <= most:
        rows = [
            (key, state, *_told(plan, [record]), resumes(plan, record), _kind(plan, record))
            for key, (state, record) in states.items()
        ]
        columns = ("cell", "status", *columns[:-1], "resume", "label")
        return Table(title, columns, tuple(rows), widths=(24, 0, 0, 0, 0, 0, 0))
    rows = []
    for arm, cells in plan.cells_of.items():
        own = [states[cell.key] for cell in cells]
        ended = sum(record.has_ended for _, record in own)
        labels = sum(bool(_kind(plan, record)) for _, record in own)
        told = _told(plan, [record for _, record in own])
        rows.append((arm, f"{ended}/{len(own)}", *told, f"{labels} cells" if labels else ""))
    return Table(title, ("arm", " ended", *columns), tuple(rows), widths=(24, 0, 0, 0, 0, 0))


def _kind(plan: Plan, record: CellRecord) -> str:
    label = diagnose_cell(plan, record)
    return label.kind if label else ""


def _told(plan: Plan, records: Sequence[CellRecord]) -> tuple[str, str, str]:
    """Share of the steps, the metric, and its curve, over cells that have points of it."""
    budgets = [_steps(plan, record) for record in records]
    done = sum(record.points[-1].step for record in records if record.points)
    budget = 0 if None in budgets else sum(filter(None, budgets))
    share = f"{min(1.0, done / budget):.0%}" if budget else str(done or "")
    curves = [
        {p.step: p.metrics[plan.metric] for p in record.points if plan.metric in p.metrics}
        for record in records
        if record.points
    ]
    curves = [curve for curve in curves if curve]
    if not curves:
        return share, "", ""
    shared = sorted(set.intersection(*map(set, curves)))
    last = number(mean(list(curve.values())[-1] for curve in curves))
    return share, last, sparkline(mean(curve[step] for curve in curves) for step in shared)


def _steps(plan: Plan, record: CellRecord) -> int | None:
    """The cell's budget; where it finished what it took, which is none of a control."""
    if record.status == "finished" and record.points:
        return record.points[-1].step
    return plan.configs[record.key].get("steps")
