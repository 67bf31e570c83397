"""The ranking at other budgets: whether less training, data or time would have told otherwise.

Each budget is read where all finished cells have got to, so that every arm stays in the ranking.
All of it is exploratory: the study declared its end, and nothing here corrects for looking again.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from infra.budget import Budget, common_reach
from infra.compare import Leaderboard, leaderboard
from infra.plan import Plan
from infra.records import CellRecord
from infra.tables import MISSING, Table

AXES = ("steps", "examples", "seconds")
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the common reach
_MOST_RANKED = 8


def elsewhere_table(plan: Plan, records: Mapping[str, CellRecord], end: Leaderboard) -> Table:
    """A row per budget with its ranking, the pairs that swapped places, and verdicts that differ.

    Args:
        plan: What was to run.
        records: What is known of each cell, by key.
        end: The leaderboard at the study's own budget.
    """
    boards, notes = other_boards(plan, records, end)
    rows = [(end.budget, _ranking(end), MISSING, MISSING)]
    rows += [
        (b.budget, _ranking(b), _listed(_swaps(end, b)), _listed(_other_verdicts(end, b)))
        for b in boards
    ]
    return Table(
        title="Ranking at other budgets",
        columns=("budget", "ranking, best mean first", "swapped", "verdicts unlike the end's"),
        rows=tuple(rows) if boards else (),
        notes=(*_summary(end, boards), *notes),
    )


def other_boards(
    plan: Plan, records: Mapping[str, CellRecord], end: Leaderboard
) -> tuple[list[Leaderboard], list[str]]:
    """Leaderboards within the common reach of each axis; why an axis has none.

    Budgets at which every cell reads as at one before are left out.
    """
    finished = [record for record in records.values() if record.status == "finished"]
    boards: list[Leaderboard] = []
    notes = []
    for axis in AXES if finished else ():
        try:
            reach = common_reach(axis, finished, plan.metric)
            if reach is None:
                notes.append(f"{axis}: the finished cells have no stretch in common")
                continue
            read = [leaderboard(plan, records, budget) for budget in _budgets(axis, *reach)]
        except ValueError as error:
            notes.append(str(error))
            continue
        new = [b for b in read if not any(_same_readings(b, old) for old in (end, *boards))]
        boards += new
        if not new:
            notes.append(f"{axis}: reads as the budgets above do")
    return boards, notes


def _budgets(axis: str, first: float, last: float) -> list[Budget]:
    amounts = [_rounded_down(axis, share * last) for share in SHARES]
    return [Budget(axis, a) for a in dict.fromkeys(amounts) if a > 0 and a >= first]


def _rounded_down(axis: str, amount: float) -> float:
    """To a whole number or three digits, so that a reader can type it."""
    if amount <= 0 or (axis != "seconds" and amount >= 1):
        return float(math.floor(amount))
    unit = 10.0 ** (math.floor(math.log10(amount)) - 2)
    rounded = float(f"{math.floor(amount / unit) * unit:.3g}")
    return rounded if rounded <= amount else amount


def _same_readings(one: Leaderboard, two: Leaderboard) -> bool:
    ours, theirs = ({row.arm: row.values for row in board.rows} for board in (one, two))
    return all(
        (a is None and b is None)
        or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9))
        for arm in ours
        for a, b in zip(ours[arm], theirs[arm], strict=True)
    )


def _ranking(board: Leaderboard) -> str:
    ranked = [row.arm for row in board.rows if row.mean is not None]
    more = f" › … ({len(ranked)} in all)" if len(ranked) > _MOST_RANKED else ""
    return " › ".join(ranked[:_MOST_RANKED]) + more


def _swaps(end: Leaderboard, other: Leaderboard) -> list[str]:
    """Pairs of arms whose means stand the other way round than at the end."""
    before, after = (
        {row.arm: row.mean for row in board.rows if row.mean is not None} for board in (end, other)
    )
    return [
        f"{one} / {two}"
        for one, two in combinations(before, 2)
        if (before[one] - before[two]) * (after[one] - after[two]) < 0
    ]


def _other_verdicts(end: Leaderboard, other: Leaderboard) -> Iterator[str]:
    before = {row.arm: row.verdict for row in end.rows}
    for row in other.rows:
        if row.verdict != before[row.arm]:
            yield f"{row.arm}: {row.verdict}"


def _summary(end: Leaderboard, boards: Sequence[Leaderboard]) -> Iterator[str]:
    """Where the ranking flips, first of all where one verdict contradicts another."""
    if not boards:
        return
    yield "exploratory: the study declared its end, and no interval corrects for further looks"
    flips = [board.budget for board in boards if _swaps(end, board)]
    if not flips:
        yield "no pair of arms swaps places at any of these budgets"
        return
    yield f"the ranking of the means flips at {', '.join(flips)}"
    verdicts = {row.arm: row.verdict for row in end.rows}
    against = {("better", "worse"), ("worse", "better")}
    reversed_at = [
        f"{row.arm} is {row.verdict} at {board.budget} and {verdicts[row.arm]} at the end"
        for board in boards
        for row in board.rows
        if (row.verdict, verdicts[row.arm]) in against
    ]
    yield from reversed_at
    if not reversed_at:
        yield "no arm turns from better to worse or back: such swaps of means may be noise"


def _listed(texts: Iterator[str] | Sequence[str]) -> str:
    some = list(texts)
    more = f", … ({len(some)} in all)" if len(some) > _MOST_RANKED else ""
    return (", ".join(some[:_MOST_RANKED]) + more) or MISSING
