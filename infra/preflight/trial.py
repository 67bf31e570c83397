"""One arm tried in this process at the smallest scale: built, trained, evaluated for some steps.

It has the study's step budget at the scale that is to run. Nothing here knows a trainable.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any, NamedTuple

from infra.answer.diagnosis import CHANCE
from infra.cell.reported import check_metrics, check_state, dump_state, load_state, same_state
from infra.cell.worker import Capture, clean_slate, seed_global_streams
from infra.errors import first_line
from infra.preflight.fingerprint import Moment, at_rest, moments
from infra.preflight.leaks import leak
from infra.preflight.reads import field_names, recording
from infra.study.plan import Plan
from infra.study.study import Run, Study, flatten, replace_fields

LONG = 100  # steps that are looked at where three show nothing, so that what acts seldom may act
_MOST_COUNTED = 100  # steps of a run whose config does not tell its budget
_UNREPEATED = (
    "the same steps from the same state must give the same weights, and twice they do not; key "
    "every draw by (seed, purpose, step)"
)
_UNSTEADY = (
    "evaluate() must give the same twice on one state, and it does not; key its draws by the seed"
)
_TRAINED = (
    "is a control, so its run must be done() at step 0, and it has steps to take; end it there, or "
    "take the arm out of Study.controls"
)
_OFF = 0.1  # share by which an untrained score may be better than the chance that a run reports


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Attributes:
        overrides: What the arm sets.
        config: Every resolved field, dotted.
        read: Those that the run asked for.
        fields: All of them, components before their fields.
        moments: What it did, by share of its budget; none of a control, or where there are
            troubles.
        troubles: Laws of the protocol that it breaks.
        unrecorded: Why it could not be recorded what the run asks for, "" where it was.
        inexact: Operations without a deterministic kernel here, where steps do not repeat.
        trains: Whether the run has any step to take.
        is_control: Whether the study says that it has none.
    """

    name: str
    overrides: Mapping[str, Any]
    config: Mapping[str, Any]
    read: frozenset[str]
    fields: tuple[str, ...]
    moments: Mapping[float, Moment]
    troubles: tuple[str, ...]
    unrecorded: str = ""
    inexact: tuple[str, ...] = ()
    trains: bool = True
    is_control: bool = False


def tried(study: Study, plan: Plan, arm: str) -> Trial:
    """Tries it with a config that remembers what it is asked for.

    Where a run cannot do with that, as one that looks a component up by its very type, it is tried
    with its own config, and all fields pass for read.
    """
    config = small_config(study, plan, arm, plan.seeds[0])
    seen: set[str] = set()
    unrecorded, is_control = "", arm in plan.controls
    try:
        found = _trial_of(study, plan, config, recording(config, seen), is_control)
    except (Exception, SystemExit) as error:
        unrecorded = first_line(error)
        found = _trial_of(study, plan, config, config, is_control)
        seen.update(field_names(config))
    overrides = study.overrides(arm, _small_scale(study, plan))
    values = flatten(asdict(config))
    return Trial(
        name=arm,
        overrides=overrides,
        config=values,
        read=frozenset(seen),
        fields=tuple(field_names(config)),
        moments=found.moments,
        troubles=found.troubles,
        unrecorded=unrecorded,
        inexact=found.inexact,
        trains=found.trains,
        is_control=is_control,
    )


class _Found(NamedTuple):
    troubles: tuple[str, ...]
    inexact: tuple[str, ...]
    moments: Mapping[float, Moment]
    trains: bool


def _trial_of(study: Study, plan: Plan, config: Any, recorded: Any, is_control: bool) -> _Found:
    """What is wrong with a run of `recorded`, and its moments where nothing is."""
    with (capture := Capture()).listening(), clean_slate(plan.threads, plan.seeds[0]):
        run = study.run(recorded)
        if is_control and not run.done():
            return _Found((_TRAINED,), (), {}, True)
        found = _found(study, run, config, capture.nondeterministic)
        return found._replace(moments={}) if is_control else found


def _found(study: Study, run: Run, config: Any, warned: Sequence[str]) -> _Found:
    """See `_Found`; operations that torch `warned` of excuse steps that do not repeat."""
    trains = not run.done()
    troubles = [*_troubles(study, run, config), *filter(None, [leak(run)])]
    excused = {_UNREPEATED, _UNSTEADY} & set(troubles) if warned else set()
    troubles = [trouble for trouble in troubles if trouble not in excused]
    inexact = tuple(sorted(set(warned))) if excused else ()
    if troubles:
        did: Mapping[float, Moment] = {}
    elif trains:
        did = moments(run, budget_of(study, config), study.metric)
    else:
        did = {0.0: at_rest(run)}
    return _Found(tuple(troubles), inexact, did, trains)


def small_config(study: Study, plan: Plan, arm: str, seed: int) -> Any:
    """The arm's config at the smallest scale, with the step budget of the scale that is to run.

    It keeps the small budget where that is made of other fields, or where a law of the config is
    against the mixture.
    """
    small = study.config(arm, seed, _small_scale(study, plan))
    real = study.config(arm, seed, plan.scale)
    cadence = [f.name for f in fields(real) if f.name in ("steps", "steps_per_report")]
    with suppress(TypeError, ValueError):
        return replace_fields(small, {name: getattr(real, name) for name in cadence})
    return small


def first_trained(plan: Plan) -> str:
    """The first arm that is no control, whose config is the nearest to all others."""
    return next(iter(plan.trained), plan.arms[0])


def _small_scale(study: Study, plan: Plan) -> str:
    return "smoke" if "smoke" in study.scales else plan.scale


def budget_of(study: Study, config: Any) -> int:
    """Steps of a whole run; counted where the config does not say, which is then a small one."""
    if (steps := getattr(config, "steps", None)) is not None:
        return int(steps)
    run = study.run(config)
    while not run.done() and run.step < _MOST_COUNTED:
        run.advance(1)
    return run.step


def _troubles(study: Study, run: Run, config: Any) -> list[str]:
    """Laws of the protocol that a resume or a verdict would find broken too late."""
    start = dump_state(run.state_dict())
    seed_global_streams(config.seed)
    if _changed(start, study.run(config)):
        return [
            "two runs of one config must begin alike, and their states differ; key initial draws "
            "by the seed"
        ]
    first = run.evaluate()
    check_metrics(first, run.step)
    if _changed(start, run):
        return ["evaluate() must change no state, but it did; give it draws of its own"]
    if _measures(first) != _measures(run.evaluate()):
        return [_UNSTEADY]
    steps = steps_left(study, config)
    if run.done() or not steps:
        return list(_unanswered(study, first))  # nothing trains here
    metrics = {**run.advance(steps), **run.evaluate()}
    check_metrics(metrics, run.step)
    if run.step != steps and not run.done():
        return [f"advance({steps}) must move `step` on by {steps}, but moved it by {run.step}"]
    if unanswered := list(_unanswered(study, metrics)):
        return unanswered
    check_state(run.state_dict(), run.step)
    if steps == 2 and _changed(halves := _in_two_halves(study, config, start), run):
        again = _in_two_halves(study, config, start)
        if not same_state(load_state(halves), load_state(again)):
            return [_UNREPEATED]
        return [
            "two steps must be one step, save, load and one step to the bit, but they are not; put "
            "what is missing into state_dict and key every draw by (seed, purpose, step)"
        ]
    return list(_off_chance(study, first))


def _unanswered(study: Study, metrics: Mapping[str, float]) -> Iterator[str]:
    if study.metric not in metrics:
        known = ", ".join(sorted(name for name in metrics if not name.startswith("perf/")))
        yield f"must report the study's metric {study.metric!r}, but reports {known or 'nothing'}"


def steps_left(study: Study, config: Any) -> int:
    """Two, or fewer where a whole run has no more."""
    if (steps := getattr(config, "steps", None)) is not None:
        return min(2, int(steps))
    run = study.run(config)
    while run.step < 2 and not run.done():
        before = run.step
        run.advance(1)
        if run.step == before:
            return 2  # it does not count, which is told when both are asked for
    return run.step


def _in_two_halves(study: Study, config: Any, state: bytes) -> bytes:
    """The state after two steps from `state`, each in a run of its own.

    What draws from a global stream finds it the same each time, and not as before.
    """
    seed_global_streams(config.seed + 1)
    for _ in range(2):
        run = study.run(config)
        run.load_state_dict(load_state(state))
        run.advance(1)
        state = dump_state(run.state_dict())
    return state


def _measures(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics but for those of time and memory, which differ from call to call."""
    return {name: value for name, value in metrics.items() if not name.startswith("perf/")}


def _changed(state: bytes, run: Run) -> bool:
    return not same_state(load_state(state), load_state(dump_state(run.state_dict())))


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


def name_of(run: Any) -> str:
    """Of a run's class or function."""
    return getattr(run, "__name__", str(run))
