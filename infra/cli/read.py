"""Commands that read: status, logs, leaderboard, verdicts, export, report."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from infra.answer.board import Leaderboard
from infra.answer.diagnosis import diagnose_cell
from infra.answer.resumed import resumes
from infra.cli.command import (
    Options,
    Studies,
    findings_of,
    open_ledger,
    print_json,
    print_troubles,
    read_plan,
    read_sweep,
    storage_option,
    troubles,
    uncollected,
)
from infra.cli.watching import LOOK_S, progress_table, rows_that_fit, screen, wait_for_plan
from infra.errors import DONE, SOME_FAILED, Refused
from infra.ledger.code import read_arm_codes
from infra.ledger.lease import age_s, is_alive, read_lease
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.writeup.arm_code import code_lines
from infra.writeup.tables import Table, number, show

_MANY_CELLS = 200  # above them only what is worth a row is shown, and no more rows


def status(studies: Studies, options: Options) -> int:
    """`ablate status NAME [--watch]`."""
    ledger = open_ledger(options, options.name)
    if options.watch:
        wait_for_plan(ledger)
        if not options.json:
            return _watch(ledger, storage_option(options))
    while True:
        began = time.monotonic()
        plan, records = read_sweep(ledger)
        driver = _driver(ledger)
        if options.json:
            print_json(
                {
                    "sweep": ledger.sweep,
                    "driver": driver,
                    **_codes_json(ledger),
                    "cells": [_cell_json(plan, r, driver is not None) for r in records.values()],
                }
            )
        else:
            _print_status(ledger, plan, records, driver, storage_option(options))
        if not options.watch or driver is None:
            return _exit_status(records)
        time.sleep(max(LOOK_S, 3 * (time.monotonic() - began)))


def _codes_json(ledger: Ledger) -> dict[str, Any]:
    """What arms with code of their own run, where there are any."""
    arms = {arm: own._asdict() for arm, own in read_arm_codes(ledger).items()}
    return {"code": arms} if arms else {}


def _driver(ledger: Ledger) -> dict[str, Any] | None:
    """Who drives the sweep now."""
    lease = read_lease(ledger.storage, ledger.sweep)
    return lease if lease and is_alive(lease) else None


def _exit_status(records: Mapping[str, CellRecord]) -> int:
    return SOME_FAILED if any(r.status == "failed" for r in records.values()) else DONE


def _watch(ledger: Ledger, place: str) -> int:
    """Redraws the sweep until nobody drives it."""
    with screen() as show_now:
        while True:
            began = time.monotonic()
            plan, records = read_sweep(ledger)
            driver = _driver(ledger)
            states = {key: (_state(r, driver is not None), r) for key, r in records.items()}
            counts = Counter(state for state, _ in states.values())
            tally = ", ".join(f"{count} {state}" for state, count in counts.items())
            lines = [tally, *troubles(records)[: rows_that_fit() // 2]]
            if driver is None:
                lines += _without_driver(ledger, records, place)
            show_now([progress_table(plan, states, rows_that_fit()), *lines])
            if driver is None:
                return _exit_status(records)
            time.sleep(max(LOOK_S, 3 * (time.monotonic() - began)))


def _without_driver(ledger: Ledger, records: Mapping[str, CellRecord], place: str) -> list[str]:
    left = any(r.status in ("pending", "interrupted") for r in records.values())
    return [f"no driver; go on with `ablate resume {ledger.sweep}{place}`"] if left else []


def _print_status(
    ledger: Ledger, plan: Plan, records: Mapping[str, CellRecord], driver: Any, place: str
) -> None:
    columns = ("cell", "status", " step", f" {plan.metric}", " attempts", "resume", "label")
    driven = driver is not None
    told = _worth_a_row(plan, records) if len(records) > _MANY_CELLS else list(records.values())
    rows = [_status_row(plan, record, driven) for record in told[:_MANY_CELLS]]
    if rows:
        show(Table(f"{ledger.sweep} (committed points only)", columns, tuple(rows)))
    if left := len(records) - len(rows):
        print(f"{ledger.sweep}: {left} cells without a row here; --json has every one")
    states = Counter(_state(record, driven) for record in records.values())
    print(", ".join(f"{count} {state}" for state, count in states.items()))
    for line in code_lines(read_arm_codes(ledger)):
        print(line)
    print_troubles(records)
    if driver:
        print(
            f"driven by pid {driver['pid']} on {driver['host']}, last sign {age_s(driver):.0f} s "
            "ago"
        )
    else:
        for line in _without_driver(ledger, records, place):
            print(line)


def _worth_a_row(plan: Plan, records: Mapping[str, CellRecord]) -> list[CellRecord]:
    """Of many cells those that run, were cut short, failed, are damaged or have a label."""
    plainly = ("finished", "pending")
    return [
        record
        for record in records.values()
        if record.status not in plainly or record.damage or diagnose_cell(plan, record)
    ]


def _status_row(plan: Plan, record: CellRecord, driven: bool) -> tuple[str, ...]:
    last = record.points[-1] if record.points else None
    value = last.metrics.get(plan.metric) if last else None
    step = str(last.step) if last else ""
    label = diagnose_cell(plan, record)
    tried = (number(value), str(record.attempts), resumes(plan, record), str(label or ""))
    return record.key, _state(record, driven), step, *tried


def _state(record: CellRecord, driven: bool) -> str:
    """The recorded status; a begun cell runs while a driver lives."""
    return "running" if driven and record.status == "interrupted" else record.status


def _cell_json(plan: Plan, record: CellRecord, driven: bool) -> dict[str, Any]:
    last = record.points[-1] if record.points else None
    label, shown = diagnose_cell(plan, record), record.commit and list(record.commit.pictures)
    return {
        "cell": record.key,
        "status": _state(record, driven),
        "step": last.step if last else None,
        "value": last.metrics.get(plan.metric) if last else None,
        "attempts": record.attempts,
        "error": record.error,
        "damage": record.damage,
        "label": asdict(label) if label else None,
        "resume": "inexact: " + "; ".join(record.commit.inexact)
        if record.commit and record.commit.inexact
        else resumes(plan, record),
        **({"pictures": shown} if shown else {}),
    }


def logs(studies: Studies, options: Options) -> int:
    """`ablate logs NAME CELL`."""
    ledger = open_ledger(options, options.name)
    cell = read_plan(ledger).cell(options.cell).key
    texts = {attempt: ledger.read_log(cell, attempt) for attempt in ledger.attempts(cell)}
    error = ledger.record(cell).error
    if options.json:
        print_json({"cell": cell, "logs": texts})
        return DONE
    for attempt, text in texts.items():
        print(f"== {cell}, attempt {attempt}" + ("" if text else ": nothing printed"))
        print(text, end="")
    if error and not any(texts.values()):  # it never began, or died before it could say anything
        print(f"{cell} failed: {error}")
    elif not texts:
        print(f"{cell}: no attempt yet")
    return DONE


@uncollected()
def leaderboard(studies: Studies, options: Options) -> int:
    """`ablate leaderboard NAME [NAME ...] [--at BUDGET] [--metric NAME] [--top K]`."""
    from infra.writeup.several import several_table
    from infra.writeup.short import short_table

    if options.mode and not options.metric:
        raise Refused(f"--mode {options.mode}: needs --metric, whose it is; name one")
    ledgers = [open_ledger(options, name) for name in dict.fromkeys([options.name, *options.more])]
    boards = {one.sweep: _board(*read_sweep(one), options) for one in ledgers}
    [first, *others] = boards.values()
    table = several_table(boards, options.top) if others else None
    if options.json:
        alone = {} if others else {"sweep": ledgers[0].sweep, "leaderboard": first.to_json()}
        print_json(alone or {"leaderboards": {k: v.to_json() for k, v in boards.items()}})
    else:
        show(table or short_table(first, options.top))
    return DONE


def _board(plan: Plan, records: Mapping[str, CellRecord], options: Options) -> Leaderboard:
    """At the budget and by the metric that are asked for."""
    from infra.answer.budget import Budget
    from infra.answer.compare import leaderboard as compare
    from infra.answer.other_metric import by_metric

    at = Budget.parse(options.at) if options.at else None
    if not options.metric:
        return compare(plan, records, at)
    board = compare(*by_metric(plan, records, options.metric, options.mode), at)
    note = f"exploratory: the study declared {plan.metric}, not {board.metric}"
    if not options.mode:
        other, fewer = ("max", "less") if plan.mode == "min" else ("min", "more")
        note += f"; {fewer} passes for better as there, --mode {other} turns it round"
    return replace(board, exploratory=True, notes=(note, *board.notes))


@uncollected()
def verdicts(studies: Studies, options: Options) -> int:
    """`ablate verdicts NAME`."""
    from infra.answer.findings import judge
    from infra.writeup.tables import findings_tables

    ledger = open_ledger(options, options.name)
    plan, records = read_sweep(ledger)
    judged = judge(findings_of(plan, studies), plan, records)
    if options.json:
        print_json({"sweep": ledger.sweep, "findings": [v.to_json() for v in judged]})
        return DONE
    for table in findings_tables(judged):
        show(table)
    if not judged:
        print(
            f"study {plan.study!r} has no findings; verdicts on its arms: ablate leaderboard "
            f"{ledger.sweep}{storage_option(options)}"
        )
    return DONE


@uncollected()
def export(studies: Studies, options: Options) -> int:
    """`ablate export NAME --to DIR`."""
    from infra.writeup.export import export as write

    ledger = open_ledger(options, options.name)
    plan = read_plan(ledger)
    files = write(plan, ledger, findings_of(plan, studies), Path(options.to))
    if options.json:
        print_json({"sweep": ledger.sweep, "files": [str(f) for f in files]})
    else:
        print("\n".join(str(f) for f in files))
    return DONE


@uncollected()
def report(studies: Studies, options: Options) -> int:
    """`ablate report NAME [NAME ...] --to FILE.html`."""
    from infra.writeup.report import report as page
    from infra.writeup.report import write_page
    from infra.writeup.several_page import several_page

    ledgers = [open_ledger(options, name) for name in dict.fromkeys([options.name, *options.more])]
    plans = {ledger.sweep: read_plan(ledger) for ledger in ledgers}
    first, *others = ledgers
    if others:
        text = several_page({one.sweep: (plans[one.sweep], one) for one in ledgers})
    else:
        plan = plans[first.sweep]
        text = page(plan, first, findings_of(plan, studies))
    file = write_page(text, Path(options.to))
    named = {"sweeps": list(plans)} if others else {"sweep": first.sweep}
    print_json({**named, "file": str(file)}) if options.json else print(file)
    return DONE
