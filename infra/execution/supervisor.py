"""Keeps Ray at work on unfinished cells, records their ends, shows progress, obeys signals."""

import time
from collections.abc import Mapping
from typing import Any

from infra.answer.diagnosis import diagnose_cell
from infra.answer.index import EndedCells, read_records
from infra.cell.driving import make_job, next_number, record_end
from infra.errors import Refused
from infra.execution.progress import Progress
from infra.execution.stopping import obeying_signals
from infra.ledger.data import local_data
from infra.ledger.lease import Lease
from infra.ledger.ledger import Ledger
from infra.ledger.patience import StorageError
from infra.preflight.limits import usd_per_hour
from infra.study.plan import Cell, Plan, cell_config
from infra.study.study import Study
from infra.sweep_options import Limit, meant_address

ROUNDS_WITHOUT_PROGRESS = 3


class Supervisor:
    """The driver's side of one run over the unfinished cells."""

    def __init__(
        self,
        study: Study,
        plan: Plan,
        ledger: Ledger,
        tracker: Any,
        lease: Lease,
        code: Mapping[str, Any],
        modules: Mapping[str, set[str]],
        files: Mapping[str, str],
        accepted: bool,
        max_parallel: int,
        limit: Limit,
    ) -> None:
        self._study, self._plan, self._ledger, self._tracker = study, plan, ledger, tracker
        self._lease, self._known = lease, (code, modules, files, accepted)
        self._max_parallel = max_parallel
        self._limit, self._earlier_s, self._price = limit, 0.0, None
        self._stop = False
        self._progress = Progress(plan, {})
        self._ended = EndedCells(plan, ledger, 0)

    def run(self, todo: list[Cell], ended: Mapping[str, float | None], address: str) -> bool:
        """Work on Ray until nothing is left or moves; says whether it was told to stop.

        Args:
            todo: The cells to run.
            ended: The metric of the plan's other cells, by key.
            address: Which Ray, see `ray_session`.
        """
        from infra.execution.ray_session import (
            check_imports,
            check_resources,
            check_storage_is_shared,
            ray_session,
            ship_by_value,
        )

        records = read_records(self._plan, self._ledger)
        self._ended = EndedCells(self._plan, self._ledger, len(ended))
        failed = [key for key in ended if records[key].status == "failed"]
        self._progress = Progress(self._plan, ended, failed)
        meant = meant_address(address)
        self._progress.say("starting Ray" if meant == "local" else f"Ray: joining {meant}")
        with obeying_signals(self._stop_for), ray_session(address) as ray:
            ship_by_value(self._study.run, type(self._study.base))
            gpus = check_resources(ray, self._plan.cpus, self._plan.gpus)
            if meant_address(address) != "local":
                check_imports(ray, self._study.run, self._study.base)
            check_storage_is_shared(ray, self._ledger.storage, self._ledger.sweep)
            self._progress.parallel = _parallel(ray, self._plan.cpus, gpus, self._max_parallel)
            for key in ended:
                self._progress.labelled(key, str(diagnose_cell(self._plan, records[key]) or ""))
            self._earlier_s = sum(r.spent_s for r in records.values())
            self._price = usd_per_hour(self._plan, gpus)
            for cell in todo:
                self._ledger.reopen(cell.key)
            try:
                with self._progress:
                    self._supervise(todo, gpus)
            finally:
                self._ended.close()
        if self._lease.lost:
            raise Refused(
                f"sweep {self._ledger.sweep!r}: another driver took it over; this one stops"
            )
        return self._stop

    def _supervise(self, todo: list[Cell], gpus: float) -> None:
        """Ray ends a whole run on some faults; go round while there is progress."""
        from infra.execution.tune_driver import execute

        job = make_job(self._study, self._plan, self._ledger, gpus, *self._known)
        tasks = [self._task(cell) for cell in todo]
        self._tracker.wait_for_import()
        idle_rounds = 0
        while tasks and not self._stopping():
            try:
                execute(
                    job,
                    tasks,
                    self._events(gpus),
                    cpus=self._plan.cpus,
                    gpus=gpus,
                    max_parallel=self._max_parallel,
                )
            except StorageError:
                raise
            except Exception as error:
                self._progress.say(
                    f"Ray ended the run ({_first_line(error)}); going on with what is left"
                )
                time.sleep(1.0)
            count = len(tasks)
            tasks = [t for t in tasks if self._ledger.read_done(t.cell.key) is None]
            moved = [task.next_attempt() for task in tasks]
            idle_rounds = 0 if any(moved) or len(tasks) < count else idle_rounds + 1
            if tasks and idle_rounds >= ROUNDS_WITHOUT_PROGRESS:
                self._progress.say(
                    f"{len(tasks)} cells: no progress in {idle_rounds} rounds; resume when mended"
                )
                return

    def _task(self, cell: Cell) -> Any:
        from infra.execution.tune_driver import Task

        config = cell_config(self._study, self._plan, cell, local_data(self._plan.data))
        commit = self._ledger.record(cell.key).commit
        step = commit.step if commit else 0
        number = next_number(self._ledger, cell.key)
        return Task(cell, config, number, self._lease.token, step, step)

    def _events(self, gpus: float) -> Any:
        from infra.execution.tune_driver import Events

        progress, tracker = self._progress, self._tracker
        noted: dict[str, int] = {}

        def started(task: Any) -> None:
            progress.started(task.cell.key, task.cell.arm, task.cell.seed, gpus)

        def reported(task: Any, result: Mapping[str, Any]) -> None:
            progress.reported(task.cell.key, result.get("step", 0), result.get("value"))
            if progress.labelled(task.cell.key, text := result.get("label", "")):
                progress.say(f"{task.cell.key}: {text}")
            if task.committed > noted.get(task.cell.key, 0):
                noted[task.cell.key] = task.committed
                tracker.note(task.cell.key, task.attempt)

        def finished(task: Any, result: Mapping[str, Any]) -> None:
            record_end(self._ledger, task.cell.key, task.attempt, "finished", task.seconds)
            self._ended.note(task.cell.key)
            tracker.note(task.cell.key, task.attempt)
            progress.ended(task.cell.key)

        def failed(task: Any, error: str) -> None:
            record_end(self._ledger, task.cell.key, task.attempt, "failed", task.seconds, error)
            self._ended.note(task.cell.key)
            tracker.note(task.cell.key, task.attempt)
            progress.ended(task.cell.key, error=error)

        def retried(task: Any, reason: str) -> None:
            progress.ended(task.cell.key, error=reason, again=True)

        return Events(started, reported, finished, failed, retried, self._stopping)

    def _stopping(self) -> bool:
        spent = self._earlier_s + self._progress.billed_s()
        if not self._stop and (over := self._limit.passed(spent, self._price)):
            self._progress.say(f"{over} is spent: committing and stopping; resume with more")
            self._stop = True
        return self._stop or self._lease.lost

    def _stop_for(self, signal_name: str) -> None:
        self._stop = True
        self._progress.say(f"{signal_name}: committing and stopping; once more stops now")


def _parallel(ray: Any, cpus: float, gpus: float, most: int) -> int:
    have = ray.cluster_resources()
    fits = [
        have.get(name, 0) // amount for name, amount in (("CPU", cpus), ("GPU", gpus)) if amount
    ]
    cells = int(min(fits, default=1)) or 1
    return min(cells, most) if most else cells


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
