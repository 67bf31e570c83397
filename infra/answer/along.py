"""The paired difference at every step, of which the verdict reads the last.

The seeds, the level and the interval are those of the row, so that both are the same at the end.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from infra.answer.arms import Arm, read_arms
from infra.answer.board import Leaderboard, Row
from infra.answer.verdicts import Difference, paired, share_of_alpha
from infra.ledger.records import CellRecord
from infra.study.plan import Plan


class Along(NamedTuple):
    """An arm minus the baseline at each step that all of its paired seeds reported."""

    row: Row
    differences: Mapping[int, Difference]


def differences_along(
    plan: Plan, records: Mapping[str, CellRecord], board: Leaderboard
) -> list[Along]:
    """The differences of every row that has one and is no control, as the board has them.

    Runs that report at other steps than the baseline's are left out where no step is common.
    """
    arms = {arm.name: arm for arm in read_arms(plan, records, None)}
    alpha = share_of_alpha(plan.comparisons, plan.max_seeds)
    told = []
    for row in board.rows:
        if row.difference is None or row.verdict == "control":
            continue
        seeds = row.difference.seeds
        ours = _curves(arms[row.arm], seeds, plan.metric)
        theirs = _curves(arms[plan.baseline], seeds, plan.metric)
        differences = {
            step: paired(seeds, gaps, alpha, arms[row.arm].resolution)
            for step, gaps in _gaps(ours, theirs).items()
        }
        told += [Along(row, differences)] if differences else []
    return told


def _curves(arm: Arm, seeds: Sequence[int], metric: str) -> list[dict[int, float]]:
    """Step to value, seed by seed."""
    return [
        {p.step: p.metrics[metric] for p in arm.records[seed].points if metric in p.metrics}
        for seed in seeds
    ]


def _gaps(
    ours: Sequence[Mapping[int, float]], theirs: Sequence[Mapping[int, float]]
) -> dict[int, list[float]]:
    """Ours minus theirs by seed, at the steps that all of them have."""
    steps = sorted(set.intersection(*map(set, (*ours, *theirs))))
    return {step: [a[step] - b[step] for a, b in zip(ours, theirs, strict=True)] for step in steps}
