"""New runs of the config of one that was walked: from the begin, or going on from its saves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infra.cell.reported import dump_state, load_state
from infra.cell.worker import restore_global_streams, seed_global_streams
from infra.preflight.modes import set_modes
from infra.preflight.walk import Walk, measures
from infra.study.study import Run, Study

Likeness = Literal["modes", "streams", "pieces", "evaluations"]
ALL: tuple[Likeness, ...] = ("modes", "streams", "pieces", "evaluations")


@dataclass(frozen=True)
class Reruns:
    """Makes the runs to compare with one that went on without a break.

    Attributes:
        start: The state at its begin, before its first evaluation.
        steady: Whether evaluations are known to leave the state as it is.
    """

    study: Study
    config: Any
    walk: Walk
    start: bytes
    steady: bool = True

    def new(self) -> Run:
        """A run at its begin, built as a cell builds it."""
        seed_global_streams(self.config.seed)
        return self.study.run(self.config)

    def resumed(self, save: int, like: Collection[Likeness] = ()) -> Run:
        """A new run that has loaded a save."""
        return self.load(self.new(), save, like)

    def load(self, run: Run, save: int, like: Collection[Likeness] = ()) -> Run:
        """The run with a save loaded, and with what no save holds as far as it is to be alike.

        What draws from a global stream finds it the same each time, and not as it was.
        """
        mark = self.walk.marks[save]
        run.load_state_dict(load_state(mark.state))
        seed_global_streams(self.config.seed + 1)
        if "modes" in like:
            set_modes(run, mark.modes)
        if "streams" in like:
            restore_global_streams(mark.streams)
        return run

    def go_on(self, run: Run, save: int, to: int, like: Collection[Likeness] = ()) -> bytes:
        """The state at which the run comes from a save to another mark of the walk.

        The calls of the walk are repeated, one of them in two, and its evaluations are left out,
        where these are not to be alike.
        """
        pieces = self.walk.pieces(save, to)
        if "pieces" not in like and self.steady:
            pieces = _one_in_two(pieces)
        for steps in pieces:
            run.advance(steps)
            if "evaluations" in like or not self.steady:
                self._look(run, to)
        return dump_state(run.state_dict())

    def _look(self, run: Run, to: int) -> None:
        """Evaluates as the walk did, but for the mark that is gone to, where that changes none."""
        looked = run.step in self.walk.marks and self.walk.marks[run.step].evaluation
        if looked and (run.step != to or not self.steady):
            run.evaluate()

    def end(self, save: int, to: int, like: Collection[Likeness] = ()) -> bytes:
        """The state to which a new run comes that goes on from a save."""
        return self.go_on(self.resumed(save, like), save, to, like)

    def replayed(self, to: int, evaluated: bool) -> Run:
        """A new run that went from the begin to a mark, with or without evaluations under way."""
        run = self.new()
        if evaluated:
            run.evaluate()
        set_modes(run, self.walk.marks[0].modes)
        restore_global_streams(self.walk.marks[0].streams)
        for steps in self.walk.pieces(0, to):
            run.advance(steps)
            if evaluated:
                self._look(run, to)
        return run

    def state(self, step: int) -> bytes:
        """That of the run that was not interrupted."""
        return self.walk.marks[step].state


def state_of(run: Run) -> bytes:
    """As a save holds it."""
    return dump_state(run.state_dict())


def evaluated(run: Run) -> dict[str, float]:
    """What its evaluation says, without time and memory."""
    return measures(run.evaluate())


def _one_in_two(pieces: Sequence[int]) -> list[int]:
    """The steps of each call, the first call of several taken as one step and the others."""
    at = next((i for i, steps in enumerate(pieces) if steps > 1), None)
    return [*pieces] if at is None else [*pieces[:at], 1, pieces[at] - 1, *pieces[at + 1 :]]
