"""Runs one arm in this process: under a debugger, or where there is no Ray."""

import pdb
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext

from infra import hash_seed
from infra.answer.index import read_records
from infra.cell.arm_code import packed_arms
from infra.cell.cell import Attempt, Job
from infra.cell.code import code_now, keep_code
from infra.cell.driving import (
    driving,
    earlier_modules,
    make_job,
    next_number,
    record_end,
    refuse_changed_code,
)
from infra.errors import DONE, INTERRUPTED, SOME_FAILED, CellFailed, Refused
from infra.execution.stopping import obeying_signals
from infra.execution.sweep import join_plan
from infra.ledger.data import local_data
from infra.ledger.lease import Lease
from infra.ledger.ledger import Ledger, attempt_name
from infra.ledger.records import Point
from infra.preflight.cost import ahead_s, cell_seconds, open_cells, shared_seconds, without
from infra.preflight.limits import check_limit, usd_per_hour
from infra.preflight.measure import cell_gpus
from infra.study.plan import Cell, Plan, cell_config
from infra.study.study import Study
from infra.sweep_options import Limit, SweepOptions


class _BudgetSpent(KeyboardInterrupt):
    """Stops the cells as a signal does; the same command would be refused, which is told apart."""


class _Stop:
    """What ends the cells here after a report: a signal, or a budget that is spent.

    Attributes:
        spent_s: Worker-seconds of all attempts but the running one.
    """

    def __init__(self, limit: Limit, price: float | None, spent_s: float) -> None:
        self._limit, self._price, self._signal = limit, price, ""
        self.spent_s = spent_s

    def signalled(self, name: str) -> None:
        """Remember a signal; what a run prints meanwhile goes to its log, so this goes past it."""
        print(f"{name}: stopping at the next report; once more stops now", file=sys.__stderr__)
        self._signal = name

    def obey(self, running_s: float = 0.0) -> None:
        """KeyboardInterrupt where something ends the cells, of which one has run so long."""
        if self._signal:
            raise KeyboardInterrupt(self._signal)
        if over := self._limit.passed(self.spent_s + running_s, self._price):
            print(f"{over} is spent: committing and stopping; resume with more", flush=True)
            raise _BudgetSpent(over)


def run_here(
    study: Study,
    plan: Plan,
    ledger: Ledger,
    arm: str,
    seeds: Sequence[int],
    options: SweepOptions,
) -> int:
    """The arm's cells one after the other, into the same ledger; gives back the exit status.

    There is no preflight: it runs the arm too, and would hide a debugger's prompt.

    Raises:
        Refused: When it must not start.
        KeyboardInterrupt: When a signal stopped it, with all committed.
    """
    with driving(ledger) as lease:
        plan = join_plan(ledger, plan, study)
        records, accepted = read_records(plan, ledger), options.accept_code_change
        code = code_now(study, plan, ledger, records.values(), accepted)
        if not options.accept_code_change:
            for note in refuse_changed_code(records.values(), code, ledger):
                print(f"note: {note}", flush=True)
        chosen = [c for c in plan.cells if c.arm == arm and (not seeds or c.seed in seeds)]
        if not chosen:
            raise Refused(
                f"--here {arm}: must be an arm of this sweep, which has {', '.join(plan.arms)}; "
                "name it among --arms, or leave those out"
            )
        if hash_seed.own() == hash_seed.RANDOM:
            told = "is none that workers have, as this process began without PYTHONHASHSEED"
            print(f"note: hash() of text {told}; export {hash_seed.NAME}={hash_seed.FIXED}")
        gpus = cell_gpus(plan, "local")
        price, spent_s = usd_per_hour(plan, gpus), sum(r.spent_s for r in records.values())
        todo = [c for c in open_cells(plan, records, retry_failed=True) if c in chosen]
        known = without(cell_seconds(study, plan, records, {}), shared_seconds(plan, records, {}))
        check_limit(options.limit, price, spent_s, ahead_s(todo, known, records))
        packed_arms(study, plan)  # which refuses what cannot be had
        ledger.write_plan(plan)
        keep_code(study, plan, ledger, code.files)
        modules = earlier_modules(records.values(), options.accept_code_change)
        job = make_job(study, plan, ledger, gpus, code.told, modules, code.files, accepted)
        stop = _Stop(options.limit, price, spent_s)
        debugged = sys.gettrace() is not None  # then Ctrl-C is the debugger's
        try:
            with nullcontext() if debugged else obeying_signals(stop.signalled):
                failed = [c for c in chosen if not _run_cell_here(study, plan, job, lease, c, stop)]
        except _BudgetSpent:
            return INTERRUPTED
    print(f"recorded in the sweep {ledger.sweep!r} in {ledger.storage.uri}", flush=True)
    return SOME_FAILED if failed else DONE


def _run_cell_here(
    study: Study, plan: Plan, job: Job, lease: Lease, cell: Cell, stop: _Stop
) -> bool:
    """Whether the cell finished; it commits where it is stopped."""
    record = job.ledger.record(cell.key)
    if record.status == "finished":
        step = record.points[-1].step
        print(f"{cell.key}: finished at step {step} already; another --name runs it again")
        return True
    stop.obey()
    name = attempt_name(next_number(job.ledger, cell.key), lease.token)
    attempt = Attempt(job, cell, cell_config(study, plan, cell, local_data(plan.data)), name)
    try:
        with attempt.running():
            if attempt.finished and attempt.last:  # at step 0
                _tell(cell, attempt.last, plan.metric)
            while not attempt.finished:
                if point := attempt.report():
                    _tell(cell, point, plan.metric)
                if not attempt.finished:
                    stop.obey(attempt.elapsed_s)
    except CellFailed as error:
        record_end(job.ledger, cell.key, name, "failed", {name: attempt.elapsed_s}, str(error))
        print(f"{cell.key}: failed: {error}", flush=True)
        _show_cause(error)
        return False
    except KeyboardInterrupt:
        attempt.commit()
        raise
    finally:
        stop.spent_s += attempt.elapsed_s
    record_end(job.ledger, cell.key, name, "finished", {name: attempt.elapsed_s})
    return True


def _tell(cell: Cell, point: Point, metric: str) -> None:
    print(f"{cell.key}: step {point.step}  {metric} {point.metrics[metric]:.5g}", flush=True)


def _show_cause(error: CellFailed) -> None:
    """The run's own traceback, and under a debugger the frame that raised."""
    if error.__cause__ is None:
        return
    traceback.print_exception(error.__cause__)
    if sys.gettrace() is not None:
        pdb.post_mortem(error.__cause__.__traceback__)
