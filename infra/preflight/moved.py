"""What each arm moves beside its score, compared with the baseline: rate, steps, amounts, dtype.

A config says what is meant, and the name of a field no more. Here it is what the trial saw that is
put on record, so that the same difference between their cells is known to be the arm's own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from infra.answer.amounts import EXPLAINING
from infra.answer.confounds import LR, counts, same_rate
from infra.answer.named import measuring_fields, named_like
from infra.cell.reported import dump_state, load_state
from infra.cell.worker import Capture, clean_slate
from infra.ledger.provenance import machine_provenance
from infra.ledger.records import Seen
from infra.preflight.complaint import Complaint, listed
from infra.preflight.fingerprint import EARLY, Moment, measured
from infra.preflight.small import small_config
from infra.preflight.tensors import differing_tensors, named
from infra.preflight.trial import Trial
from infra.preflight.twins import differing
from infra.study.plan import Plan
from infra.study.quantities import AMOUNT, COMPUTED, LEARNING_RATE, QUANTITIES, STEPS, WAY
from infra.study.study import Study, replace_fields
from infra.words import joined

Moments = Mapping[float, Moment]


def moved(study: Study, plan: Plan, arms: Sequence[Trial]) -> dict[str, Seen]:
    """What was seen of each arm that is trained, by name; nothing without the baseline."""
    base = next((arm for arm in arms if arm.name == plan.baseline and arm.moments), None)
    if base is None:
        return {}
    device = str(machine_provenance()["device"])
    own = [arm for arm in arms if arm.moments and not arm.is_control]
    return {arm.name: Seen(device, dict(_moved(study, plan, base, arm))) for arm in own}


def moved_notes(plan: Plan, arms: Sequence[Trial], seen: Mapping[str, Seen]) -> Iterator[Complaint]:
    """A line for what arms move that neither their fields' names nor the study tell."""
    base = next((arm for arm in arms if arm.name == plan.baseline), None)
    by_text: dict[str, list[str]] = {}
    if base is None:
        return
    for arm in arms:
        for quantity, how in seen[arm.name].moved.items() if arm.name in seen else ():
            fields = differing([base, arm])
            known = named_like(quantity, fields) or plan.is_explained(quantity, fields)
            if how and fields and quantity in QUANTITIES and not known:
                verb = "moves" if len(fields) == 1 else "move"
                text = f"{joined(fields)} {verb} the {quantity} ({how})"
                by_text.setdefault(text, []).append(arm.name)
    for text, names in by_text.items():
        yield Complaint(f"{listed(names)}: {text}", fatal=False)


def _moved(study: Study, plan: Plan, base: Trial, arm: Trial) -> Iterator[tuple[str, str]]:
    ours, theirs = arm.moments, base.moments
    shares = sorted(ours.keys() & theirs.keys())
    if not shares:
        return
    if (how := _rate(ours, theirs, shares)) is not None:
        yield LEARNING_RATE, how
    if (how := _steps(ours, theirs, shares)) is not None:
        yield STEPS, how
    one, two = ours[shares[0]], theirs[shares[0]]
    for name, quantity in COMPUTED.items():
        if name in one.computed and name in two.computed:
            how = _unlike(*(", ".join(own.computed[name]) for own in (one, two)))
            if how or name != "compile":  # what was compiled before its moments is not seen there
                yield quantity, how
    yield AMOUNT, "; ".join(counts(one.evaluation, two.evaluation))
    for metric, quantity in EXPLAINING.items():
        if metric in one.training and metric in two.training and metric.startswith("train/"):
            yield quantity, _unlike(f"{one.training[metric]:g}", f"{two.training[metric]:g}")
    if (how := _way(study, plan, base, arm)) is not None:
        yield WAY, how
    yield from _weights(ours, theirs, shares)


def _weights(ours: Moments, theirs: Moments, shares: Iterable[float]) -> Iterator[tuple[str, str]]:
    """Which tensors of the model are moved, and of what they are."""
    pairs = [(dict(ours[share].weights), dict(theirs[share].weights)) for share in shares]
    apart = dict.fromkeys(name for pair in pairs for name in differing_tensors(*pair))
    yield "weights", named(apart) if apart else ""
    yield "tensors", named(pairs[0][0]) if pairs[0][0] else ""


def _rate(ours: Moments, theirs: Moments, shares: Iterable[float]) -> str | None:
    """At the first share where the reported rates differ; None where none are reported."""
    told = {s: (ours[s].training.get(LR), theirs[s].training.get(LR)) for s in shares}
    rates = {s: (one, two) for s, (one, two) in told.items() if one is not None and two is not None}
    for share, (one, two) in rates.items():
        if not same_rate(one, two):
            return f"{one:g}, baseline {two:g} at {share:.0%} of the budget"
    return "" if rates else None


def _steps(ours: Moments, theirs: Moments, shares: Sequence[float]) -> str | None:
    """Where the runs end; None where only running them to their ends would tell."""
    for share in shares:
        if ours[share].steps != theirs[share].steps:
            return f"another end, by {share:.0%} of the budget"
    one, two = ours[shares[0]].end, theirs[shares[0]].end
    return None if one is None or two is None else _unlike(str(one), str(two))


def _way(study: Study, plan: Plan, base: Trial, arm: Trial) -> str | None:
    """Whether fields that are named like the evaluation's, and stand beside others, act on it.

    None where there are no such fields, or the baseline cannot be evaluated with them.
    """
    apart = differing([base, arm])
    fields = measuring_fields(apart)
    others = [name for name in apart if name not in fields and not plan.only_measures([name])]
    config = small_config(study, plan, base.name, plan.seeds[0])
    if not fields or not others or not base.trains:
        return None
    try:
        other = replace_fields(config, {name: arm.config[name] for name in fields})
        with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
            run = study.run(config)
            run.advance(EARLY)
            state = dump_state(run.state_dict())
            again = study.run(other)
            again.load_state_dict(load_state(state))
            return "" if measured(again) == measured(run) else f"by {joined(fields)}"
    except Exception:
        return None


def _unlike(one: str, two: str) -> str:
    return "" if one == two else f"{one}, baseline {two}"
