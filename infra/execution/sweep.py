"""One execution of a study under a name: plan, lease, run, record, answer."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.answer.board import Row
from infra.answer.compare import leaderboard
from infra.answer.index import read_records
from infra.answer.verdicts import MIN_PAIRS
from infra.cell.arm_code import moved_code
from infra.cell.code import code_now, keep_code
from infra.cell.driving import driving, earlier_modules, record_end
from infra.errors import DONE, INTERRUPTED, SOME_FAILED, Refused
from infra.execution.supervisor import Supervisor
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord
from infra.preflight.before import check_before
from infra.preflight.cost import open_cells
from infra.study.plan import Cell, Plan, extend_plan
from infra.study.study import Study
from infra.sweep_options import SweepOptions
from infra.writeup.artifacts import verdict_tags, write_artifacts

TRACKER_PATIENCE_S = 20.0  # that a whole sweep waits at its end for MLflow to catch up


def join_plan(ledger: Ledger, plan: Plan, study: Study | None = None) -> Plan:
    """The plan to execute: the new one, or the recorded one extended by it.

    Raises:
        Refused: When the name belongs to another study, the study changed, or a sequential sweep
            would get another arm.
    """
    old = ledger.read_plan()
    if old is None:
        return plan
    if old.study != plan.study:
        raise Refused(
            f"sweep {ledger.sweep!r}: must belong to study {plan.study!r}, but "
            f"{ledger.storage.uri} holds one of "
            f"{old.study!r} by that name; choose another with --name"
        )
    if old.max_seeds and (new := [arm for arm in plan.trained if arm not in old.arms]):
        raise Refused(
            f"sweep {ledger.sweep!r}: must keep the arms with which it began to look, since they "
            f"share the error, and {new[0]!r} is new; run it under another --name"
        )
    try:
        extended = extend_plan(old, plan)
    except ValueError as error:
        moved = moved_code(study, old, plan) if study else ""
        told = (
            f"; or name the commit itself as ref, for what has changed is\n{moved}" if moved else ""
        )
        raise Refused(
            f"sweep {ledger.sweep!r}: {error}; run it under another --name{told}"
        ) from error
    if 0 < extended.max_seeds < len(extended.seeds):
        raise Refused(
            f"sweep {ledger.sweep!r}: must end with {extended.max_seeds} seeds, its last look, and "
            f"would get {len(extended.seeds)}; leave out --seeds, or use another --name"
        )
    return replace(
        extended,
        looked=(*old.looked, *_look_without_a_share(ledger, old, plan)),
        families=(*old.families, *_family_that_grows(ledger, old, plan)),
    )


def _look_without_a_share(ledger: Ledger, old: Plan, new: Plan) -> Iterator[int]:
    """The number of seeds at which a fixed sweep had verdicts, where it gets further seeds."""
    if old.max_seeds or not (new.max_seeds or set(new.seeds) - set(old.seeds)):
        return
    told = [len(r.difference.seeds) for r in _judged(ledger, old) if r.difference]
    if max(told, default=0) >= MIN_PAIRS and max(told) not in old.looked:
        yield max(told)


def _family_that_grows(
    ledger: Ledger, old: Plan, new: Plan
) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """The arms and seeds that had verdicts, where further arms come to share their error."""
    if set(new.trained) - set(old.arms) and any(r.verdict for r in _judged(ledger, old)):
        yield tuple(old.arms), tuple(old.seeds)


def _judged(ledger: Ledger, plan: Plan) -> list[Row]:
    """Rows whose verdict waits for no cell; none where the sweep has not the metric."""
    try:
        rows = leaderboard(plan, ledger.records(plan)).rows
    except ValueError:
        return []
    return [row for row in rows if row.verdict != "control" and row.awaits != "cells"]


@dataclass(frozen=True)
class Outcome:
    """How a run of the driver ended.

    Attributes:
        status: The exit status.
        view: Address of the sorted runs table in MLflow, "" while MLflow lacks something.
        serve: The command that serves it, "" where a server runs.
        trouble: Why MLflow lacks something.
    """

    status: int
    view: str = ""
    serve: str = ""
    trouble: str = ""


def run_sweep(study: Study, plan: Plan, ledger: Ledger, options: SweepOptions) -> Outcome:
    """Execute what is left of the plan on Ray.

    Raises:
        Refused: When it must not start: another driver, a changed study or code, no resources.
    """
    from infra.tracking.tracking import Tracker, default_tracking_uri, leaderboard_address

    with ExitStack() as stack:
        lease = stack.enter_context(driving(ledger))
        plan = join_plan(ledger, plan, study)
        records = read_records(plan, ledger)
        _record_unrecorded_ends(ledger, records)
        todo = open_cells(plan, records, options.retry_failed)
        told = check_before(study, plan, records, todo, options, ledger) if todo else None
        accepted = options.accept_code_change
        code = code_now(study, plan, ledger, records.values(), accepted)
        ledger.write_plan(plan)
        keep_code(study, plan, ledger, code.files)
        if told is not None and (options.preflight or ledger.read_preflight() is None):
            ledger.write_preflight(*told)
        ended = Counter(records[c.key].status for c in plan.cells if c not in todo)
        failed = f", {ended['failed']} failed" if ended["failed"] else ""
        print(f"{ended['finished']} cells are done{failed}, {len(todo)} to run", flush=True)
        uri = options.tracking or default_tracking_uri(ledger.storage.uri)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ablate-artifacts-")))
        patience_s = 0.5
        tracker = Tracker(ledger, plan, uri)
        try:
            modules = earlier_modules(records.values(), accepted)
            stopped = bool(todo) and Supervisor(
                study,
                plan,
                ledger,
                tracker,
                lease,
                code.told,
                modules,
                code.files,
                accepted,
                options.max_parallel,
                options.limit,
            ).run(todo, _values(records, todo, plan.metric), options.address)
            if not stopped:
                write_artifacts(plan, ledger, study.findings, folder)
                tracker.log_artifacts(folder, verdict_tags(plan, ledger))
                patience_s = TRACKER_PATIENCE_S
        finally:
            is_level = tracker.close(patience_s)
        status = INTERRUPTED if stopped else _status(ledger, plan)
        if not is_level:
            return Outcome(status, trouble=tracker.trouble)
        place = tracker.experiment_id, ledger.sweep, plan.metric, plan.mode
        return Outcome(status, *leaderboard_address(uri, *place))


def _record_unrecorded_ends(ledger: Ledger, records: dict[str, CellRecord]) -> None:
    """Cells whose last commit says finished, but whose driver died before it said so."""
    for key, record in records.items():
        if record.status == "interrupted" and record.commit and record.commit.finished:
            record_end(ledger, key, record.commit.attempt, "finished", {})
            records[key] = ledger.record(key)


def _values(
    records: Mapping[str, CellRecord], todo: Sequence[Cell], metric: str
) -> dict[str, float | None]:
    """The metric of the cells that have ended already, None where they failed."""
    ended = set(records) - {cell.key for cell in todo}
    points = {k: r.points if r.status == "finished" else () for k, r in records.items()}
    return {k: p[-1].metrics.get(metric) if p else None for k, p in points.items() if k in ended}


def _status(ledger: Ledger, plan: Plan) -> int:
    records = read_records(plan, ledger).values()
    finished = all(record.status == "finished" for record in records)
    return DONE if finished else SOME_FAILED
