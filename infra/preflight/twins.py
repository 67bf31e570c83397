"""Arms that do the same: a knob that is stored and not used, or a term without a gradient."""

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

from infra.preflight.complaint import Complaint
from infra.preflight.fingerprint import STEPS
from infra.preflight.longer import Alike, alike_for_long
from infra.preflight.tensors import differing_tensors, named
from infra.preflight.trial import Trial
from infra.study.plan import Plan
from infra.study.study import Study
from infra.words import joined


def twins(
    study: Study, plan: Plan, arms: Sequence[Trial], allowed: Collection[frozenset[str]]
) -> Iterator[Complaint]:
    """A line for each group of arms that do the same; fatal where they are not declared."""
    for group in _alike(arms):
        if is_declared(group, allowed):
            yield _twins_complaint(Alike(group, {}, ""), "declared twins", fatal=False)
            continue
        for same in alike_for_long(study, plan, group, lambda look: look.did):
            told = is_declared(same.arms, allowed)
            yield _twins_complaint(same, "declared twins" if told else remedy(same), not told)


def remedy(same: Alike) -> str:
    """How to go on with arms that do the same."""
    names = ",".join(arm.name for arm in same.arms)
    later = "where it acts later or elsewhere " if same.arms[0].trains else ""
    return f"mend it, or {later}give --allow-identical {names}"


def is_declared(group: Sequence[Trial], allowed: Collection[frozenset[str]]) -> bool:
    """Whether all of these arms may do the same."""
    pairs = combinations([arm.name for arm in group], 2)
    return all(any({*pair} <= one for one in allowed) for pair in pairs)


def _twins_complaint(same: Alike, remedy: str, fatal: bool) -> Complaint:
    group = same.arms
    shares = set.intersection(*(set(arm.moments) for arm in group))
    where = ", ".join(f"{share:.0%}" for share in sorted(shares))
    losses = [[arm.moments[share].losses for share in shares] for arm in group]
    why = "a dead knob"
    if any(own != losses[0] for own in losses):
        why = "the loss that is told differs, so a term of it has no gradient"
    when = f"in {STEPS} steps from {where} of the budget"
    when += f", nor {same.far}: {why} there" if same.far else f": {why} there"
    if not group[0].trains:
        when = f"of runs that do not train: {why}"
    return Complaint(
        f"arms {joined(repr(arm.name) for arm in group)}: must differ in what they do, but "
        f"{', '.join(differences(group))} move no weight and no evaluation {when}"
        f"{_unread_state(same)}; {remedy}",
        fatal,
    )


def _unread_state(same: Alike) -> str:
    """What of the state the arms do move, where they move no weight."""
    states = [look.state for look in same.looks.values()]
    others = [name for state in states for name in differing_tensors(states[0], state)]
    if not others:
        return ""
    return f"; of the state they move {named(dict.fromkeys(others))}, which no evaluation reads"


def _alike(arms: Sequence[Trial]) -> list[list[Trial]]:
    """Arms by what they do, where two or more do the same."""
    groups: list[list[Trial]] = []
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


def differences(group: Sequence[Trial]) -> Iterator[str]:
    """Each field in which their configs differ, with its values."""
    for name in differing(group):
        values = dict.fromkeys(repr(arm.config.get(name)) for arm in group)
        yield f"{name} {joined(values)}"


def differing(group: Sequence[Trial]) -> list[str]:
    """The fields in which their configs differ."""
    return [
        name
        for name in sorted(group[0].config)
        if len({repr(arm.config.get(name)) for arm in group}) > 1
    ]
