"""Proof before GPU-hours: every arm runs, reads what it overrides, and differs from the others.

All of it happens in this process, on the study's smallest scale with the step budget of the scale
that is to run, in seconds. Nothing here knows a trainable.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, is_dataclass
from itertools import combinations
from typing import Any, Literal, get_args, get_origin, get_type_hints

from infra.data import local_data
from infra.diagnosis import CHANCE
from infra.errors import Refused
from infra.fingerprint import STEPS, Moment, moment, moments
from infra.leaks import leak
from infra.plan import Plan
from infra.reads import field_names, recording
from infra.reported import check_metrics, check_state, dump_state, load_state, same_state
from infra.study import Run, Study, flatten, replace_fields
from infra.worker import Capture, clean_slate

OURS = ("seed", "steps_per_report", "data")  # the sweep reads them; `_seedless` sees to the first
_MOST_NAMED = 5  # arms or values in a line
_MOST_COUNTED = 100  # steps of a run whose config does not tell its budget
_OFF = 0.1  # share of the chance that a run reports by which it may be off before training
_LONG = 100  # steps that arms with no difference get, so that what acts now and then may act


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong, or that a reader must know.

    Attributes:
        text: Subject, law, value, remedy in one line.
        fatal: Whether the sweep must not start.
    """

    text: str
    fatal: bool = True


def checked(study: Study, plan: Plan, allowed_twins: Sequence[frozenset[str]]) -> list[Complaint]:
    """What a reader must know of the plan's arms.

    Raises:
        Refused: When the sweep must not start, a line for each reason.
    """
    complaints = preflight(study, plan, allowed_twins)
    if fatal := [complaint.text for complaint in complaints if complaint.fatal]:
        raise Refused("\nablate: ".join(f"study {study.name!r}, {text}" for text in fatal))
    return complaints


@dataclass(frozen=True)
class _Arm:
    name: str
    overrides: Mapping[str, Any]
    config: Mapping[str, Any]
    read: frozenset[str]
    fields: tuple[str, ...]
    moments: Mapping[float, Moment]
    troubles: tuple[str, ...]


def preflight(
    study: Study, plan: Plan, allowed_twins: Sequence[frozenset[str]] = ()
) -> list[Complaint]:
    """What is wrong with the plan's arms, worst first; nothing when they may run.

    Args:
        study: The question.
        plan: What is to run; its first seed is tried.
        allowed_twins: Sets of arms that may be identical, on the record.
    """
    arms, complaints = [], []
    for name in plan.arms:
        try:
            arms.append(_try(study, plan, name))
        except (Exception, SystemExit) as error:
            complaints.append(Complaint(f"arm {name!r}: must run, but {_first_line(error)}"))
    complaints += _broken(arms)
    complaints += _seedless(study, plan, arms)
    complaints += _leak_of_data(study, plan)
    if not any(arm.troubles for arm in arms):  # which end a trial before all is read
        complaints += _unread(study, plan, arms)
    complaints += _twins(study, plan, arms, {*allowed_twins, *map(frozenset, study.twins)})
    complaints += _still(arms)
    return sorted(complaints, key=lambda complaint: not complaint.fatal)


def _try(study: Study, plan: Plan, arm: str) -> _Arm:
    """Tries it with a config that remembers what it is asked for.

    Where a run cannot do with that, as one that looks a component up by its very type, it is tried
    with its own config, and all fields pass for read.
    """
    config = _small_config(study, plan, arm, plan.seeds[0])
    seen: set[str] = set()
    try:
        troubles, found = _tried(study, plan, config, recording(config, seen))
    except (Exception, SystemExit):
        troubles, found = _tried(study, plan, config, config)
        seen.update(field_names(config))
    overrides = study.overrides(arm, _small_scale(study, plan))
    values = flatten(asdict(config))
    return _Arm(
        arm, overrides, values, frozenset(seen), tuple(field_names(config)), found, troubles
    )


def _tried(
    study: Study, plan: Plan, config: Any, recorded: Any
) -> tuple[tuple[str, ...], dict[float, Moment]]:
    """What is wrong with a run of `recorded`, and its moments where nothing is."""
    with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
        run = study.run(recorded)
        troubles = (*_troubles(study, run, config), *filter(None, [leak(run)]))
        return troubles, {} if troubles else moments(run, _budget(study, config), study.metric)


def _small_scale(study: Study, plan: Plan) -> str:
    return "smoke" if "smoke" in study.scales else plan.scale


def _small_config(study: Study, plan: Plan, arm: str, seed: int) -> Any:
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


def _troubles(study: Study, run: Run, config: Any) -> list[str]:
    """Laws of the protocol that a resume or a verdict would find broken too late."""
    start = dump_state(run.state_dict())
    first = run.evaluate()
    check_metrics(first, run.step)
    if _changed(start, run):
        return ["evaluate() must change no state, but it did; give it draws of its own"]
    steps = _steps_left(study, config)
    if run.done() or not steps:
        return []  # nothing trains here, as in a control that stays as it was drawn
    metrics = {**run.advance(steps), **run.evaluate()}
    check_metrics(metrics, run.step)
    if run.step != steps and not run.done():
        return [f"advance({steps}) must move `step` on by {steps}, but moved it by {run.step}"]
    if study.metric not in metrics:
        known = ", ".join(sorted(name for name in metrics if not name.startswith("perf/")))
        return [f"must report the study's metric {study.metric!r}, but reports {known}"]
    check_state(run.state_dict(), run.step)
    if steps == 2 and _changed(_in_two_halves(study, config, start), run):
        return [
            "two steps must be one step, save, load and one step to the bit, but they are not; put "
            "what is missing into state_dict and key every draw by (seed, purpose, step)"
        ]
    return list(_off_chance(study, first))


def _steps_left(study: Study, config: Any) -> int:
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
    """The state after two steps from `state`, each in a run of its own."""
    for _ in range(2):
        run = study.run(config)
        run.load_state_dict(load_state(state))
        run.advance(1)
        state = dump_state(run.state_dict())
    return state


def _leak_of_data(study: Study, plan: Plan) -> Iterator[Complaint]:
    """Of the prepared data, which the arms are not tried on; they share it."""
    if plan.data:
        small = _small_config(study, plan, plan.arms[0], plan.seeds[0])
        try:
            with clean_slate(plan.threads, plan.seeds[0]):
                found = leak(study.run(replace_fields(small, {"data": local_data(plan.data)})))
        except Exception as error:
            found = f"a run must take it, but {_first_line(error)}"
        if found:
            yield Complaint(f"data {plan.data!r}: {found}")


def _changed(state: bytes, run: Run) -> bool:
    return not same_state(load_state(state), load_state(dump_state(run.state_dict())))


def _off_chance(study: Study, first: Mapping[str, float]) -> Iterator[str]:
    """By the study's band, or by the chance that the run reports beside its metric."""
    score, told = first.get(study.metric), first.get(study.metric + CHANCE)
    band = study.chance
    if band is None and told is not None:
        band = (told - _OFF * abs(told), told + _OFF * abs(told))
    if band and score is not None and not band[0] <= score <= band[1]:
        yield (
            f"an untrained run must score between {band[0]:g} and {band[1]:g} by {study.metric}, "
            f"but scores {score:g}; look at the evaluation before anything else"
        )


def _unread(study: Study, plan: Plan, arms: Sequence[_Arm]) -> Iterator[Complaint]:
    for arm in arms:
        unread = set(arm.overrides) - arm.read
        for name in sorted(unread - _read_for_long(study, plan, arm.name) if unread else ()):
            yield Complaint(
                f"arm {arm.name!r}: must read what it overrides, and the run never asks for "
                f"{name!r}; use it in {_name(study.run)} or take it out of the arm"
            )
    read = {name for arm in arms for name in (*arm.read, *arm.overrides)}
    names = dict.fromkeys(name for arm in arms for name in arm.fields)
    unread = [name for name in names if name not in read and name not in OURS]
    for name in _dead(study, plan, unread) if unread else ():
        yield Complaint(
            f"field {name!r}: must be read by some arm, and no arm's run asks for it; use it in "
            f"{_name(study.run)} or delete it"
        )


def _dead(study: Study, plan: Plan, unread: Sequence[str]) -> list[str]:
    """Unread fields that no switch wakes.

    A trainable that several studies share has terms that are off in this one, and what belongs to
    them is asleep. So whatever is 0 or False is switched on and every other choice of a `Literal`
    is taken, one after the other; what cannot run so wakes nothing.
    """
    config = _small_config(study, plan, plan.arms[0], plan.seeds[0])
    asleep = {name for name in unread if not any(name.startswith(f"{other}.") for other in unread)}
    asleep -= _read_for_long(study, plan, plan.arms[0])
    for name, value in _nearest_first(list(_switches(config)), asleep):
        if not asleep:
            break
        seen: set[str] = set()
        with suppress(Exception), clean_slate(plan.threads, plan.seeds[0]):
            run = study.run(recording(replace_fields(config, {name: value}), seen))
            run.advance(1)
            run.evaluate()
        asleep -= seen
    return [name for name in unread if name in asleep]


def _nearest_first(
    switches: Sequence[tuple[str, Any]], asleep: Collection[str]
) -> Iterator[tuple[str, Any]]:
    """Switches of components in which fields are still asleep, then all others."""
    tried = set()
    for name, value in switches:
        component = name.rpartition(".")[0]
        if component and any(field.startswith(f"{component}.") for field in asleep):
            tried.add((name, repr(value)))
            yield name, value
    yield from (one for one in switches if (one[0], repr(one[1])) not in tried)


def _read_for_long(study: Study, plan: Plan, arm: str) -> set[str]:
    """Fields that a run asks for in many steps, as one that reads some of them seldom."""
    config, seen = _small_config(study, plan, arm, plan.seeds[0]), set[str]()
    with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
        study.run(recording(config, seen)).advance(min(_LONG, _budget(study, config)))
    return seen


def _switches(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Fields, dotted, with values that may wake something."""
    kinds = get_type_hints(type(config))
    for field in fields(config):
        name, value = prefix + field.name, getattr(config, field.name)
        if is_dataclass(value):
            yield from _switches(value, f"{name}.")
        elif get_origin(kinds[field.name]) is Literal:
            yield from ((name, other) for other in get_args(kinds[field.name]) if other != value)
        elif isinstance(value, int | float) and not value:
            yield name, type(value)(1)


def _seedless(study: Study, plan: Plan, arms: Sequence[_Arm]) -> Iterator[Complaint]:
    """Where another seed changes nothing, all seeds of a sweep are one."""
    first = next((arm for arm in arms if arm.moments), None)
    if first is None or len(plan.seeds) < 2:
        return
    config = _small_config(study, plan, first.name, plan.seeds[1])
    with suppress(Exception), clean_slate(plan.threads, plan.seeds[1]):
        run = study.run(config)
        run.advance(_steps_left(study, config))  # from where the first seed's moments begin
        if moments(run, _budget(study, config), study.metric) == first.moments:
            one, two = plan.seeds[:2]
            yield Complaint(
                f"arm {first.name!r}: must depend on its seed, but {one} and {two} give the same "
                "weights and evaluation; key every draw by (seed, purpose, step)"
            )


def _twins(
    study: Study, plan: Plan, arms: Sequence[_Arm], allowed: Collection[frozenset[str]]
) -> Iterator[Complaint]:
    """A line for each group of arms that do the same."""
    for group in _alike(arms):
        if _declared(group, allowed):
            yield _twins_complaint(group, "declared twins", fatal=False)
        else:
            for same in _alike_for_long(study, plan, group):
                names = ",".join(arm.name for arm in same)
                yield _twins_complaint(same, f"mend it, or give --allow-identical {names}")


def _declared(group: Sequence[_Arm], allowed: Collection[frozenset[str]]) -> bool:
    pairs = combinations([arm.name for arm in group], 2)
    return all(any({*pair} <= one for one in allowed) for pair in pairs)


def _twins_complaint(group: Sequence[_Arm], remedy: str, fatal: bool = True) -> Complaint:
    shares = set.intersection(*(set(arm.moments) for arm in group))
    where = ", ".join(f"{share:.0%}" for share in sorted(shares))
    losses = [[arm.moments[share].losses for share in shares] for arm in group]
    why = "a dead knob"
    if any(own != losses[0] for own in losses):
        why = "the loss that is told differs, so a term of it has no gradient"
    return Complaint(
        f"arms {_joined(repr(arm.name) for arm in group)}: must differ in what they do, but "
        f"{', '.join(_differences(group))} move no weight and no evaluation in {STEPS} steps "
        f"from {where} of the budget: {why} there; {remedy}",
        fatal,
    )


def _alike_for_long(study: Study, plan: Plan, group: Sequence[_Arm]) -> list[list[_Arm]]:
    """The arms of a group that do the same in many steps too, as what acts seldom does not."""
    groups: list[tuple[Moment, list[_Arm]]] = []
    for arm in group:
        config = _small_config(study, plan, arm.name, plan.seeds[0])
        with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
            steps = min(_LONG, _budget(study, config))
            did = moment(study.run(config), steps, study.metric)
        same = next((own for known, own in groups if known == did), None)
        if same is None:
            groups.append((did, [arm]))
        else:
            same.append(arm)
    return [own for _, own in groups if len(own) > 1]


def _alike(arms: Sequence[_Arm]) -> list[list[_Arm]]:
    """Arms by what they do, where two or more do the same."""
    groups: list[list[_Arm]] = []
    for arm in arms:
        for group in groups:
            shares = arm.moments.keys() & group[0].moments.keys()
            as_long = arm.config.get("steps") == group[0].config.get("steps")
            same = all(arm.moments[s] == group[0].moments[s] for s in shares)
            if shares and as_long and same:
                group.append(arm)
                break
        else:
            groups.append([arm])
    return [group for group in groups if len(group) > 1]


def _differences(group: Sequence[_Arm]) -> Iterator[str]:
    """Each field in which their configs differ, with its values."""
    for name in sorted(group[0].config):
        values = list(dict.fromkeys(repr(arm.config.get(name)) for arm in group))
        if len(values) > 1:
            yield f"{name} {_joined(values)}"


def _broken(arms: Sequence[_Arm]) -> Iterator[Complaint]:
    by_trouble: dict[str, list[str]] = {}
    for arm in arms:
        for trouble in arm.troubles:
            by_trouble.setdefault(trouble, []).append(arm.name)
    for trouble, names in by_trouble.items():
        yield Complaint(f"{_listed(names)}: {trouble}")


def _still(arms: Sequence[_Arm]) -> Iterator[Complaint]:
    """Tensors that no moment of an arm moved: a reader must know, but a frozen part is no fault."""
    by_tensors: dict[tuple[str, ...], list[str]] = {}
    for arm in arms:
        still = [set(moment.still) for moment in arm.moments.values()]
        if still := set.intersection(*still) if still else set():
            by_tensors.setdefault(tuple(sorted(still)), []).append(arm.name)
    for tensors, names in by_tensors.items():
        some = ", ".join(tensors[:5]) + (", ..." if len(tensors) > 5 else "")
        yield Complaint(
            f"{_listed(names)}: {len(tensors)} tensors of the model stay as they were ({some}); "
            "has an optimizer got them, and do they get a gradient?",
            fatal=False,
        )


def _budget(study: Study, config: Any) -> int:
    """Steps of a whole run; counted where the config does not say, which is then a small one."""
    if (steps := getattr(config, "steps", None)) is not None:
        return int(steps)
    run = study.run(config)
    while not run.done() and run.step < _MOST_COUNTED:
        run.advance(1)
    return run.step


def _name(run: Any) -> str:
    return getattr(run, "__name__", str(run))


def _joined(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`, or the first five and how many more."""
    *some, last = words
    if len(some) > _MOST_NAMED:
        some, last = some[:_MOST_NAMED], f"{len(some) + 1 - _MOST_NAMED} more"
    return f"{', '.join(some)} and {last}" if some else last


def _listed(names: Sequence[str]) -> str:
    return ("arm " if len(names) == 1 else "arms ") + _joined(map(repr, names))


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return f"it raises {type(error).__name__}: {text}"
