"""Fields that an arm sets or a config has, and that no run asks for."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from infra.cell.worker import Capture, clean_slate
from infra.preflight.complaint import Complaint
from infra.preflight.reads import recording
from infra.preflight.small import LONG, budget_of, first_trained, small_config
from infra.preflight.trial import Trial, name_of
from infra.study.plan import Plan
from infra.study.study import Study, replace_fields

OURS = ("seed", "steps_per_report", "data")  # read by the sweep; seeds have a check of their own


def unread(
    study: Study, plan: Plan, arms: Sequence[Trial], allowed: Collection[frozenset[str]]
) -> Iterator[Complaint]:
    """A line for each field that an arm sets in vain, and for each that no arm's run asks for.

    An arm that may do the same as another may leave unread what it sets, and so may a control.
    """
    for arm in arms:
        if arm.is_control:
            continue
        ignored = set(arm.overrides) - arm.read - set(OURS)
        for name in sorted(ignored - _read_for_long(study, plan, arm.name) if ignored else ()):
            yield Complaint(
                f"arm {arm.name!r}: must read what it overrides, and the run never asks for "
                f"{name!r} in its first {LONG} steps; use it in {name_of(study.run)}, take it out "
                "of the arm, or if it acts later give --allow-identical with the arm it equals",
                fatal=not any(arm.name in group for group in allowed),
            )
    read = {name for arm in arms for name in (*arm.read, *arm.overrides)}
    names = dict.fromkeys(name for arm in arms for name in arm.fields)
    left = [name for name in names if name not in read and name not in OURS]
    for name in _dead(study, plan, left) if left else ():
        yield Complaint(
            f"field {name!r}: must be read by some arm, and no arm's run asks for it; use it in "
            f"{name_of(study.run)} or delete it"
        )


def _dead(study: Study, plan: Plan, left: Sequence[str]) -> list[str]:
    """Unread fields that no switch wakes, and no arm's run asks for in many steps either.

    A trainable that several studies share has terms that are off in this one, and what belongs to
    them is asleep. So whatever is 0 or False is switched on and every other choice of a `Literal`
    is taken, one after the other; what cannot run so wakes nothing.
    """
    config = small_config(study, plan, first_trained(plan), plan.seeds[0])
    asleep = {name for name in left if not any(name.startswith(f"{other}.") for other in left)}
    for name, value in _nearest_first(list(_switches(config)), asleep):
        if not asleep:
            return []
        seen: set[str] = set()
        with suppress(Exception), clean_slate(plan.threads, plan.seeds[0]):
            run = study.run(recording(replace_fields(config, {name: value}), seen))
            if not run.done():
                run.advance(1)
            run.evaluate()
        asleep -= seen
    for arm in plan.arms:
        if asleep:
            asleep -= _read_for_long(study, plan, arm)
    return [name for name in left if name in asleep]


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
    """Fields that a run asks for in many steps, as one that reads some of them seldom.

    What such a run raises is no matter of the fields.
    """
    config, seen = small_config(study, plan, arm, plan.seeds[0]), set[str]()
    with (
        suppress(Exception),
        Capture().listening(),
        clean_slate(plan.threads, plan.seeds[0]),
    ):
        study.run(recording(config, seen)).advance(min(LONG, budget_of(study, config)))
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
