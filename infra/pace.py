"""Equal seconds in place of equal steps: how many steps each arm gets for the baseline's time.

An arm that stops where its time is up has not come down its own schedule. So the steps are told
before: each arm is timed, and the plan holds what it gets, as a field of its config like any other.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import fsum
from time import perf_counter
from typing import Any

from infra.data import local_data
from infra.errors import Refused
from infra.plan import Plan
from infra.reported import dump_state, load_state
from infra.study import Run, Study
from infra.worker import Capture, clean_slate

_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)  # of the run, since some terms begin late
_ROUND_S = 0.3  # that a round of an arm takes, or one step where that is longer


def at_equal_seconds(study: Study, plan: Plan, known: Mapping[str, int]) -> dict[str, int]:
    """Steps by arm in which each trains as long as the baseline does in its own.

    The arms are timed by turns with the baseline, in this process, at the scale that is to run,
    so that a machine that slows down does so for both.

    Args:
        study: The question.
        plan: What is to run; its first seed is timed.
        known: Steps that were told before, which stay.

    Raises:
        Refused: Where the config does not tell its steps, or cells get a GPU that is not here.
    """
    _refuse_untimed(study, plan)
    base = _steps(study, plan, plan.baseline)
    told = {plan.baseline: base, **known}
    for arm in plan.arms:
        if arm not in told:
            told[arm] = max(1, round(base / _slower(study, plan, arm)))
    return told


def _refuse_untimed(study: Study, plan: Plan) -> None:
    import torch

    if not hasattr(study.base, "steps"):
        raise Refused(
            f"study {study.name!r}: {type(study.base).__name__} must have a field 'steps' for "
            "--equal-seconds, and has none; add it"
        )
    if plan.gpus and not torch.cuda.is_available():
        raise Refused(
            f"--equal-seconds: must time the arms on what cells get, {plan.gpus:g} GPU, and there "
            "is none in this process; start it where there is one"
        )


def _slower(study: Study, plan: Plan, arm: str) -> float:
    """How many times as long the arm's steps take as the baseline's, over a whole run."""
    with _begun(study, plan, plan.baseline) as base, _begun(study, plan, arm) as own:
        rounds = [(base.step_s(share), own.step_s(share)) for share in _SHARES for _ in range(2)]
    ours, theirs = (fsum(seconds) for seconds in zip(*rounds, strict=True))
    return theirs / ours


@dataclass(frozen=True)
class _Begun:
    """A run, its state after the first step, and its budget of steps."""

    run: Run
    state: bytes
    budget: int

    def step_s(self, share: float) -> float:
        """Mean seconds of a step from that share of the budget on."""
        start = int(share * self.budget)
        self.run.load_state_dict({**load_state(self.state), "step": start})
        most = max(1, self.budget // len(_SHARES))
        began, steps, seconds = perf_counter(), 0, 0.0
        while steps < most and seconds < _ROUND_S:
            self.run.advance(1)
            steps, seconds = steps + 1, perf_counter() - began
        return seconds / steps


@contextmanager
def _begun(study: Study, plan: Plan, arm: str) -> Iterator[_Begun]:
    config: Any = study.config(arm, plan.seeds[0], plan.scale)
    if plan.data:
        config = replace(config, data=local_data(plan.data))
    with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
        run = study.run(config)
        run.advance(1)
        yield _Begun(run, dump_state(run.state_dict()), config.steps)


def _steps(study: Study, plan: Plan, arm: str) -> int:
    return study.config(arm, plan.seeds[0], plan.scale).steps
