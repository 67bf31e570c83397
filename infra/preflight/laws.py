"""Laws of the protocol that a run keeps or breaks, all that are broken told at once."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any

from infra.answer.diagnosis import CHANCE
from infra.cell.pictured import OffersPictures
from infra.cell.reported import check_metrics, check_state, dump_state, load_state
from infra.preflight import causes
from infra.preflight.fingerprint import not_a_number
from infra.preflight.leaks import leak
from infra.preflight.modes import in_evaluation_mode
from infra.preflight.reruns import Reruns, evaluated, state_of
from infra.preflight.resumes import resumed_otherwise
from infra.preflight.small import budget_of, steps_left
from infra.preflight.states import difference
from infra.preflight.walk import Mark, Walk, measures, walked
from infra.study.study import Run, Study

_OFF = 0.1  # share by which an untrained score may be better than the chance that a run reports


@dataclass(frozen=True)
class Kept:
    """What is known of a run once it was held to the laws.

    Attributes:
        broken: A line for each law that it breaks.
        lost: Tensors of the model that became not-a-number while all metrics were finite.
        walk: How it went, None of a run that takes no step.
    """

    broken: tuple[str, ...]
    lost: tuple[str, ...] = ()
    walk: Walk | None = None


def held_to_laws(study: Study, run: Run, config: Any, seconds: float) -> Kept:
    """Holds a run at its begin to the laws; moves it, for about so many seconds of the process."""
    start = dump_state(run.state_dict())
    first = run.evaluate()
    check_metrics(first, run.step)
    mark = Mark.of(run, measures(first))
    told = [*_moved_by_evaluation(study, run, config, start), *_moved_by_pictures(run)]
    steps = steps_left(study, config)
    if run.done() or not steps:
        told += [*_unsteady_at_rest(study, run, config, start), *_unanswered(study, first)]
        return Kept((*told, *filter(None, [leak(run)])))  # nothing trains here
    walk = walked(run, mark, budget_of(study, config), config.steps_per_report, seconds)
    check_metrics(walk.metrics, steps)
    told += _unanswered(study, walk.metrics)
    if walk.end < steps and not run.done():
        told += [f"advance({steps}) must move `step` on by {steps}, but moved it by {walk.end}"]
        return Kept(tuple(told))
    check_state(run.state_dict(), run.step)
    told += resumed_otherwise(Reruns(study, config, walk, start, steady=not told), run)
    told += [*_off_chance(study, first), *filter(None, [leak(run)])]
    return Kept(tuple(told), _lost(start, walk), walk)


def _moved_by_evaluation(study: Study, run: Run, config: Any, start: bytes) -> Iterator[str]:
    if which := difference(start, state_of(run)):
        other = study.run(config)
        before = state_of(other)
        with in_evaluation_mode():
            other.evaluate()
        if not difference(before, state_of(other)):
            yield f"{causes.IN_TRAINING_MODE}, since it changes {which}"
        else:
            yield f"evaluate() must change no state, but it changes {which}; give it its own"


def _moved_by_pictures(run: Run) -> Iterator[str]:
    if isinstance(run, OffersPictures):
        before = state_of(run)
        with suppress(Exception):  # which costs a cell its pictures and nothing else
            run.pictures()
        if which := difference(before, state_of(run)):
            yield f"pictures() must change no state, but it changes {which}; give it its own"


def _unsteady_at_rest(study: Study, run: Run, config: Any, start: bytes) -> Iterator[str]:
    """Of a run that takes no step: whether it begins and is measured alike twice."""
    reruns = Reruns(study, config, Walk(0, {}, {}, ()), start)
    if difference(start, state_of(reruns.new())):
        yield causes.of_another_begin(reruns)
    if evaluated(run) != evaluated(run):
        yield causes.unsteady(run)


def _lost(start: bytes, walk: Walk) -> tuple[str, ...]:
    before = not_a_number(load_state(start)["model"])
    after = not_a_number(load_state(walk.marks[walk.end].state)["model"])
    return tuple(sorted(after - before))


def _unanswered(study: Study, metrics: Mapping[str, float]) -> Iterator[str]:
    if study.metric not in metrics:
        known = ", ".join(sorted(name for name in metrics if not name.startswith("perf/")))
        yield f"must report the study's metric {study.metric!r}, but reports {known or 'nothing'}"


def _off_chance(study: Study, first: Mapping[str, float]) -> Iterator[str]:
    """By the study's band; else by the chance that a run reports beside a loss.

    A network may begin worse than a uniform guess, but nothing is better before it has learnt.
    """
    score, told = first.get(study.metric), first.get(study.metric + CHANCE)
    band = study.chance
    if band is None and told is not None and told > 0 and study.mode == "min":
        band = ((1 - _OFF) * told, inf)
    if band and score is not None and not band[0] <= score <= band[1]:
        yield (
            f"an untrained run must score between {band[0]:g} and {band[1]:g} by {study.metric}, "
            f"but scores {score:g}; look at the evaluation before anything else"
        )
