"""Runs one arm in this process: under a debugger, or where there is no Ray."""

import pdb
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext

from infra.cell import Attempt, Job
from infra.cost import ahead_s, cell_seconds, open_cells
from infra.data import local_data
from infra.driving import driving, make_job, next_number, record_end, refuse_changed_code
from infra.errors import DONE, SOME_FAILED
from infra.lease import Lease
from infra.ledger import Ledger, attempt_name
from infra.limits import Limit, check_limit, usd_per_hour
from infra.plan import Cell, Plan, cell_config
from infra.provenance import code_provenance
from infra.reported import CellFailed
from infra.stopping import obeying_signals
from infra.study import Study
from infra.sweep import join_plan
from infra.sweep_options import SweepOptions


class _Stop:
    """What ends the cells here after a report: a signal, or a budget that is spent.

    Attributes:
        why: Empty while nothing does.
    """

    def __init__(self, limit: Limit, price: float | None) -> None:
        self._limit, self._price, self.why = limit, price, ""

    def signalled(self, name: str) -> None:
        """Obey a signal."""
        print(f"{name}: stopping at the next report; once more stops now", flush=True)
        self.why = name

    def spent(self, seconds: float) -> None:
        """Hear of the worker-seconds that all cells have taken."""
        if not self.why and (over := self._limit.passed(seconds, self._price)):
            print(f"{over} is spent: committing and stopping; resume with more", flush=True)
            self.why = over


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
    """
    with driving(ledger) as lease:
        plan = join_plan(ledger, plan)
        code, records = code_provenance(plan.study_file), ledger.records()
        if not options.accept_code_change:
            refuse_changed_code(records.values(), code)
        gpus = float(_cuda_is_here())
        chosen = [c for c in plan.cells if c.arm == arm and (not seeds or c.seed in seeds)]
        todo = [c for c in open_cells(plan, records, retry_failed=True) if c in chosen]
        ahead = ahead_s(todo, cell_seconds(study, plan, records, {}))
        check_limit(options.limit, plan, _spent_s(ledger), ahead, gpus)
        ledger.write_plan(plan)
        job = make_job(study, plan, ledger, gpus, code)
        stop = _Stop(options.limit, usd_per_hour(plan, gpus))
        debugged = sys.gettrace() is not None  # then Ctrl-C is the debugger's
        with nullcontext() if debugged else obeying_signals(stop.signalled):
            failed = [c for c in chosen if not _run_cell_here(study, plan, job, lease, c, stop)]
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
    name = attempt_name(next_number(job.ledger, cell.key), lease.token)
    attempt = Attempt(job, cell, cell_config(study, plan, cell, local_data(plan.data)), name)
    before_s = _spent_s(job.ledger)
    try:
        with attempt.running():
            while not attempt.finished:
                point = attempt.report()
                value = point.metrics[plan.metric]
                print(f"{cell.key}: step {point.step}  {plan.metric} {value:.5g}", flush=True)
                stop.spent(before_s + attempt.elapsed_s)
                if stop.why and not attempt.finished:
                    raise KeyboardInterrupt(stop.why)
    except CellFailed as error:
        record_end(job.ledger, cell.key, name, "failed", {name: attempt.elapsed_s}, str(error))
        print(f"{cell.key}: failed: {error}", flush=True)
        _show_cause(error)
        return False
    except KeyboardInterrupt:
        attempt.commit()
        raise
    record_end(job.ledger, cell.key, name, "finished", {name: attempt.elapsed_s})
    return True


def _spent_s(ledger: Ledger) -> float:
    return sum(record.billed_s for record in ledger.records().values())


def _cuda_is_here() -> bool:
    import torch

    return torch.cuda.is_available()


def _show_cause(error: CellFailed) -> None:
    """The run's own traceback, and under a debugger the frame that raised."""
    if error.__cause__ is None:
        return
    traceback.print_exception(error.__cause__)
    if sys.gettrace() is not None:
        pdb.post_mortem(error.__cause__.__traceback__)
