"""One leaderboard over several sweeps that ask about the same metric.

Each arm keeps the difference and the verdict of its own sweep, which has the baseline, the seeds
and the error that they rest on; across sweeps the means are ranked and nothing is decided.
"""

import math
from collections.abc import Mapping

from infra.answer.board import Leaderboard
from infra.answer.compare import STUDY_BUDGET
from infra.errors import Refused
from infra.writeup.tables import MISSING, Table, board_row

SHARED = ("metric", "mode", "scale", "budget")
_COLUMNS = (
    "sweep",
    "arm",
    " n",
    " failed",
    " mean ± 95 %",
    " sd",
    " minus own baseline",
    "verdict",
)


def several_table(boards: Mapping[str, Leaderboard], top: int = 0) -> Table:
    """Every arm of every sweep, best mean first; arms without a finished cell last.

    Args:
        boards: Leaderboards by the names of their sweeps.
        top: How many arms, 0 for all.

    Raises:
        Refused: Where two sweeps differ in metric, mode, scale or budget.
    """
    first, one = next(iter(boards.items()))
    for name, other in boards.items():
        for law in SHARED:
            if (ours := getattr(other, law)) != (theirs := getattr(one, law)):
                raise Refused(
                    f"sweep {name!r}: must have {law} {theirs!r} as {first!r} has, got {ours!r}; "
                    "rank it by itself"
                )
    sign = 1 if one.mode == "min" else -1
    ranked = sorted(
        ((name, row) for name, board in boards.items() for row in board.rows),
        key=lambda pair: math.inf if pair[1].mean is None else sign * pair[1].mean,
    )
    left = len(ranked) - len(ranked := ranked[: top or None])
    better = "less" if one.mode == "min" else "more"
    title = f"{len(boards)} sweeps ({one.scale}): {one.metric}, {better} is better, at {one.budget}"
    rows = [(name, *board_row(row)[: len(_COLUMNS) - 1]) for name, row in ranked]
    used = [i for i in range(len(_COLUMNS)) if any(row[i] != MISSING for row in rows)]
    elsewhere = one.budget != STUDY_BUDGET
    return Table(
        title=title,
        columns=tuple(_COLUMNS[i] for i in used),
        rows=tuple(tuple(row[i] for i in used) for row in rows),
        strong=frozenset(i for i, (_, row) in enumerate(ranked) if row.verdict == "better"),
        notes=(
            "verdicts are those of each sweep against its own baseline; the order across sweeps is "
            "that of the means and decides nothing",
            *(("seconds and dollars compare on one machine only",) if elsewhere else ()),
            *((f"{left} more arms, without --top",) if left else ()),
        ),
        widths=(22, 22, *(0 for _ in used[2:])),
    )
