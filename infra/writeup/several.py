"""One leaderboard over several sweeps that ask about the same metric, own and recorded ones.

Each arm keeps the difference and the verdict of its own sweep, which has the baseline, the seeds
and the error that they rest on; across sweeps the means are ranked and nothing is decided. Where
cells are not of one scale, a column says of which.
"""

import math
from collections.abc import Mapping

from infra.answer.board import Leaderboard
from infra.answer.compare import STUDY_BUDGET
from infra.errors import Refused
from infra.writeup.tables import MISSING, Table, board_row

SHARED = ("metric", "mode", "budget")
_COLUMNS = (
    "sweep",
    "scale",
    "arm",
    " n",
    " failed",
    " mean ± 95 %",
    " sd",
    " minus own baseline",
    "verdict",
)
_UNLIKE_SCALES = (
    "cells of unlike scales differ in size and perhaps in data, and their means with them; record "
    "is what others recorded"
)


def several_table(boards: Mapping[str, Leaderboard], top: int = 0) -> Table:
    """Every arm of every sweep, best mean first; arms without a finished cell last.

    Args:
        boards: Leaderboards by the names of their sweeps.
        top: How many arms, 0 for all.

    Raises:
        Refused: Where two sweeps differ in metric, mode or budget.
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
    scales = list(dict.fromkeys(board.scale for board in boards.values()))
    of_one = len(scales) == 1
    sizes = f"{len(boards)} sweeps ({', '.join(scales)})"
    title = f"{sizes}: {one.metric}, {better} is better, at {one.budget}"
    rows = [
        (name, MISSING if of_one else boards[name].scale, *board_row(row)[: len(_COLUMNS) - 2])
        for name, row in ranked
    ]
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
            *(() if of_one else (_UNLIKE_SCALES,)),
            *(("seconds and dollars compare on one machine only",) if elsewhere else ()),
            *((f"{left} more arms, without --top",) if left else ()),
        ),
        widths=tuple(22 if _COLUMNS[i] in ("sweep", "arm") else 0 for i in used),
    )
