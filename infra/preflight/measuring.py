"""Arms that train to the same weights and are measured otherwise: meant, or a sign of something.

A study declares the fields that act in its evaluation only (`Study.evaluation_only`). Of those the
same weights and another score are what is expected; of any other field they are told, since a term
of the loss without a gradient looks so too where the evaluation reports that loss.
"""

from collections.abc import Iterator, Sequence

from infra.preflight.complaint import Complaint, listed
from infra.preflight.fingerprint import EARLY, STEPS
from infra.preflight.longer import look
from infra.preflight.small import small_config
from infra.preflight.tensors import differing_tensors, named
from infra.preflight.trial import Trial
from infra.preflight.twins import differences, differing
from infra.study.plan import Plan
from infra.study.study import Study
from infra.words import joined


def measuring(study: Study, plan: Plan, arms: Sequence[Trial]) -> Iterator[Complaint]:
    """A line for each group of such arms; fatal where a declared field changes the weights."""
    told = [arm for arm in arms if arm.moments]
    for group in _groups(told, [_trained_by(plan, arm) for arm in told]):
        for arm in group[1:]:
            if _weights(arm) != _weights(group[0]) and differing([group[0], arm]):
                yield _trains(group[0], arm)
    for group in _groups(told, [_weights(arm) for arm in told]):
        if any(arm.moments != group[0].moments for arm in group):
            yield _measures(study, plan, group)


def _trains(one: Trial, two: Trial) -> Complaint:
    return Complaint(
        f"{listed([one.name, two.name])}: differ only in {', '.join(differences([one, two]))}, "
        "which Study.evaluation_only declares to act in evaluation only, and must train to the "
        "same weights, but do not; take it out of there, or mend it"
    )


def _measures(study: Study, plan: Plan, group: Sequence[Trial]) -> Complaint:
    who, fields = listed([arm.name for arm in group]), ", ".join(differences(group))
    undeclared = [name for name in differing(group) if not plan.only_measures([name])]
    if not undeclared or not group[0].trains:
        text = f"{who}: {fields}: acts in evaluation only, with the same weights and another score"
        return Complaint(text, fatal=False)
    where = ", ".join(f"{share:.0%}" for share in sorted(group[0].moments))
    same = f"{who}: the same weights in {STEPS} steps from {where} of the budget"
    if others := _other_state(study, plan, group):
        return Complaint(
            f"{same}, and another score: {fields} moves {named(others)} of the state beside the "
            "model, which the evaluation reads",
            fatal=False,
        )
    equal = [name for name, _ in next(iter(group[0].moments.values())).weights]
    return Complaint(
        f"{same} ({named(equal)}), and another score, so that {fields} acts in evaluation only "
        f"there; declare {joined(undeclared)} in Study.evaluation_only if it is meant to, else "
        "look for a term without a gradient",
        fatal=False,
    )


def _other_state(study: Study, plan: Plan, group: Sequence[Trial]) -> list[str]:
    """Tensors of the state that are not the same after a few steps, as an average's."""
    configs = [small_config(study, plan, arm.name, plan.seeds[0]) for arm in group]
    states = [look(study, plan, config, EARLY + STEPS).state for config in configs]
    found = [name for own in states for name in differing_tensors(states[0], own)]
    return list(dict.fromkeys(found))


def _groups(arms: Sequence[Trial], keys: Sequence[object]) -> list[list[Trial]]:
    """Arms with equal keys, where two or more have them."""
    found: dict[object, list[Trial]] = {}
    for arm, key in zip(arms, keys, strict=True):
        found.setdefault(key, []).append(arm)
    return [group for group in found.values() if len(group) > 1]


def _trained_by(plan: Plan, arm: Trial) -> object:
    """Its config without the fields that are declared to measure."""
    kept = ((n, repr(v)) for n, v in arm.config.items() if not plan.only_measures([n]))
    return tuple(sorted(kept))


def _weights(arm: Trial) -> object:
    """Those that it came to, from each moment of a budget."""
    weights = tuple((share, arm.moments[share].weights) for share in sorted(arm.moments))
    return arm.config.get("steps"), arm.trains, weights
