"""Equal seconds in place of equal steps: how many steps each arm gets for the baseline's time.

An arm that stops where its time is up has not come down its own schedule. So the steps are told
before: each arm is timed, and the plan holds what it gets, as a field of its config like any other.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import fsum
from statistics import median

from infra.cell.stems import sharing_stems
from infra.cell.timed import SHARES, Timed
from infra.cell.worker import Capture, clean_slate
from infra.errors import Refused, first_line
from infra.ledger.data import local_data
from infra.ledger.provenance import study_digest
from infra.study.plan import Plan, with_data
from infra.study.study import Study

_ROUNDS = 3
_ROUND_S = 0.15  # that a run is timed at a share, or one step where that is longer
_UNSURE = 0.1  # spread of the rounds, as a share, that a reader must know


def at_equal_seconds(study: Study, plan: Plan, known: Mapping[str, int]) -> dict[str, int]:
    """Steps by arm in which each trains as long as the baseline does in its own.

    The arms are timed by turns with the baseline, in this process, at the scale that is to run, so
    that a machine that slows down does so for both. Where cells run on other hardware than this
    process, so does the measure. Controls, which do not train, are left out.

    Args:
        study: The question.
        plan: What is to run; its first seed is timed.
        known: Steps that were told before, which stay.

    Raises:
        Refused: Where the config does not tell its steps, an arm sets them itself or cannot run,
            the baseline's have changed, or cells ask for a GPU that is not here.
    """
    _refuse_untimed(study, plan)
    base = study.config(plan.baseline, plan.seeds[0], plan.scale).steps
    if known.get(plan.baseline, base) != base:
        raise Refused(
            f"--equal-seconds: the baseline's steps must stay {known[plan.baseline]}, which the "
            f"other arms were timed for, and are now {base}; go back, or choose another --name"
        )
    told = {plan.baseline: base, **known}
    with sharing_stems(study_digest(plan.study_file) if plan.study_file else ""):
        for arm in plan.trained:
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
    if own := [arm for arm in plan.trained if "steps" in study.overrides(arm, plan.scale)]:
        raise Refused(
            f"arm {own[0]!r}: must leave 'steps' to --equal-seconds, and sets it; leave out one"
        )
    if plan.gpus and not torch.cuda.is_available():
        raise Refused(
            f"--equal-seconds: must time the arms on what cells get, {plan.gpus:g} GPU, and there "
            "is none in this process; start it where there is one"
        )


def _slower(study: Study, plan: Plan, arm: str) -> float:
    """How many times as long the arm's steps take as the baseline's, over a whole run."""
    try:
        with _begun(study, plan, plan.baseline) as base, _begun(study, plan, arm) as own:
            ratios = [_ratio(base, own, turn) for turn in range(_ROUNDS)]
    except Exception as error:
        raise Refused(f"arm {arm!r}: must run to be timed, but {first_line(error)}") from error
    middle, spread = median(ratios), max(ratios) - min(ratios)
    if spread > _UNSURE * middle:
        each = ", ".join(f"{ratio:.3g}" for ratio in sorted(ratios))
        note = f"note: arm {arm!r} takes {each} times the baseline's time: the machine is busy"
        print(note, file=sys.stderr)
    return middle


def _ratio(base: Timed, own: Timed, turn: int) -> float:
    """Of the time of a whole run, the arm's to the baseline's; each goes first every other time."""
    seconds: dict[str, list[float]] = {"base": [], "own": []}
    for share in SHARES:
        runs = {"base": base, "own": own}
        for name in sorted(runs, reverse=bool(turn % 2)):
            seconds[name].append(runs[name].step_s(share, _ROUND_S))
    return fsum(seconds["own"]) / fsum(seconds["base"])


@contextmanager
def _begun(study: Study, plan: Plan, arm: str) -> Iterator[Timed]:
    config = with_data(study.config(arm, plan.seeds[0], plan.scale), local_data(plan.data))
    with Capture().listening(), clean_slate(plan.threads, plan.seeds[0]):
        timed = Timed(study.run(config), config.steps)
        try:
            yield timed
        finally:
            timed.release()
