"""Ray Tune as the executor: one trial per cell, reused workers, and a supervisor round it.

Tune schedules; it is not our memory. Nothing is restored from its files or read from its results: a
new run over the unfinished cells is cheaper and safer (see the tests of kills). The class interface
is used, and not a function, because a stopped actor's `cleanup` is where the last commit happens,
and because a function's thread outlives the actor's stop.
"""

import logging
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from infra.cell.cell import Attempt, Job
from infra.errors import CellFailed
from infra.ledger.ledger import attempt_name
from infra.study.plan import Cell

log = logging.getLogger(__name__)

REPORT_EVERY_S = 0.5
TRIES_WITHOUT_PROGRESS = 3


@dataclass
class Task:
    """A cell that is to be run, as the driver knows it.

    Attributes:
        number: Of the newest attempt handed out.
        committed: Highest step that an attempt is known to have committed; `committed_before` is
            that of earlier attempts.
        seconds: Wall seconds per attempt.
    """

    cell: Cell
    config: Any
    number: int
    token: str
    committed: int = 0
    committed_before: int = 0
    began: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def attempt(self) -> str:
        """Name of the newest attempt."""
        return attempt_name(self.number, self.token)

    def close_attempt(self) -> None:
        """Bill the running attempt."""
        if self.began:
            self.seconds[self.attempt] = time.monotonic() - self.began
            self.began = 0.0

    def next_attempt(self) -> bool:
        """Hand out the next number; says whether the last attempt committed anything new."""
        self.close_attempt()
        moved = self.committed > self.committed_before
        self.number, self.committed_before = self.number + 1, self.committed
        return moved


@dataclass(frozen=True)
class Events:
    """What the sweep wants to hear from the executor; each must return quickly."""

    started: Callable[[Task], None]
    reported: Callable[[Task, Mapping[str, Any]], None]
    finished: Callable[[Task, Mapping[str, Any]], None]
    failed: Callable[[Task, str], None]
    retried: Callable[[Task, str], None]
    stopping: Callable[[], bool]


class CellWorker(tune.Trainable):
    """The actor: trains cell after cell in one process."""

    def setup(self, config: dict[str, Any], **shared: Any) -> None:
        """Remember the first cell; `shared` holds the job and the cells by key.

        Nothing begins before `step`: Tune may start an actor for a cell, give the cell to a free
        one meanwhile, and stop the new actor unused.
        """
        self._job: Job = shared["job"]
        self._cells: Mapping[str, tuple[Cell, Any]] = shared["cells"]
        self._next, self._attempt, self._failure = config, None, ""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Leave the last cell without a trace and remember the next."""
        self._end()
        self._next = new_config
        return True

    def step(self) -> dict[str, Any]:
        """Reports of half a second; the last one says how the cell ended."""
        try:
            attempt = self._attempt or self._begin()
            return self._advance(attempt)
        except CellFailed as error:
            last = self._attempt.last if self._attempt else None
            return {"done": True, "error": str(error), "step": last.step if last else 0}

    def cleanup(self) -> None:
        """On stop: commit what is new."""
        if self._attempt and not self._attempt.finished:
            self._attempt.commit()
        self._end()

    def _begin(self) -> Attempt:
        cell, resolved = self._cells[self._next["cell"]]
        self._stack = ExitStack()
        attempt = Attempt(self._job, cell, resolved, self._next["attempt"])
        self._stack.enter_context(attempt.running())
        self._attempt = attempt
        return attempt

    def _advance(self, attempt: Attempt) -> dict[str, Any]:
        began = time.monotonic()
        while not attempt.finished and time.monotonic() - began < REPORT_EVERY_S:
            attempt.report()
        last = attempt.last
        return {
            "done": attempt.finished,
            "step": last.step if last else 0,
            "committed": attempt.committed_step,
            "value": last.metrics.get(self._job.metric) if last else None,
            "label": str(attempt.label or ""),
        }

    def _end(self) -> None:
        if self._attempt:
            self._attempt.release()
            self._attempt = None
            self._stack.close()


@dataclass(frozen=True)
class _Running:
    tasks: Mapping[str, Task]
    events: Events


# Tune pickles stopper and callbacks with its own state, so they find the sweep here, by name.
_running: dict[str, _Running] = {}


class _Stopper(tune.Stopper):
    """Ends the experiment when the sweep is told to stop."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return _running[self._name].events.stopping()


class _Listener(tune.Callback):
    """Turns Tune's callbacks into the sweep's events."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def _events(self) -> Events:
        return _running[self._name].events

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        task = self._task(trial)
        task.began = time.monotonic()
        self._events.started(task)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        task = self._task(trial)
        task.committed = max(task.committed, result.get("committed") or 0)
        self._events.reported(task, result)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        task, result = self._task(trial), trial.last_result
        if not result.get("done") or "step" not in result:
            return  # stopped, not ended
        task.close_attempt()
        if error := result.get("error"):
            self._events.failed(task, error)
        else:
            self._events.finished(task, result)

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """A worker died: hand out the next attempt; progress since the last buys another try."""
        task = self._task(trial)
        self._events.retried(task, _reason(trial))
        if task.next_attempt():
            trial.max_failures += 1
        trial.config["attempt"] = task.attempt

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        task = self._task(trial)
        task.close_attempt()
        self._events.failed(
            task,
            f"worker: must live to the next commit, but {TRIES_WITHOUT_PROGRESS} in a row did "
            "not, the last by "
            f"{_reason(trial)}; see the log, then resume with --retry-failed",
        )

    def _task(self, trial: Trial) -> Task:
        return _running[self._name].tasks[trial.config["cell"]]


def execute(
    job: Job, tasks: Sequence[Task], events: Events, *, cpus: float, gpus: float, max_parallel: int
) -> None:
    """Run every task once, in order; comes back when all have ended or the sweep stops."""
    name = f"sweep-{secrets.token_hex(4)}"
    attempts = {task.cell.key: task.attempt for task in tasks}
    cells = {task.cell.key: (task.cell, task.config) for task in tasks}
    _running[name] = _Running({task.cell.key: task for task in tasks}, events)
    trainable = tune.with_resources(
        tune.with_parameters(CellWorker, job=job, cells=cells), {"cpu": cpus, "gpu": gpus}
    )
    with tempfile.TemporaryDirectory(prefix="ablate-tune-") as scratch:
        tune.run(
            trainable,
            name=name,
            config={
                "cell": tune.grid_search(list(attempts)),
                "attempt": tune.sample_from(lambda config: attempts[config["cell"]]),
            },
            storage_path=scratch,
            reuse_actors=True,
            max_failures=TRIES_WITHOUT_PROGRESS - 1,
            max_concurrent_trials=max_parallel or None,
            stop=_Stopper(name),
            callbacks=[_Listener(name)],
            trial_name_creator=lambda trial: str(trial.config["cell"]),
            trial_dirname_creator=lambda trial: str(trial.config["cell"]),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
            raise_on_failed_trial=False,
        )
    del _running[name]


def _reason(trial: Trial) -> str:
    text = _read(trial.error_file) if trial.error_file else ""
    lines = text.strip().splitlines() or ["no reason given"]
    return lines[-1].strip()[:300]


def _read(path: str) -> str:
    with open(path, errors="replace") as file:
        return file.read()
