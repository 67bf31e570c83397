"""Runs of a tracker made a table of arms and seeds.

A tracker has runs and no cells: which of its fields is the arm, and which the seed, is said by
whoever imports them. Whatever stands in the way of a table is refused, and whatever is left out is
counted and told.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from infra.errors import Refused
from infra.execution.recorded.fields import conditions, named_by, template
from infra.execution.recorded.runs import Choice, Recorded, RecordedRun
from infra.execution.recorded.table import RecordedTable, answers, chosen, digest_of, metrics_of
from infra.ledger.records import Point
from infra.study.study import check_seed
from infra.words import choices, counted, joined


def table_of(recorded: Recorded, choice: Choice) -> RecordedTable:
    """The cells of some runs.

    Raises:
        Refused: Where a run is no cell, naming it, the law and what mends it.
    """
    notes = list(recorded.notes)
    runs = _named(recorded, choice)
    runs = list(_chosen_runs(recorded, runs, choice, notes))
    if not runs:
        raise Refused(f"{recorded.source}: must hold runs, has none that are asked for")
    known = answers(metrics_of(run.points for run in runs))
    metric = chosen("metric", choice.metric, known, recorded.source)
    runs = _cells(runs, choice, metric, notes)
    cells: dict[tuple[str, int], RecordedRun] = {}
    for run in runs:
        _check(recorded, run, metric)
    for run in runs:
        place = _place(recorded, run, choice, runs)
        if other := cells.get(place):
            raise Refused(
                f"{recorded.source}, runs {other.name!r} and {run.name!r}: must differ in arm or "
                f"seed, are both {place[0]!r}, {place[1]}; add a field to --arm-field or choose "
                f"with --where{_without_failed(run, other)}"
            )
        cells[place] = run
    left: Counter[str] = Counter()
    curves = {place: _readable(run.points, metric, left) for place, run in cells.items()}
    failures = {p: f"the run is {run.told}" for p, run in cells.items() if run.state == "failed"}
    return RecordedTable(
        source=recorded.source,
        name=recorded.name,
        sha256=digest_of(curves, failures),
        curves=curves,
        failures=failures,
        runs={place: run.name for place, run in cells.items()},
        notes=(*notes, *(f"{n} {what} left out" for what, n in left.items() if n)),
        command=(*recorded.command, *choice.words()),
    )


def _named(recorded: Recorded, choice: Choice) -> list[RecordedRun]:
    """The runs with the fields that their names tell."""
    if not choice.run_name:
        return list(recorded.runs)
    pattern, runs = template(choice.run_name, choice.seed_field), []
    for run in recorded.runs:
        fields = named_by(pattern, choice.run_name, run.name)
        if fields is None and not run.kin:
            raise Refused(
                f"{recorded.source}, run {run.name!r}: must be called as --run-name "
                f"{choice.run_name!r} says; mend that, or leave it out with --where"
            )
        runs.append(replace(run, fields={**run.fields, **(fields or {})}))
    return runs


def _chosen_runs(
    recorded: Recorded, runs: Sequence[RecordedRun], choice: Choice, notes: list[str]
) -> Iterator[RecordedRun]:
    wanted = list(conditions(choice.where))
    known = sorted({name for run in runs for name in run.fields})
    for name, *_ in wanted:
        if name not in known:
            raise Refused(
                f"{recorded.source}: --where must name a field of its runs, which have "
                f"{choices(known, name) or 'none'}, got {name!r}"
            )
    left = 0
    for run in runs:
        if all((run.fields.get(name) in values) == is_in for name, values, is_in in wanted):
            yield run
        else:
            left += 1
    if left:
        notes.append(f"{counted(left, 'run')} of {len(runs)} left out by --where")


def _cells(
    runs: Sequence[RecordedRun], choice: Choice, metric: str, notes: list[str]
) -> list[RecordedRun]:
    """Without those that only hold other runs, or are a part of one."""

    def is_cell(run: RecordedRun) -> bool:
        asked = {*choice.arm_fields, choice.seed_field} <= set(run.fields)
        return not run.kin or (asked and _has(run, metric))

    if left := [run.name for run in runs if not is_cell(run)]:
        told = counted(len(left), "run")
        notes.append(f"{told} left out, holding others or lying in one: {joined(left)}")
    return [run for run in runs if is_cell(run)]


def _has(run: RecordedRun, metric: str) -> bool:
    return any(metric in point.metrics for point in run.points)


def _place(
    recorded: Recorded, run: RecordedRun, choice: Choice, runs: Sequence[RecordedRun]
) -> tuple[str, int]:
    """Arm and seed of a run; an arm of several fields is named as one of a grid."""
    asked = [*(("--arm-field", n) for n in choice.arm_fields), ("--seed-field", choice.seed_field)]
    for option, name in asked:
        if not run.fields.get(name, "").strip():
            more = sum(not one.fields.get(name, "").strip() for one in runs) - 1
            has = choices(sorted(run.fields), name) or "none"
            raise Refused(
                f"{recorded.source}, run {run.name!r}{f' and {more} more' if more else ''}: must "
                f"have the field {name!r}, has {has}; name another with {option}, or tell it by "
                "--run-name"
            )
    first, *others = choice.arm_fields
    arm = run.fields[first].strip()
    if others:
        arm = " ".join(f"{n.split('.')[-1]}={run.fields[n].strip()}" for n in choice.arm_fields)
    text = run.fields[choice.seed_field]
    try:
        if not (value := float(text)).is_integer():
            raise ValueError(text)
        return arm, check_seed(int(value))
    except (ValueError, OverflowError):
        raise Refused(
            f"{recorded.source}, run {run.name!r}: {choice.seed_field} must be a whole number from "
            f"0, got {text!r}; name another with --seed-field"
        ) from None


def _without_failed(*runs: RecordedRun) -> str:
    """How to choose where a run was begun anew after it had failed."""
    for run in runs:
        for name, value in run.fields.items():
            if run.state == "failed" and value == run.told:
                return f", such as {name}!={value}"
    return ""


def _check(recorded: Recorded, run: RecordedRun, metric: str) -> None:
    where = f"{recorded.source}, run {run.name!r}"
    if run.state == "running":
        raise Refused(
            f"{where}: must have ended, is {run.told}; wait for it, or leave it out with --where"
        )
    if run.state == "finished" and not _has(run, metric):
        has = choices(metrics_of([run.points]), metric) or "no metric"
        raise Refused(f"{where}: must have {metric}, has {has}; leave it out with --where")


def _readable(points: Sequence[Point], metric: str, left: Counter[str]) -> tuple[Point, ...]:
    """The points up to the last of the metric; other metrics' values that are no numbers go."""
    last = max((i for i, p in enumerate(points) if metric in p.metrics), default=len(points) - 1)
    left[f"points after the last {metric} of their runs"] += len(points) - 1 - last
    kept = []
    for point in points[: last + 1]:
        good = {n: v for n, v in point.metrics.items() if n == metric or math.isfinite(v)}
        left[f"values of metrics beside {metric} that are not finite"] += len(point.metrics) - len(
            good
        )
        kept.append(Point(point.step, good))
    return tuple(kept)
