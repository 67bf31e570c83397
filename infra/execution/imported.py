"""A sweep made of curves that somebody else recorded, written through the ledger like any other.

Leaderboard, labels, export and report read it as they read every sweep. It has no configs, code,
machines or weights, since a table of curves does not tell them, and nothing that could be resumed.
"""

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infra.cell.driving import driving, record_end
from infra.errors import Refused
from infra.execution.recorded_table import RecordedTable, read_table
from infra.execution.sweep import join_plan
from infra.ledger.ledger import Ledger, attempt_name
from infra.ledger.records import Commit, Point
from infra.study.plan import RECORD, Cell, Plan, make_cell
from infra.words import choices

_ATTEMPT = attempt_name(1, "import")


@dataclass(frozen=True, kw_only=True)
class Laws:
    """What a study would say of the curves.

    Attributes:
        metric: "" takes the only one there is; so `baseline`.
        mode: Whether less ("min") or more ("max") of the metric is better.
        margin: Differences smaller than this do not matter; None where equivalence is not claimed.
    """

    metric: str
    mode: str
    baseline: str
    margin: float | None


def sweep_name(file: Path) -> str:
    """The file's name as far as a sweep can be called so."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", file.stem).lstrip("._=-") or "recorded"


def import_curves(file: Path, ledger: Ledger, laws: Laws) -> Plan:
    """The plan of the recorded sweep; a second import of the same file writes nothing.

    Raises:
        Refused: Where the table is not what it must be, or the name holds something else.
    """
    table = read_table(file)
    plan = _plan(table, ledger.sweep, laws)
    for arm in table.arms:
        _check_finished(table, arm, plan.metric)
    with driving(ledger):
        old = ledger.read_plan()
        _refuse_other(ledger, old, table)
        plan = join_plan(ledger, plan)
        if old is None:
            ledger.write_plan(plan)
        records = ledger.records(plan)
        for cell in plan.cells:
            if not records[cell.key].has_ended:
                _write(ledger, cell, table.curves[cell.arm, cell.seed], table)
    return plan


def _plan(table: RecordedTable, sweep: str, laws: Laws) -> Plan:
    metric = _chosen("metric", laws.metric, _answers(table), table)
    plan = Plan(
        study=sweep,
        question=f"Which recorded arm has {'less' if laws.mode == 'min' else 'more'} {metric}?",
        scale=RECORD,
        metric=metric,
        mode=laws.mode,
        baseline=_chosen("baseline", laws.baseline, table.arms, table),
        margin=laws.margin,
        usd_per_gpu_hour=None,
        data=table.file,
        data_digest=table.sha256,
    )
    return replace(plan, cells=tuple(_cell(plan, arm, seed) for arm, seed in table.cells))


def _cell(plan: Plan, arm: str, seed: int) -> Cell:
    """Without a config, so that its name alone tells an arm from others."""
    return replace(make_cell(plan, arm, seed, {"arm": arm}), config={})


def _answers(table: RecordedTable) -> list[str]:
    """Metrics that can answer a question."""
    return [name for name in table.metrics if not name.startswith("perf/")]


def _chosen(option: str, wanted: str, known: Sequence[str], table: RecordedTable) -> str:
    if not wanted and len(known) == 1:
        return known[0]
    if wanted not in known:
        raise Refused(
            f"{table.file}: {option} must be one of {choices(known, wanted) or 'its columns'}, got "
            f"{wanted or 'none'}; choose with --{option}"
        )
    return wanted


def _check_finished(table: RecordedTable, arm: str, metric: str) -> None:
    """Seeds of an arm end together, with the metric; a curve that stops before is no result."""
    ends = {seed: points[-1] for (name, seed), points in table.curves.items() if name == arm}
    longest = max(point.step for point in ends.values())
    for seed, point in ends.items():
        where = f"{table.file}, arm {arm!r}, seed {seed}"
        if point.step < longest:
            raise Refused(
                f"{where}: must end at step {longest} as the arm's other seeds do, ends at "
                f"{point.step}: unfinished; complete it, or take it or the rows beyond out"
            )
        if metric not in point.metrics:
            raise Refused(
                f"{where}: must have {metric} at its last step {point.step}, has "
                f"{', '.join(point.metrics) or 'nothing'}; complete it or take the row out"
            )


def _refuse_other(ledger: Ledger, old: Plan | None, table: RecordedTable) -> None:
    if old and old.data_digest != table.sha256:
        held = f"{old.data}, SHA-256 {old.data_digest[:12]}" if old.is_recorded else old.study
        raise Refused(
            f"sweep {ledger.sweep!r}: must hold the curves of {table.file}, SHA-256 "
            f"{table.sha256[:12]}, and holds {held}; choose another with --name"
        )


def _write(ledger: Ledger, cell: Cell, points: Sequence[Point], table: RecordedTable) -> None:
    """One cell; a value that is not finite fails it, as it would have failed while running."""
    kept, error = _finite(points)
    ledger.start_attempt(
        cell.key,
        _ATTEMPT,
        {
            "schema": 1,
            "arm": cell.arm,
            "seed": cell.seed,
            "imported": {"file": table.file, "sha256": table.sha256},
            "started": time.time(),
        },
    )
    if kept:
        commit = Commit(_ATTEMPT, kept[-1].step, 0.0, "", "", "", "", finished=not error)
        ledger.write_commit(cell.key, commit, None, kept)
    status = "failed" if error else "finished"
    record_end(ledger, cell.key, _ATTEMPT, status, {}, f"as recorded: {error}" if error else "")


def _finite(points: Sequence[Point]) -> tuple[Sequence[Point], str]:
    """The points before the first that is not finite, and what that one says; or all, and ""."""
    for index, point in enumerate(points):
        for name, value in point.metrics.items():
            if not math.isfinite(value):
                return points[:index], f"{name} must be finite, got {value} at step {point.step}"
    return points, ""
