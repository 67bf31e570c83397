"""Arms that do the same: a knob that is stored and not used, or a term without a gradient."""

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

from infra.cell.worker import Capture, clean_slate
from infra.errors import first_line
from infra.preflight.complaint import Complaint
from infra.preflight.fingerprint import STEPS, Moment, at_rest, moment
from infra.preflight.small import LONG, budget_of, small_config
from infra.preflight.trial import Trial
from infra.study.plan import Plan
from infra.study.study import Study
from infra.words import joined


def twins(
    study: Study, plan: Plan, arms: Sequence[Trial], allowed: Collection[frozenset[str]]
) -> Iterator[Complaint]:
    """A line for each group of arms that do the same; fatal where they are not declared."""
    for group in _alike(arms):
        groups = [group] if _declared(group, allowed) else _alike_for_long(study, plan, group)
        for same in groups:
            told = _declared(same, allowed)
            names = ",".join(arm.name for arm in same)
            remedy = (
                "declared twins"
                if told
                else f"mend it, or where it acts after {LONG} steps give --allow-identical {names}"
                if same[0].trains
                else f"mend it, or give --allow-identical {names}"
            )
            yield _twins_complaint(same, remedy, fatal=not told)


def _declared(group: Sequence[Trial], allowed: Collection[frozenset[str]]) -> bool:
    pairs = combinations([arm.name for arm in group], 2)
    return all(any({*pair} <= one for one in allowed) for pair in pairs)


def _twins_complaint(group: Sequence[Trial], remedy: str, fatal: bool) -> Complaint:
    shares = set.intersection(*(set(arm.moments) for arm in group))
    where = ", ".join(f"{share:.0%}" for share in sorted(shares))
    losses = [[arm.moments[share].losses for share in shares] for arm in group]
    why = "a dead knob"
    if any(own != losses[0] for own in losses):
        why = "the loss that is told differs, so a term of it has no gradient"
    when = f"in {STEPS} steps from {where} of the budget: {why} there"
    if not group[0].trains:
        when = f"of runs that do not train: {why}"
    return Complaint(
        f"arms {joined(repr(arm.name) for arm in group)}: must differ in what they do, but "
        f"{', '.join(differences(group))} move no weight and no evaluation {when}; {remedy}",
        fatal,
    )


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


def _alike_for_long(study: Study, plan: Plan, group: Sequence[Trial]) -> list[list[Trial]]:
    """The arms of a group that do the same in many steps too, as what acts seldom does not."""
    groups: list[tuple[Moment | str, list[Trial]]] = []
    for arm in group:
        did = _long_moment(study, plan, arm.name)
        same = next((own for known, own in groups if known == did), None)
        if same is None:
            groups.append((did, [arm]))
        else:
            same.append(arm)
    return [own for _, own in groups if len(own) > 1]


def _long_moment(study: Study, plan: Plan, arm: str) -> Moment | str:
    """What an arm does in many steps, or what it raises in them."""
    config = small_config(study, plan, arm, plan.seeds[0])
    try:
        with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
            run = study.run(config)
            if run.done():
                return at_rest(run)
            return moment(run, min(LONG, budget_of(study, config)), study.metric)
    except Exception as error:
        return first_line(error)


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
