"""A sweep as files for the write-up: four CSVs, LaTeX, and a README with tables and columns.

All of it is a function of the ledger: the same ledger gives the same bytes. Numbers are written so
that they read back to the last bit. What is missing is empty, and no cell is left out.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from infra.answer.board import Leaderboard, Row
from infra.answer.budget import dollars, gpu_hours
from infra.answer.compare import PARAMETERS, leaderboard
from infra.answer.diagnosis import diagnose_cell
from infra.answer.findings import FindingVerdict, judge
from infra.answer.index import read_records
from infra.answer.resumed import resumes
from infra.answer.verdicts import summary
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord
from infra.ledger.whole import write_whole
from infra.study.plan import Cell, Plan
from infra.study.study import Finding
from infra.words import spans
from infra.writeup.columns import CELL, DICTIONARY, FINDING, PROVENANCE, SCHEMA, column, ordered
from infra.writeup.latex import latex, narrow
from infra.writeup.tables import (
    OTHER_DATA,
    Table,
    findings_tables,
    labels_text,
    leaderboard_table,
    markdown,
    seeds_table,
)


def export(
    plan: Plan,
    ledger: Ledger,
    findings: Sequence[Finding] | None,
    to: Path,
    *,
    logs: bool = True,
) -> list[Path]:
    """The files written into the folder `to`, each whole or not at all, the README last.

    Args:
        plan: What was to run.
        ledger: Where it is recorded.
        findings: The study's documented claims; None leaves findings.csv out.
        to: The folder, made where there is none.
        logs: Whether to add what the failed cells printed, as logs/CELL.txt.

    Raises:
        ValueError: When the folder cannot be written, or a finished cell lacks the metric.
    """
    records = read_records(plan, ledger)
    board = leaderboard(plan, records)
    verdicts = None if findings is None else judge(findings, plan, records)
    texts = {
        "cells.csv": _csv(_cell_rows(plan, records, ledger.sweep), plan.metric),
        "arms.csv": _csv(_arm_rows(board, ledger.sweep), plan.metric),
        "curves.csv": _csv(_curve_rows(plan, records), plan.metric),
    }
    if verdicts is not None:
        texts["findings.csv"] = _csv([_finding_row(v) for v in verdicts], "", tuple(FINDING))
    failed = [key for key, record in records.items() if record.status == "failed" and logs]
    texts |= {f"logs/{key}.txt": _failure_log(ledger, records[key]) for key in failed}
    texts["leaderboard.tex"] = latex(narrow(leaderboard_table(board)), f"tab:{ledger.sweep}")
    texts["README.md"] = _readme(plan, ledger.sweep, board, verdicts, records)
    logs_of_all = (f"logs/{key}.txt" for key in records)
    try:
        return _write(to, texts, {"findings.csv", *logs_of_all})
    except OSError as error:
        raise ValueError(
            f"export to {str(to)!r}: must be a folder that can be written, got: "
            f"{error.strerror}; name another"
        ) from error


def _cell_rows(plan: Plan, records: Mapping[str, CellRecord], sweep: str) -> list[dict[str, Any]]:
    return [_cell_row(plan, cell, records[cell.key], sweep) for cell in plan.cells]


def _cell_row(plan: Plan, cell: Cell, record: CellRecord, sweep: str) -> dict[str, Any]:
    final = record.points[-1].metrics if record.status == "finished" else {}
    hours, commit = gpu_hours(record), record.commit
    about = (plan.study, sweep, plan.scale, cell.arm, cell.seed, cell.key)
    bill = (hours, dollars(hours, plan.usd_per_gpu_hour))
    steps = commit.step if commit else None
    label = diagnose_cell(plan, record)
    state = (record.status, record.error, record.damage, str(label) if label else None)
    size = (steps, final.get(PARAMETERS))
    return {
        **dict(zip(CELL, (*about, *state, *size, *bill), strict=True)),
        **{f"config.{name}": _text(value) for name, value in cell.config.items()},
        **{column(name): value for name, value in final.items()},
        **_provenance(record),
        "resume": resumes(plan, record),
        "perf/billed_s": None if plan.is_recorded else record.billed_s,
    }


def _provenance(record: CellRecord) -> dict[str, Any]:
    start = record.start
    code, machine = start.get("code", {}), start.get("machine", {})
    own = {"threads": start.get("threads"), "attempts": record.attempts}
    own["weights_sha256"] = record.commit.weights_sha256 if record.commit else ""
    realised = record.commit.realised if record.commit else {}
    own |= {name: ", ".join(values) for name, values in realised.items()}
    known = {**code, **code.get("versions", {}), **machine, **own}
    return {name: known.get(name) for name in PROVENANCE}


def _arm_rows(board: Leaderboard, sweep: str) -> list[dict[str, Any]]:
    return [
        {
            "study": board.study,
            "sweep": sweep,
            "scale": board.scale,
            "arm": row.arm,
            **{name: getattr(board, name) for name in ("metric", "mode", "budget")},
            "n": row.finished,
            **{name: getattr(row, name) for name in ("planned", "failed", "mean", "sd")},
            **_ends("mean", row.interval),
            "baseline": board.baseline,
            "pairs": len(row.difference.seeds) if row.difference else None,
            "pair_seeds": spans(row.difference.seeds) if row.difference else None,
            "difference": row.difference.mean if row.difference else None,
            **_ends("difference", row.difference.interval if row.difference else None),
            **{name: getattr(board, name) for name in ("confidence", "margin")},
            **{name: getattr(row, name) for name in ("verdict", "reason")},
            "labels": labels_text(row) or None,
            **{name: getattr(row, name) or None for name in ("uneven", "by_signs")},
            "beside": "; ".join(row.beside) or None,
            **{name: getattr(row, name) for name in ("steps", "parameters")},
            **{name: getattr(row, name) for name in ("gpu_hours", "cost_usd")},
            **{f"seed.{s}": v for s, v in zip(board.seeds, row.values, strict=True)},
            **{column(name): _mean(row, name) for name in row.metrics},
        }
        for row in board.rows
    ]


def _mean(row: Row, metric: str) -> float | None:
    """Over seeds, where every finished cell has the metric."""
    values = [value for value in row.metrics[metric] if value is not None]
    return summary(values)[0] if values and len(values) == row.finished else None


def _ends(name: str, interval: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _curve_rows(plan: Plan, records: Mapping[str, CellRecord]) -> list[dict[str, Any]]:
    return [
        {
            "arm": cell.arm,
            "seed": cell.seed,
            "step": point.step,
            **{column(name): value for name, value in point.metrics.items()},
        }
        for cell in plan.cells
        for point in records[cell.key].points
    ]


def _finding_row(v: FindingVerdict) -> dict[str, Any]:
    holds = sum(s.holds is True for s in v.seeds) if v.seeds else None
    row = (v.id, v.tag, v.verdict, v.basis, v.reason, holds, len(v.seeds) or None)
    return {
        **dict(zip(FINDING, (*row, v.statement, v.documented, v.source), strict=True)),
        **{f"seed.{s.seed}": s.holds for s in v.seeds},
        **({OTHER_DATA: v.other_data} if v.other_data else {}),
    }


def _csv(rows: Sequence[Mapping[str, Any]], metric: str, columns: Sequence[str] = ()) -> str:
    """Rows under the union of their columns: named ones, metrics, provenance, `perf/` last."""
    names = ordered(chain(columns, chain.from_iterable(rows)), metric)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    # The csv module writes floats by repr, which reads back to the last bit, and nothing for None.
    writer.writerows(map(row.get, names) for row in rows)
    return text.getvalue()


def _text(value: Any) -> Any:
    """A value that one field of a file can hold."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def _failure_log(ledger: Ledger, record: CellRecord) -> str:
    logs = (
        (attempt, ledger.read_log(record.key, attempt)) for attempt in ledger.attempts(record.key)
    )
    return (
        "".join(f"== attempt {attempt}\n{text}" for attempt, text in logs) + f"== {record.error}\n"
    )


def _readme(
    plan: Plan,
    sweep: str,
    board: Leaderboard,
    verdicts: Sequence[FindingVerdict] | None,
    records: Mapping[str, CellRecord],
) -> str:
    tables = [leaderboard_table(board), seeds_table(board)]
    tables += findings_tables(verdicts or ())
    tables += [code_and_machines(records), *map(_dictionary, DICTIONARY)]
    if any(v.other_data for v in verdicts or ()):
        rows = ((OTHER_DATA, "documented numbers taken on other data, without verdict"),)
        tables.append(Table("Columns besides: findings.csv", ("column", "meaning"), rows))
    body = "\n".join(markdown(table) for table in tables)
    return f"""# {plan.study}: {plan.question}

Sweep `{sweep}`. Columns are those of schema {SCHEMA}. Numbers and names read back exactly with

    names = {{"arm": str, "baseline": str}}
    pandas.read_csv(file, dtype=names, keep_default_na=False, na_values=[""])

(before pandas 3.1 also `float_precision="round_trip"`). `leaderboard.tex` is the first table below
for a paper: `\\input` it in a document that uses the package booktabs.

{body}"""


def code_and_machines(records: Mapping[str, CellRecord]) -> Table:
    """With what code and machines: more than one value in a row is a mix."""
    known = [_provenance(record) for record in records.values() if record.start]
    rows = []
    for name in PROVENANCE:
        if name not in ("weights_sha256", "attempts", "resume"):
            counts = Counter("" if own[name] is None else str(own[name]) for own in known)
            each = (f"{text or '-'} ({n} cells)" for text, n in sorted(counts.items()))
            rows.append((name, ", ".join(each)))
    return Table("Code and machines", ("what", "found"), tuple(rows))


def _dictionary(name: str) -> Table:
    return Table(f"Columns: {name}", ("column", "meaning"), tuple(DICTIONARY[name].items()))


def _write(to: Path, texts: Mapping[str, str], ours: Iterable[str]) -> list[Path]:
    """Writes the files; those of an earlier export that there are no more are removed."""
    to.mkdir(parents=True, exist_ok=True)
    for stale in sorted(set(ours) - set(texts)):
        (to / stale).unlink(missing_ok=True)
    written = []
    for name, text in texts.items():
        path = to / name
        path.parent.mkdir(exist_ok=True)
        written.append(write_whole(path, text))
    return written
