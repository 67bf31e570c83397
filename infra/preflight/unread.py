"""Fields that an arm sets or a config has, and that no run asks for."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

from infra.cell.worker import Capture, clean_slate
from infra.preflight.complaint import Complaint
from infra.preflight.longer import PATIENCE_S, own_config, whole_steps
from infra.preflight.reads import recording
from infra.preflight.small import LONG, first_trained, small_config
from infra.preflight.switches import is_off, listening, off_fields, switches
from infra.preflight.trial import Trial, name_of
from infra.study.plan import Plan
from infra.study.study import Study, replace_fields
from infra.words import joined

OURS = ("seed", "steps_per_report", "data")  # read by the sweep; seeds have a check of their own


def unread(
    study: Study, plan: Plan, arms: Sequence[Trial], allowed: Collection[frozenset[str]]
) -> Iterator[Complaint]:
    """A line for each field that an arm sets in vain, and for each that no arm's run asks for.

    An arm that may do the same as another may leave unread what it sets, and so may a control. So
    may one that sets a field to what switches it off, where another arm reads it.
    """
    ignoring = {
        arm.name: ignored
        for arm in arms
        if not arm.is_control and (ignored := set(arm.overrides) - arm.read - set(OURS))
    }
    for arm in arms:
        ignored = ignoring.get(arm.name, set[str]())
        ignored -= {name for name in ignored if _is_meant_off(study, plan, arms, arm, name)}
        if not ignored:
            continue
        seen, far = _read_for_long(study, plan, arm, PATIENCE_S / len(ignoring))
        for name in sorted(ignored - seen):
            yield Complaint(
                f"arm {arm.name!r}: must read what it overrides, and the run never asks for "
                f"{name!r} {far}; use it in {name_of(study.run)}, take it out "
                "of the arm, or if it acts later give --allow-identical with the arm it equals",
                fatal=not any(arm.name in group for group in allowed),
            )
    read = {name for arm in arms for name in (*arm.read, *arm.overrides)}
    names = dict.fromkeys(name for arm in arms for name in arm.fields)
    left = [name for name in names if name not in read and name not in OURS]
    yield from _dead(study, plan, arms, left) if left else ()


def _is_meant_off(study: Study, plan: Plan, arms: Sequence[Trial], arm: Trial, name: str) -> bool:
    """Whether a field that an arm switches off is one that some run reads where it is on."""
    if not is_off(arm.config.get(name, arm.overrides[name])):
        return False
    if any(name in other.read for other in arms):
        return True
    config = small_config(study, plan, arm.name, plan.seeds[0])
    return not _asleep(study, plan, config, {name})[0]


def _dead(
    study: Study, plan: Plan, arms: Sequence[Trial], left: Sequence[str]
) -> Iterator[Complaint]:
    """A line for each unread field that no switch wakes, and that no run asks for later either.

    Where something is off of which nobody knows what else it may be, it may belong to that, and is
    told as a note: a field that no arm sets makes no difference between arms.
    """
    config = small_config(study, plan, first_trained(plan), plan.seeds[0])
    fields = {name for name in left if not any(name.startswith(f"{other}.") for other in left)}
    asleep, unknown = _asleep(study, plan, config, fields)
    for arm in arms:
        if asleep:
            asleep -= _read_for_long(study, plan, arm, PATIENCE_S / len(arms))[0]
    for name in left:
        if name in asleep and unknown:
            yield Complaint(
                f"field {name!r}: no arm's run asks for it; delete it, unless it belongs to "
                f"{joined(unknown)}, which is off and of which it is not known what turns it on",
                fatal=False,
            )
        elif name in asleep:
            yield Complaint(
                f"field {name!r}: must be read by some arm, and no arm's run asks for it; use it "
                f"in {name_of(study.run)} or delete it"
            )


def _asleep(
    study: Study, plan: Plan, config: Any, fields: Collection[str]
) -> tuple[set[str], list[str]]:
    """Of these unread fields those that no switch wakes, and what could not be switched on.

    A trainable that several studies share has terms that are off in this one, and what belongs to
    them is asleep. So whatever is off is switched on and every other choice is taken, one after the
    other, and with it what is read only then; what cannot run so wakes nothing.
    """
    asleep, on = set(fields), set[str]()
    woken: list[tuple[Any, set[str]]] = []

    def switch(told: Any, some: Sequence[tuple[str, Any]]) -> None:
        here = set[str]()
        for name, value in _nearest_first(some, asleep):
            if not asleep or (name in here and isinstance(value, float)):
                continue  # all is awake, or it is another number of what is on already
            with suppress(Exception):
                switched = replace_fields(told, {name: value})
                if (seen := _reads(study, plan, switched)) is not None:
                    here.add(name)
                    on.add(name)
                    asleep.difference_update(seen)
                    woken.append((switched, seen))

    switch(config, list(switches(config, {})))
    if asleep:
        heard, texts = listening(config)
        known = _reads(study, plan, heard) or set()
        switch(config, [one for one in switches(config, texts) if one[0] in texts])
        for switched, seen in list(woken):
            new = seen - known
            switch(switched, [one for one in switches(switched, {}) if one[0] in new])
    unread = set(fields) | set(OURS) | on
    return asleep, [name for name in off_fields(config) if name not in unread]


def _reads(study: Study, plan: Plan, config: Any) -> set[str] | None:
    """Fields that a run asks for in its first step and an evaluation; None where it cannot run."""
    seen: set[str] = set()
    try:
        with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
            run = study.run(recording(config, seen))
            if not run.done():
                run.advance(1)
            run.evaluate()
    except Exception:
        return None
    return seen


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


def _read_for_long(study: Study, plan: Plan, arm: Trial, patience_s: float) -> tuple[set[str], str]:
    """Fields that a run asks for in many steps, as one that reads some of them seldom or late.

    And how far it was followed: to its end where by its pace there is time for it, and into its
    first step at the size that is to run. What such a run raises is no matter of the fields.
    """
    config, seen = small_config(study, plan, arm.name, plan.seeds[0]), set[str]()
    whole = whole_steps(study, plan, arm)
    some = min(LONG, whole)
    far = f"in its first {some} steps"
    with suppress(Exception), Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
        run = study.run(recording(config, seen))
        began = perf_counter()
        run.advance(some)
        run.evaluate()
        rest_s = (perf_counter() - began) * (whole - some) / some
        if rest_s <= patience_s:
            run.advance(whole - some)
            run.evaluate()
            far = f"in a whole run of {whole} steps"
        else:
            far += f", and a whole run of {whole} takes {rest_s:.0f} s more"
    if (own := own_config(study, plan, arm.name)) is not None:
        seen |= _reads(study, plan, own) or set()
    return seen, far
