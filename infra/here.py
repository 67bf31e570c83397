"""Runs one arm in this process: under a debugger, or where there is no Ray."""

import pdb
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext

from infra.cell import Attempt, Job
from infra.data import local_data
from infra.driving import driving, make_job, next_number, record_end, refuse_changed_code
from infra.errors import DONE, SOME_FAILED
from infra.lease import Lease
from infra.ledger import Ledger, attempt_name
from infra.plan import Cell, Plan, cell_config
from infra.provenance import code_provenance
from infra.reported import CellFailed
from infra.stopping import obeying_signals
from infra.study import Study
from infra.sweep import join_plan


def run_here(
    study: Study,
    plan: Plan,
    ledger: Ledger,
    arm: str,
    seeds: Sequence[int],
    accept_code_change: bool = False,
) -> int:
    """The arm's cells one after the other, into the same ledger; gives back the exit status."""
    with driving(ledger) as lease:
        plan = join_plan(ledger, plan)
        code = code_provenance(plan.study_file)
        if not accept_code_change:
            refuse_changed_code(ledger.records().values(), code)
        ledger.write_plan(plan)
        job = make_job(study, plan, ledger, float(_cuda_is_here()), code)
        chosen = [c for c in plan.cells if c.arm == arm and (not seeds or c.seed in seeds)]
        stopping: list[str] = []

        def stop(signal_name: str) -> None:
            print(f"{signal_name}: stopping at the next report; once more stops now", flush=True)
            stopping.append(signal_name)

        debugged = sys.gettrace() is not None  # then Ctrl-C is the debugger's
        with nullcontext() if debugged else obeying_signals(stop):
            failed = [c for c in chosen if not _run_cell_here(study, plan, job, lease, c, stopping)]
    return SOME_FAILED if failed else DONE


def _run_cell_here(
    study: Study, plan: Plan, job: Job, lease: Lease, cell: Cell, stopping: Sequence[str]
) -> bool:
    """Whether the cell finished; a signal in `stopping` stops it after a report, committed."""
    record = job.ledger.record(cell.key)
    if record.status == "finished":
        step = record.points[-1].step
        print(f"{cell.key}: finished at step {step} already; another --name runs it again")
        return True
    name = attempt_name(next_number(job.ledger, cell.key), lease.token)
    attempt = Attempt(job, cell, cell_config(study, plan, cell, local_data(plan.data)), name)
    try:
        with attempt.running():
            while not attempt.finished:
                point = attempt.report()
                value = point.metrics[plan.metric]
                print(f"{cell.key}: step {point.step}  {plan.metric} {value:.5g}", flush=True)
                if stopping and not attempt.finished:
                    raise KeyboardInterrupt(*stopping)
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
