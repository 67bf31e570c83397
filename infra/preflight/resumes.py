"""Whether a run that goes on from a save is the run that was not interrupted.

A new run takes a save from the middle and goes on to the next, another one from there to the end,
as cells do that are stopped twice. The first begins as the run did that has meanwhile trained in
this process, each comes to the same state to the bit, a save is measured as the run was, and an
earlier state again as it was before later ones.
"""

from collections.abc import Iterator, Sequence

from infra.cell.reported import load_state
from infra.errors import first_line
from infra.preflight import causes
from infra.preflight.reruns import Reruns, evaluated, state_of
from infra.preflight.states import difference
from infra.study.study import Run


def resumed_otherwise(reruns: Reruns, run: Run) -> Iterator[str]:
    """A line for each cause by which a run that is interrupted is another one.

    Args:
        reruns: Of the run.
        run: At the end of its walk; it is moved.
    """
    saves, told = reruns.walk.saves, list[str]()
    try:
        told += _gone_on(reruns, saves)
        measured = list(_measured(reruns, run, saves)) if reruns.steady else []
    except Exception as error:
        measured = [f"a new run must go on from a save, but {first_line(error)}"]
    yield from dict.fromkeys([*told, *measured])


def _gone_on(reruns: Reruns, saves: Sequence[int]) -> Iterator[str]:
    """From each save to the next, the last time to the end."""
    run = reruns.new()
    if difference(reruns.start, state_of(run)):
        yield causes.of_another_begin(reruns)
    for save, to in zip(saves, (*saves[1:], reruns.walk.end), strict=True):
        run = run if save == saves[0] else reruns.new()
        there = reruns.go_on(reruns.load(run, save), save, to)
        if difference(reruns.state(to), there):
            yield from causes.of_another_end(reruns, save, to)
            return


def _measured(reruns: Reruns, run: Run, saves: Sequence[int]) -> Iterator[str]:
    """By a new run at the last save, and by the run itself, which has seen what came later."""
    if evaluated(reruns.resumed(saves[-1])) != reruns.walk.marks[saves[-1]].evaluation:
        yield from causes.of_another_evaluation(reruns, saves[-1])
        return
    told = reruns.walk.marks[saves[0]].evaluation
    run.load_state_dict(load_state(reruns.state(saves[0])))
    if difference(reruns.state(saves[0]), state_of(run)):
        return  # it only loads into a new run, as a cell does
    if (now := evaluated(run)) != told:
        yield causes.remembered(told, now) if now == evaluated(run) else causes.unsteady(run)
