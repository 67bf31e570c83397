"""A sweep made of curves that somebody else recorded, written through the ledger like any other.

Leaderboard, labels, export and report read it as they read every sweep. It has no configs, code,
machines or weights, since a table of curves does not tell them, and nothing that could be resumed.
A run that failed there is a failed cell here, so that no arm wins by its survivors.
"""

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infra.cell.driving import driving, record_end
from infra.errors import Refused
from infra.execution.recorded.table import RecordedTable, answers, chosen
from infra.execution.sweep import join_plan
from infra.ledger.ledger import Ledger, attempt_name
from infra.ledger.records import Commit, Point
from infra.study.plan import RECORD, Cell, Plan, make_cell

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


def sweep_name(source: str) -> str:
    """The source's name as far as a sweep can be called so."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", source).lstrip("._=-") or "recorded"


def import_curves(table: RecordedTable, ledger: Ledger, laws: Laws) -> Plan:
    """The plan of the recorded sweep; a second import of the same writes nothing.

    Raises:
        Refused: Where the table is not what it must be, or the name holds something else.
    """
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
    metric = chosen("metric", laws.metric, answers(table.metrics), table.source)
    plan = Plan(
        study=sweep,
        question=f"Which recorded arm has {'less' if laws.mode == 'min' else 'more'} {metric}?",
        scale=RECORD,
        metric=metric,
        mode=laws.mode,
        baseline=chosen("baseline", laws.baseline, table.arms, table.source),
        margin=laws.margin,
        usd_per_gpu_hour=None,
        data=table.source,
        data_digest=table.sha256,
    )
    return replace(plan, cells=tuple(_cell(plan, arm, seed) for arm, seed in table.cells))


def _cell(plan: Plan, arm: str, seed: int) -> Cell:
    """Without a config, so that its name alone tells an arm from others."""
    return replace(make_cell(plan, arm, seed, {"arm": arm}), config={})


def _check_finished(table: RecordedTable, arm: str, metric: str) -> None:
    """Seeds of an arm end together, with the metric; a curve that stops before is no result."""
    ends = {
        seed: points[-1]
        for (name, seed), points in table.curves.items()
        if name == arm and (name, seed) not in table.failures
    }
    longest = max((point.step for point in ends.values()), default=0)
    for seed, point in ends.items():
        where = f"{table.source}, arm {arm!r}, seed {seed}"
        if point.step < longest:
            raise Refused(
                f"{where}: must end at step {longest} as the arm's other seeds do, ends at "
                f"{point.step}: unfinished; complete it, take it out, or read all until there with "
                f"--last-step {point.step}"
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
            f"sweep {ledger.sweep!r}: must hold the curves of {table.source}, SHA-256 "
            f"{table.sha256[:12]}, and holds {held}; choose another with --name"
        )


def _write(ledger: Ledger, cell: Cell, points: Sequence[Point], table: RecordedTable) -> None:
    """One cell; a value that is not finite fails it, as it would have failed while running."""
    kept, error = _finite(points)
    error = error or table.failures.get((cell.arm, cell.seed), "")
    ledger.start_attempt(
        cell.key,
        _ATTEMPT,
        {
            "schema": 1,
            "arm": cell.arm,
            "seed": cell.seed,
            "imported": _origin(table, cell),
            "started": time.time(),
        },
    )
    if kept:
        commit = Commit(_ATTEMPT, kept[-1].step, 0.0, "", "", "", "", finished=not error)
        ledger.write_commit(cell.key, commit, None, kept)
    status = "failed" if error else "finished"
    record_end(ledger, cell.key, _ATTEMPT, status, {}, f"as recorded: {error}" if error else "")


def _origin(table: RecordedTable, cell: Cell) -> Mapping[str, Any]:
    """Where a cell is from, and what reads it again."""
    run = table.runs.get((cell.arm, cell.seed), "")
    return {
        "file": table.source,
        "sha256": table.sha256,
        **({"run": run} if run else {}),
        **({"command": list(table.command)} if len(table.command) > 1 else {}),
        **({"notes": list(table.notes)} if table.notes else {}),
    }


def _finite(points: Sequence[Point]) -> tuple[Sequence[Point], str]:
    """The points before the first that is not finite, and what that one says; or all, and ""."""
    for index, point in enumerate(points):
        for name, value in point.metrics.items():
            if not math.isfinite(value):
                return points[:index], f"{name} must be finite, got {value} at step {point.step}"
    return points, ""
