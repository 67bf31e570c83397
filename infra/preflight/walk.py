"""A run that goes on without a break, and what it is at some of its steps, to compare others with.

It goes as far as little time allows, to the end where the budget is small, since a schedule, an
epoch or an average that a save lacks is not missed before it has acted. It is saved twice under
way, at prime steps: there the micro-batches of an update, the steps of a Lookahead and the batches
of an epoch have begun, and are not over.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import isqrt
from time import perf_counter, process_time
from typing import Any

from infra.cell.reported import check_metrics, dump_state
from infra.cell.worker import global_streams
from infra.preflight.modes import modes
from infra.study.study import Run

_FIRST = 2  # steps that are taken at once, and compared with as many one by one
_LEAST = 8  # steps in all, whatever they take
_WAITING = 4  # seconds by the clock that count as one of the process, on a busy machine too


@dataclass(frozen=True)
class Mark:
    """A run at one of its steps.

    Attributes:
        state: What a save would hold.
        evaluation: What it is measured as, without time and memory; none at its last step, and at
            reports none that would take too long.
        modes: Which of its modules are in training mode; no save holds it.
        streams: Where the global streams are; no save holds it.
    """

    state: bytes
    evaluation: Mapping[str, float]
    modes: tuple[bool, ...]
    streams: Any

    @classmethod
    def of(cls, run: Run, evaluation: Mapping[str, float]) -> "Mark":
        """The run as it stands, after its evaluation, as a cell saves it."""
        return cls(dump_state(run.state_dict()), evaluation, modes(run), global_streams())


@dataclass(frozen=True)
class Walk:
    """How far a run went, and its marks by step.

    Attributes:
        budget: Steps of a whole run.
        metrics: All that it told at its first report.
        saves: Steps of the marks to go on from.
    """

    budget: int
    metrics: Mapping[str, float]
    marks: Mapping[int, Mark]
    saves: tuple[int, ...]

    @property
    def begun(self) -> int:
        """The step of its first mark after the begin."""
        return min(filter(None, self.marks), default=0)

    @property
    def end(self) -> int:
        """The step of its last mark."""
        return max(self.marks)

    def pieces(self, begin: int, end: int) -> list[int]:
        """Steps of each call that led from one mark to another."""
        at = [step for step in sorted(self.marks) if begin <= step <= end]
        return [after - before for before, after in zip(at, at[1:], strict=False)]


def walked(run: Run, first: Mark, budget: int, cadence: int, seconds: float) -> Walk:
    """Moves the run, from its begin, and marks it at its reports, its saves and its last step.

    What it raises in its first steps is raised; later it ends the walk, as a rate too high ends a
    cell, which is that cell's result.

    Args:
        run: At step 0.
        first: Its mark there.
        budget: Steps of a whole run.
        cadence: Steps from one report to the next.
        seconds: Of this process, about which the steps and evaluations may take; a run that waits,
            for data or a device, has four times as many by the clock.
    """
    marks, start = {0: first}, min(_FIRST, budget)
    told = dict(run.advance(start))
    if budget <= _FIRST or run.step != start:
        told |= run.evaluate()
        return Walk(budget, told, marks | {run.step: Mark.of(run, measures(told))}, (0,))
    marks[start] = Mark.of(run, {})
    spent_s = _watch()
    told |= run.advance(1)
    step_s = spent_s()
    told |= (evaluation := dict(run.evaluate()))
    marks[run.step] = Mark.of(run, measures(evaluation))
    each = step_s + (spent_s() - step_s) / cadence
    end = min(budget, max(_LEAST, run.step + int(seconds / max(each, 1e-6))))
    saves = {max(run.step, _prime(end // 3)), max(run.step, _prime(2 * end // 3))} - {end}
    reports = range(cadence, end, cadence)
    with suppress(Exception):
        for step in sorted({*saves, *reports, end} - set(range(run.step + 1))):
            if run.done():
                break
            check_metrics(run.advance(step - run.step), run.step)
            looks = step in saves or (step != end and spent_s() < seconds)
            evaluation = run.evaluate() if looks else {}
            check_metrics(evaluation, run.step)
            marks[run.step] = Mark.of(run, measures(evaluation))
    reached = tuple(sorted(step for step in saves if step < max(marks) and step in marks))
    return Walk(budget, told, marks, reached or (0,))


def measures(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics but for those of time and memory, which differ from call to call."""
    return {name: value for name, value in metrics.items() if not name.startswith("perf/")}


def _watch() -> Callable[[], float]:
    """Tells the seconds since now: the process's, or a share of the clock's where it waits."""
    process, clock = process_time(), perf_counter()
    return lambda: max(process_time() - process, (perf_counter() - clock) / _WAITING)


def _prime(most: int) -> int:
    """The greatest prime number up to one; 1 where there is none."""
    primes = (n for n in range(most, 1, -1) if all(n % d for d in range(2, isqrt(n) + 1)))
    return next(primes, 1)
