"""Seeds that are one seed: where another seed changes nothing, a sweep has fewer than it counts.

The first arm is built at each seed. Only seeds that begin with equal weights are trained and
compared, so that a study whose seed reaches its initial draws pays for building alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from infra.cell.reported import weights_sha256
from infra.cell.worker import Capture, clean_slate
from infra.preflight.complaint import Complaint
from infra.preflight.fingerprint import Moment, at_rest, moments
from infra.preflight.small import budget_of, small_config, steps_left
from infra.preflight.trial import Trial
from infra.study.plan import Plan
from infra.study.study import Study
from infra.words import joined

_MOST = 12  # seeds that are built


def seedless(study: Study, plan: Plan, arms: Sequence[Trial]) -> Iterator[Complaint]:
    """Seeds that train to equal weights are refused; those that only begin with them are told."""
    arm = next((arm for arm in arms if arm.moments), None)
    if arm is None or len(plan.seeds) < 2:
        return
    began = {seed: _first_weights(study, plan, arm.name, seed) for seed in plan.seeds[:_MOST]}
    for alike in _groups({seed: weights for seed, weights in began.items() if weights}):
        did = {seed: _moments(study, plan, arm.name, seed) for seed in alike}
        known = {seed: own for seed, own in did.items() if own}
        ones = _groups({s: _weights(own) if arm.trains else own for s, own in known.items()})
        yield from (_one(arm.name, same, known) for same in ones)
        if arm.trains and not ones:
            yield _begin_alike(arm.name, alike, len(began))


def _one(arm: str, seeds: Sequence[int], did: Mapping[int, object]) -> Complaint:
    equal = all(did[seed] == did[seeds[0]] for seed in seeds)
    return Complaint(
        f"arm {arm!r}: must depend on its seed, but {joined(map(str, seeds))} give the same "
        f"weights{' and evaluation' if equal else ''}; key every draw by (seed, purpose, step)"
    )


def _begin_alike(arm: str, seeds: Sequence[int], tried: int) -> Complaint:
    which = "all seeds" if len(seeds) == tried else f"seeds {joined(map(str, seeds))}"
    return Complaint(
        f"arm {arm!r}: {which} begin with the same weights, so a verdict speaks of other draws in "
        "training and not of another initialisation",
        fatal=False,
    )


def _first_weights(study: Study, plan: Plan, arm: str, seed: int) -> str:
    """Digest of the weights that a run begins with; "" where it cannot be built."""
    with suppress(Exception), Capture().listening(), clean_slate(plan.threads, seed):
        run = study.run(small_config(study, plan, arm, seed))
        return weights_sha256(run.state_dict()["model"])
    return ""


def _moments(study: Study, plan: Plan, arm: str, seed: int) -> Mapping[float, Moment]:
    config = small_config(study, plan, arm, seed)
    with suppress(Exception), Capture().listening(), clean_slate(plan.threads, seed):
        run = study.run(config)
        if run.done():
            return {0.0: at_rest(run)}
        run.advance(steps_left(study, config))
        return moments(run, budget_of(study, config), study.metric)
    return {}


def _weights(did: Mapping[float, Moment]) -> Mapping[float, object]:
    return {share: moment.weights for share, moment in did.items()}


def _groups(told: Mapping[int, object]) -> list[list[int]]:
    """Seeds of which the same is told, where two or more are."""
    groups: list[list[int]] = []
    for seed in told:
        same = next((own for own in groups if told[own[0]] == told[seed]), None)
        if same is None:
            groups.append([seed])
        else:
            same.append(seed)
    return [own for own in groups if len(own) > 1]
