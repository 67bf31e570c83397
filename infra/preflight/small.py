"""The configs on which arms are tried: as small as the study has them, as long as the real ones."""

from contextlib import suppress
from typing import Any

from infra.study.plan import Plan
from infra.study.study import Study, replace_fields

LONG = 100  # steps that are looked at where three show nothing, so that what acts seldom may act
_MOST_COUNTED = 100  # steps of a run whose config does not tell its budget


def small_config(study: Study, plan: Plan, arm: str, seed: int) -> Any:
    """The arm's config at the smallest scale, with the step budget of the scale that is to run.

    It keeps the small budget where that is made of other fields, or where a law of the config is
    against the mixture.
    """
    small = study.config(arm, seed, small_scale(study, plan))
    real = study.config(arm, seed, plan.scale)
    cadence = [name for name in ("steps", "steps_per_report") if hasattr(real, name)]
    with suppress(TypeError, ValueError):
        return replace_fields(small, {name: getattr(real, name) for name in cadence})
    return small


def small_scale(study: Study, plan: Plan) -> str:
    """`smoke`, or the one that is to run where the study has none."""
    return "smoke" if "smoke" in study.scales else plan.scale


def first_trained(plan: Plan) -> str:
    """The first arm that is no control, whose config is the nearest to all others."""
    return next(iter(plan.trained), plan.arms[0])


def budget_of(study: Study, config: Any) -> int:
    """Steps of a whole run; counted where the config does not say, which is then a small one."""
    if (steps := getattr(config, "steps", None)) is not None:
        return int(steps)
    run = study.run(config)
    while not run.done() and run.step < _MOST_COUNTED:
        run.advance(1)
    return run.step


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
