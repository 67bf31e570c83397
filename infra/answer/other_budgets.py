"""The ranking at other budgets: ahead at the end, but not at equal seconds or half the steps.

Each budget is read where all finished cells have got to, so that every arm stays in the ranking.
A flip is told only where the difference is decided at the end or at the other budget: arms that
nothing tells apart change places by chance. Of more than `MANY_ARMS` arms it is looked for beside
the baseline and among the best, since a thousand arms have half a million pairs. All of it is
exploratory: the study declared its end, and nothing here corrects for looking again.

By seconds or dollars a flip is told only of arms whose costs differ by more than timing noise. That
is measured in the sweep itself, between cells of one arm, which do the same work; and never taken
for less than `_TIMING`. Of ten sweeps of portrait models at lab, three seeds an arm, on two cores
of a shared machine, cells of an arm lay 0.9 to 2.7 % apart (sd) in nine and 27 % in one, beside
other work; arms that differ in their learning rate alone up to 2 % in their means.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from statistics import fmean

from infra.answer.arms import Arm, differences, withheld
from infra.answer.budget import AXES, Budget, priced
from infra.answer.confounds import invalidating, is_time
from infra.answer.verdicts import Sample, judge_pair
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import MANY_ARMS

QUARTERS = (0.25, 0.5, 0.75, 1.0)
_WHOLE = ("steps", "examples", "tokens")  # axes that are counted
_END, _MOST, _BEST = "the end", 5, 10
_TIMING, _TIMING_SDS = 0.05, 3.0
Curve = Sequence[tuple[float, float]]
Curves = Mapping[str, Mapping[int, Curve]]


@dataclass(frozen=True)
class Ranking:
    """The study's metric by arm and seed, where every finished cell is read at one budget."""

    budget: str
    values: Mapping[str, Mapping[int, float]]

    def mean(self, arm: str) -> float:
        """Over the arm's finished seeds."""
        return math.fsum(self.values[arm].values()) / len(self.values[arm])

    def order(self, mode: str) -> list[str]:
        """The arms, best mean first."""
        return sorted(self.values, key=lambda arm: self.mean(arm) * (1 if mode == "min" else -1))


@dataclass(frozen=True)
class Flip:
    """Two arms that stand at a budget the other way round than at the end.

    Attributes:
        ahead: Better than `behind` at the budget, and worse at the end.
        decided: Where of both the difference is decided.
    """

    ahead: str
    behind: str
    budget: str
    decided: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"the ranking flips: {self.ahead} is ahead of {self.behind} at {self.budget} and "
            f"behind at {_END}; decided at {' and at '.join(self.decided)}"
        )


def rankings(
    plan: Plan, arms: Sequence[Arm], one_machine: bool, shares: Sequence[float] = (1.0,)
) -> tuple[list[Ranking], list[str]]:
    """At the end and within the common reach of each axis; on which axes there is nothing to read.

    Budgets at which every cell reads as at one before are left out.

    Args:
        plan: The study's laws.
        arms: All arms; controls and those without a finished cell are not ranked.
        one_machine: Whether times and dollars may be ranked.
        shares: Of the reach that all finished cells have in common.
    """
    cells = {
        arm.name: {s: priced(arm.records[s], plan.usd_per_gpu_hour) for s in arm.values}
        for arm in arms
        if arm.values and not arm.is_control
    }
    found, unread = [_at_the_end(plan, cells)], []
    for axis in AXES:
        if tuple(shares) == (1.0,) and _is_level(axis, cells):
            continue  # its ranking is that of the end
        curves = _curves(plan, axis, cells) if one_machine or not is_time(axis) else {}
        budgets = _budgets(axis, curves, shares)
        for at in budgets:
            new = Ranking(str(at), {name: _read(at, own) for name, own in curves.items()})
            if not any(_same(new, old) for old in found):
                found.append(new)
        if not budgets:
            unread.append(axis)
    return found, unread


def flips(plan: Plan, arms: Sequence[Arm], found: Sequence[Ranking]) -> Iterator[Flip]:
    """Pairs of arms whose order is decided and depends on the budget.

    Args:
        plan: The study's laws.
        arms: All arms.
        found: The ranking at the end, and others.
    """
    own = {arm.name: arm for arm in arms}
    end, costs = found[0], cache(lambda axis: _Costs.of(plan, arms, axis))
    for here in found[1:]:
        axis = here.budget.partition("=")[0]
        for ahead, behind in _looked_at(plan, here, end):
            one, two = own[ahead], own[behind]
            if is_time(axis) and not costs(axis).differ(ahead, behind):
                continue
            if _leads(plan, one, two, here) and _leads(plan, two, one, end):
                if decided := tuple(r.budget for r in (end, here) if _decided(plan, one, two, r)):
                    yield Flip(ahead, behind, here.budget, decided)


@dataclass(frozen=True)
class _Costs:
    """What finished cells had cost at their end, as logarithms, and timing noise between them."""

    logs: Mapping[str, Sequence[float]]
    sd: float

    @classmethod
    def of(cls, plan: Plan, arms: Sequence[Arm], axis: str) -> "_Costs":
        """On an axis of time; cells of one arm are taken to do the same work."""
        along, logs = Budget(axis, 0.0), {}
        for arm in arms:
            cells = (priced(arm.records[seed], plan.usd_per_gpu_hour) for seed in arm.values)
            ends = [along.reached(cell.points) for cell in cells]
            logs[arm.name] = [math.log(end) for end in ends if end and end > 0]
        off = [(log - fmean(own)) ** 2 for own in logs.values() for log in own]
        free = sum(len(own) - 1 for own in logs.values() if own)
        return cls(logs, math.sqrt(math.fsum(off) / free) if free else 0.0)

    def differ(self, one: str, two: str) -> bool:
        """Whether the arms' means lie further apart than timing noise explains."""
        ours, theirs = self.logs[one], self.logs[two]
        if not ours or not theirs:
            return False
        noise = _TIMING_SDS * self.sd * math.sqrt(1 / len(ours) + 1 / len(theirs))
        return abs(fmean(ours) - fmean(theirs)) > max(math.log1p(_TIMING), noise)


def _looked_at(plan: Plan, here: Ranking, end: Ranking) -> Iterator[tuple[str, str]]:
    """Every pair both ways round; of many arms those beside the baseline and among the best."""
    order = here.order(plan.mode)
    if len(order) <= MANY_ARMS:
        yield from permutations(order, 2)
        return
    best = dict.fromkeys([*order[:_BEST], *end.order(plan.mode)[:_BEST]])
    yield from permutations(best, 2)
    for arm in order if plan.baseline in order else ():
        if arm != plan.baseline and not {arm, plan.baseline} <= best.keys():
            yield from permutations((arm, plan.baseline), 2)


def flip_notes(plan: Plan, arms: Sequence[Arm], one_machine: bool) -> list[str]:
    """A line for each pair of arms that flips at equal amounts of anything, the first five."""
    found, _ = rankings(plan, arms, one_machine)
    first: dict[frozenset[str], Flip] = {}
    for flip in flips(plan, arms, found):
        first.setdefault(frozenset({flip.ahead, flip.behind}), flip)
    told = list(map(str, first.values()))
    more = f"{len(told) - _MOST} more pairs of arms change places between budgets"
    ranked = len(found[0].values)
    of = f"; of {ranked} arms those beside the baseline and among the best are looked at"
    more += of if ranked > MANY_ARMS else ""
    return told[:_MOST] + ([more] if len(told) > _MOST else [])


def _at_the_end(plan: Plan, cells: Mapping[str, Mapping[int, CellRecord]]) -> Ranking:
    values = {
        name: {seed: cell.points[-1].metrics[plan.metric] for seed, cell in own.items()}
        for name, own in cells.items()
    }
    return Ranking(_END, values)


def _is_level(axis: str, cells: Mapping[str, Mapping[int, CellRecord]]) -> bool:
    """Whether all cells end at one amount of what is counted, as most sweeps' do of steps."""
    along = Budget(axis, 0.0)
    ends = {along.reached(cell.points) for own in cells.values() for cell in own.values()}
    end = ends.pop() if axis in _WHOLE and len(ends) == 1 else None
    return end is not None and float(end).is_integer()


def _curves(plan: Plan, axis: str, cells: Mapping[str, Mapping[int, CellRecord]]) -> Curves:
    """The metric of every cell along an axis; nothing where a cell does not report that."""
    along = Budget(axis, 0.0)
    curves: dict[str, dict[int, Curve]] = {}
    for name, own in cells.items():
        for seed, cell in own.items():
            try:
                curve = along.curve(cell.points, plan.metric)
            except ValueError:  # the amount falls along the run
                return {}
            if not curve:
                return {}
            curves.setdefault(name, {})[seed] = curve
    return curves


def _read(at: Budget, curves: Mapping[int, Curve]) -> dict[int, float]:
    """The metric by seed."""
    told = {seed: at.value_on(curve) for seed, curve in curves.items()}
    return {seed: value for seed, value in told.items() if value is not None}


def _budgets(axis: str, curves: Curves, shares: Sequence[float]) -> list[Budget]:
    """Shares of the stretch that all cells have in common, none where there is none."""
    every = [curve for own in curves.values() for curve in own.values()]
    first = max((curve[0][0] for curve in every), default=0.0)
    last = min((curve[-1][0] for curve in every), default=0.0)
    amounts = [_rounded_down(axis, share * last) for share in shares]
    return [Budget(axis, a) for a in dict.fromkeys(amounts) if a > 0 and a >= first]


def _rounded_down(axis: str, amount: float) -> float:
    """To a whole number or three digits, so that a reader can type it."""
    if amount <= 0 or axis in _WHOLE:
        return float(math.floor(amount))
    unit = 10.0 ** (math.floor(math.log10(amount)) - 2)
    rounded = float(f"{math.floor(amount / unit) * unit:.3g}")
    return rounded if rounded <= amount else amount


def _same(one: Ranking, two: Ranking) -> bool:
    return all(
        math.isclose(value, two.values[arm][seed], rel_tol=1e-9)
        for arm, own in one.values.items()
        for seed, value in own.items()
    )


def _leads(plan: Plan, one: Arm, two: Arm, at: Ranking) -> bool:
    """Whether the one is ahead in the mean over seeds that both have."""
    gap = sum(_pairs(plan, one, two, at).values)
    return gap < 0 if plan.mode == "min" else gap > 0


def _decided(plan: Plan, one: Arm, two: Arm, at: Ranking) -> bool:
    """Under the rules of a verdict, as if the other arm were the baseline."""
    pairs = _pairs(plan, one, two, at)
    rules = (plan.comparisons, plan.margin, plan.mode, plan.max_seeds)
    _, ruling = judge_pair(pairs, *rules)
    told = withheld(one, two, pairs, ruling).verdict
    return told in ("better", "worse") and not invalidating(one, two, at.budget == _END)


def _pairs(plan: Plan, one: Arm, two: Arm, at: Ranking) -> Sample:
    return differences(plan, at.values[one.name], at.values[two.name], one.resolution)
