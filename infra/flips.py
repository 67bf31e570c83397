"""Rankings that flip between budgets: who is ahead at equal steps, but not at equal seconds.

Read at the common reach of each axis. A flip is told only where the difference is decided at one of
its two budgets at least: arms that nothing tells apart change places by chance.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from infra.arms import Arm
from infra.budget import AXES, Budget, priced, shared_end
from infra.confounds import is_time
from infra.plan import Plan
from infra.records import CellRecord
from infra.verdicts import Sample, judge_pair

_MOST = 5
Values = dict[str, dict[int, float]]  # by arm, by seed


def flips(plan: Plan, arms: Sequence[Arm], one_machine: bool) -> list[str]:
    """A line for each pair of arms whose order depends on the budget, the first five of them.

    Args:
        plan: The study's laws.
        arms: All arms of the leaderboard.
        one_machine: Whether times and dollars may be ranked.
    """
    told = list(_flips(plan, arms, one_machine))
    more = [f"{len(told) - _MOST} more pairs of arms change places between budgets"]
    return told[:_MOST] + (more if len(told) > _MOST else [])


def _flips(plan: Plan, arms: Sequence[Arm], one_machine: bool) -> Iterator[str]:
    rankings = _rankings(plan, [arm for arm in arms if arm.readings], one_machine)
    names = [arm.name for arm in arms if arm.readings]
    if len(rankings) < 2:
        return
    for one, two in combinations(names, 2):
        ahead: dict[bool, tuple[str, Sample]] = {}
        for budget, values in rankings.items():
            pairs = _pairs(plan, values[one], values[two])
            if mean := sum(pairs.values):
                ahead.setdefault((mean < 0) == (plan.mode == "min"), (budget, pairs))
        if len(ahead) == 2:
            decided = [where for where, pairs in ahead.values() if _decided(plan, pairs)]
            if decided:
                yield (
                    f"the ranking flips: {one} is ahead of {two} at {ahead[True][0]} and behind at "
                    f"{ahead[False][0]}; decided at {' and at '.join(decided)}"
                )


def _rankings(plan: Plan, arms: Sequence[Arm], one_machine: bool) -> dict[str, Values]:
    """The study's metric by arm and seed at the end and at the common reach of every axis."""
    records = {
        arm.name: {s: priced(arm.records[s], plan.usd_per_gpu_hour) for s in arm.values}
        for arm in arms
    }
    found = {
        "the end": {n: {s: _last(plan, r) for s, r in own.items()} for n, own in records.items()}
    }
    for axis in AXES:
        cells = [record for own in records.values() for record in own.values()]
        at = shared_end(axis, cells, plan.metric) if one_machine or not is_time(axis) else None
        if at:
            found[str(at)] = {
                n: {s: _read(plan, at, r) for s, r in own.items()} for n, own in records.items()
            }
    return found


def _last(plan: Plan, record: CellRecord) -> float:
    return record.points[-1].metrics[plan.metric]


def _read(plan: Plan, at: Budget, record: CellRecord) -> float:
    value = at.value(record.points, plan.metric)
    if value is None:
        raise RuntimeError(f"cell {record.key}: must have got to {at}, which all cells reached")
    return value


def _pairs(plan: Plan, ours: dict[int, float], theirs: dict[int, float]) -> Sample:
    seeds = tuple(seed for seed in plan.seeds if seed in ours and seed in theirs)
    return Sample(seeds, tuple(ours[seed] - theirs[seed] for seed in seeds))


def _decided(plan: Plan, pairs: Sample) -> bool:
    """Under the rules of a verdict, as if the other arm were the baseline."""
    return judge_pair(pairs, len(plan.arms) - 1, None, plan.mode)[1] in ("better", "worse")
