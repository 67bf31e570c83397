"""Arms looked at for longer: what acts seldom, once or late shows in no three steps of five shares.

First a hundred steps; then a whole run at the smallest size, where by the pace of those hundred the
arms get there within two minutes; then the size that is to run, since a window that a small one
never fills does nothing there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, NamedTuple

from infra.cell.worker import Capture, clean_slate
from infra.errors import first_line
from infra.ledger.data import local_data
from infra.preflight.fingerprint import SHARES, STEPS, Moment, at_rest, moment, moments
from infra.preflight.small import LONG, budget_of, small_config
from infra.preflight.tensors import tensors_of
from infra.preflight.trial import Trial
from infra.study.plan import Plan, with_data
from infra.study.study import Study

PATIENCE_S = 120.0  # that a whole run of all arms that look alike may take


@dataclass(frozen=True)
class Look:
    """What one arm did in so many steps.

    Attributes:
        did: What came of it, by share of the budget, or what it raised.
        state: Digest of each tensor of the state after it, dotted.
        steps: How many were taken.
        seconds: What they took.
    """

    did: Mapping[float, Moment] | str
    state: Mapping[str, str] = field(default_factory=dict, compare=False)
    steps: int = field(default=0, compare=False)
    seconds: float = field(default=0.0, compare=False)


class Alike(NamedTuple):
    """Arms that no look could tell apart.

    Attributes:
        looks: The last one at each, by arm.
        far: How far it was looked, for a sentence.
    """

    arms: Sequence[Trial]
    looks: Mapping[str, Look]
    far: str


def alike_for_long(
    study: Study, plan: Plan, group: Sequence[Trial], told: Callable[[Look], Any]
) -> list[Alike]:
    """Those arms of a group of which all looks tell the same, two or more of each.

    Args:
        study: The question.
        plan: What is to run.
        group: Arms that did the same in their trials.
        told: What of a look is compared.
    """
    groups = [Alike(group, {}, "")]
    for stage in (_a_hundred_steps, _a_whole_run, _at_its_own_size):
        groups = [part for one in groups for part in _parted(stage(study, plan, one), told)]
    return groups


def _parted(alike: Alike, told: Callable[[Look], Any]) -> list[Alike]:
    parts: list[tuple[Any, list[Trial]]] = []
    for arm in alike.arms:
        own = told(alike.looks[arm.name])
        part = next((arms for known, arms in parts if known == own), None)
        if part is None:
            parts.append((own, [arm]))
        else:
            part.append(arm)
    return [alike._replace(arms=arms) for _, arms in parts if len(arms) > 1]


def _a_hundred_steps(study: Study, plan: Plan, alike: Alike) -> Alike:
    looks = {arm.name: look(study, plan, _small(study, plan, arm), LONG) for arm in alike.arms}
    return Alike(alike.arms, looks, f"in {_fewest(looks)} steps at the smallest size")


def _a_whole_run(study: Study, plan: Plan, alike: Alike) -> Alike:
    if not any(arm.trains for arm in alike.arms):
        return alike
    steps = {arm.name: whole_steps(study, plan, arm) for arm in alike.arms}
    seen, most = _fewest(alike.looks), max(steps.values())
    if most <= seen:
        return alike._replace(far=f"in a whole run of {most} steps at the smallest size")
    if (seconds := _seconds(alike.looks, steps)) > PATIENCE_S:
        return alike._replace(
            far=f"{alike.far} ({most} would take {seconds:.0f} s, over {PATIENCE_S:.0f})"
        )
    looks = {
        arm.name: look(study, plan, _small(study, plan, arm), steps[arm.name]) for arm in alike.arms
    }
    return Alike(alike.arms, looks, f"in a whole run of {most} steps at the smallest size")


def _at_its_own_size(study: Study, plan: Plan, alike: Alike) -> Alike:
    """As the shares of a trial, then to the end where there is time for it."""
    configs = {arm.name: own_config(study, plan, arm.name) for arm in alike.arms}
    if None in configs.values():
        return alike
    first = {arm: look(study, plan, config, 1) for arm, config in configs.items()}
    steps = {arm.name: whole_steps(study, plan, arm) for arm in alike.arms}
    along = dict.fromkeys(configs, STEPS * len(SHARES))
    size = f"at scale {plan.scale}"
    if _seconds(first, along) > PATIENCE_S:
        return Alike(alike.arms, first, f"{alike.far}, nor in its first step {size}")
    looks = {arm: _along(study, plan, config, steps[arm]) for arm, config in configs.items()}
    steps |= {arm: end for arm, one in looks.items() if (end := _end(one.did)) is not None}
    if _seconds(first, steps) > PATIENCE_S:
        return Alike(alike.arms, looks, f"{alike.far}, nor in {STEPS} steps from each share {size}")
    whole = {arm: look(study, plan, config, steps[arm]) for arm, config in configs.items()}
    looks = {arm: replace(whole[arm], did=_both(looks[arm], whole[arm])) for arm in configs}
    return Alike(alike.arms, looks, f"{alike.far}, nor {size}")


def _both(one: Look, two: Look) -> Mapping[float, Moment] | str:
    """What shares and a whole run showed, or what one of them raised."""
    told = next((own.did for own in (one, two) if isinstance(own.did, str)), None)
    return told if told is not None else {**one.did, 1.0: two.did[0.0]}  # pyright: ignore


def own_config(study: Study, plan: Plan, arm: str) -> Any | None:
    """The arm's config at the scale that is to run; None where nothing would be learnt from it.

    That is where it is the smallest one, or has no data, or no GPU here that it asks for.
    """
    import torch

    config = study.config(arm, plan.seeds[0], plan.scale)
    lacks_data = not plan.data and plan.scale in study.needs_data
    lacks_gpu = bool(plan.gpus) and not torch.cuda.is_available()
    if lacks_data or lacks_gpu or config == small_config(study, plan, arm, plan.seeds[0]):
        return None
    return with_data(config, local_data(plan.data))


def look(study: Study, plan: Plan, config: Any, steps: int) -> Look:
    """At a run's first steps."""
    return _looked(study, plan, config, lambda run: {0.0: moment(run, steps, study.metric)})


def _along(study: Study, plan: Plan, config: Any, budget: int) -> Look:
    """At a few steps from each share of a run's budget."""
    return _looked(study, plan, config, lambda run: moments(run, budget, study.metric))


def _looked(
    study: Study, plan: Plan, config: Any, did: Callable[[Any], Mapping[float, Moment]]
) -> Look:
    began = perf_counter()
    try:
        with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
            run = study.run(config)
            found = {0.0: at_rest(run)} if run.done() else did(run)
            state = tensors_of(run.state_dict())
            return Look(found, state, run.step, perf_counter() - began)
    except Exception as error:
        return Look(first_line(error), seconds=perf_counter() - began)


def _small(study: Study, plan: Plan, arm: Trial) -> Any:
    return small_config(study, plan, arm.name, plan.seeds[0])


def whole_steps(study: Study, plan: Plan, arm: Trial) -> int:
    """Steps of a whole run of the arm at the smallest size, as its trial found out."""
    told = _end(arm.moments)
    return budget_of(study, _small(study, plan, arm)) if told is None else told


def _end(did: Mapping[float, Moment] | str) -> int | None:
    ends = () if isinstance(did, str) else (one.end for one in did.values())
    return next((end for end in ends if end is not None), None)


def _fewest(looks: Mapping[str, Look]) -> int:
    return min(one.steps for one in looks.values())


def _seconds(looks: Mapping[str, Look], steps: Mapping[str, int]) -> float:
    """That all arms take for so many steps, at the pace of a look."""
    return sum(one.seconds / max(one.steps, 1) * steps[arm] for arm, one in looks.items())
