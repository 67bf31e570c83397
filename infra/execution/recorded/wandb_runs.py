"""Runs that were exported from W&B: histories as files, and a table of the runs' configs.

A history is what `run.scan_history()` or `run.history()` gives, one file a run, or all in one file
with columns that tell them apart; or the CSV of a chart; or, without steps, a table of runs alone.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from infra.errors import Refused
from infra.execution.recorded.chart_csv import chart_rows, is_chart
from infra.execution.recorded.fields import BESIDE, Fields, beside, config_file, unpacked
from infra.execution.recorded.history import History
from infra.execution.recorded.rows import READERS, Rows, read_rows
from infra.execution.recorded.runs import Choice, Recorded, RecordedRun, State
from infra.execution.recorded.runs_table import NAMES, RunsTable, name_in
from infra.words import joined

_STEPS = ("_step", "step", "Step")
_STATE = ("state", "State")
_STATES: dict[str, State] = {
    "finished": "finished", "failed": "failed", "crashed": "failed", "killed": "failed",
    "preempted": "failed",
}  # fmt: skip
_OTHERS = ("wandb-summary.json", "wandb-metadata.json", "run.json", "manifest.json", "state.json")
_MEANS = "values of the chart are means of several: scan_history() has them as they were logged"


def read_export(place: Path, choice: Choice, step_field: str, runs_file: Path | None) -> Recorded:
    """The runs in a file or below a folder.

    Args:
        place: Where the histories are.
        choice: Its metric and fields tell which columns are which.
        step_field: Column of the step, "" for W&B's own.
        runs_file: A row per run with its name or id and its config, as W&B's table of runs.

    Raises:
        Refused: Where a file is none of these, naming it.
    """
    notes: list[str] = []
    left: Counter[str] = Counter()
    table, runs = RunsTable(runs_file), []
    for file in _files(place, runs_file):
        given = beside(file.parent, place if place.is_dir() else file.parent, notes)
        given |= _config_of(file, notes)
        name = _run_name(file, place)
        for run, own in _histories(read_rows(file), name, choice, step_field, left).items():
            fields = {"run_name": run, **given, **table.of(run, own.fields), **own.fields}
            told = next((fields[s] for s in _STATE if s in fields), "finished")
            points, state = own.points(file, left), _STATES.get(told.lower(), "running")
            runs.append(RecordedRun(name=run, fields=fields, points=points, state=state, told=told))
    notes += [*table.unmet(), *(f"{n} {what}" for what, n in left.items() if n)]
    words = ["--step-field", step_field] if step_field else []
    words += ["--runs", runs_file.name] if runs_file else []
    command = (place.name, "--from", "wandb", *words)
    return Recorded(
        source=place.name,
        name=place.name if place.is_dir() else place.stem,
        runs=runs,
        notes=list(dict.fromkeys(notes)),
        command=command,
    )


def _histories(
    rows: Rows, name: str, choice: Choice, step_field: str, left: Counter[str]
) -> Mapping[str, History]:
    """By run what rows tell of it."""
    found: dict[str, History] = {}
    if is_chart(rows):
        for run, row, means in chart_rows(rows):
            found.setdefault(run, History("_step")).rows.append(row)
            left[_MEANS] += means
        return found
    columns = {column for row in rows for column in row}
    step = step_field or next((s for s in _STEPS if s in columns), "")
    if not step_field and step != "_step" and columns & set(_STATE):
        return _summaries(rows, choice)
    if step not in columns:
        raise Refused(
            f"{name}: must have a column of steps, {step_field or ' or '.join(_STEPS)}, has "
            f"{joined(sorted(columns), 8)}; name it with --step-field"
        )
    telling = {*choice.arm_fields, choice.seed_field, *NAMES, *_STATE} & columns - {choice.metric}
    for row in rows:
        fields = {column: str(row[column]) for column in telling if row.get(column) is not None}
        parts = [fields[n] for n in (*choice.arm_fields, choice.seed_field) if n in fields]
        run = "/".join([name, *filter(None, [name_in(fields)]), *parts])
        found.setdefault(run, History(step, fields)).rows.append(row)
    return found


def _summaries(rows: Rows, choice: Choice) -> Mapping[str, History]:
    """Of a table of runs each row, with the last value of the metric."""
    found: dict[str, History] = {}
    for index, row in enumerate(rows):
        fields = unpacked(row)
        value, step = fields.pop(choice.metric, None), fields.get("_step", 0)
        run = name_in(fields) or f"row {index + 1}"
        if run in found:
            run = f"{run} (row {index + 1})"
        found[run] = History("_step", {n: v for n, v in fields.items() if n != "_step"})
        if value is not None:
            found[run].rows.append({"_step": step, choice.metric: value})
    return found


def _files(place: Path, runs_file: Path | None) -> list[Path]:
    if not place.is_dir():
        return [place]
    found = [
        file
        for file in sorted(place.rglob("*"))
        if file.suffix.lower() in READERS
        and not _is_config(file)
        and file.absolute() != (runs_file and runs_file.absolute())
    ]
    if not found:
        raise Refused(
            f"{place}: must hold histories ({', '.join(READERS)}), has none; export each run's "
            "scan_history() to a file"
        )
    return found


def _is_config(file: Path) -> bool:
    names = [*(Path(name).name for name in BESIDE), *_OTHERS]
    return file.name in names or file.stem.endswith((".config", "_config", "-config"))


def _run_name(file: Path, place: Path) -> str:
    """The path below the folder, without what says that it is a history."""
    path = (file.relative_to(place) if place.is_dir() else Path(file.name)).with_suffix("")
    if path.name in ("history", "wandb-history", "0000") and path.parent.name:
        return path.parent.as_posix()
    stem = path.as_posix()
    for end in (".history", "_history", "-history"):
        stem = stem.removesuffix(end)
    return stem


def _config_of(file: Path, notes: list[str]) -> Fields:
    """Of `NAME.config.json` beside `NAME.csv`."""
    stem, found = Path(_run_name(file, file.parent)).name, {}
    for joint in "._-":
        for end in (".json", ".yaml", ".yml"):
            found |= config_file(file.parent / f"{stem}{joint}config{end}", notes)
    return found
