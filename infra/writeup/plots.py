"""The pictures of a sweep: curves, differences at the end and over the steps, sampled values.

`write_plots` keeps them as PNG; infra/writeup/report.py sets them as SVG into its page. The same
ledger gives the same bytes.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.answer.board import Leaderboard, best_rows
from infra.answer.compare import leaderboard
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import MANY_ARMS
from infra.writeup.curves import draw_curves, train_metrics
from infra.writeup.differences import draw_along, draw_forest
from infra.writeup.drawing import Picture, wrapped
from infra.writeup.parallel import draw_parallel

MOST_TRAIN_METRICS = 6
Records = Mapping[str, CellRecord]


def write_plots(plan: Plan, records: Records, folder: Path) -> list[Path]:
    """A PNG for each picture in the folder; a picture of nothing is not written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in pictures(plan, records).items():
        picture.figure.suptitle("\n".join(picture.lines), fontsize=10, parse_math=False)
        _add_legend(picture)
        written.append(_save(picture.figure, folder / f"{name}.png"))
    return written


def pictures(
    plan: Plan, records: Records, width_in: float = 9.0, board: Leaderboard | None = None
) -> dict[str, Picture]:
    """The pictures by name, without those that would show nothing.

    More than nine arms get panels that need more than the width; of more than `MANY_ARMS` the best
    are drawn, and the baseline.

    Args:
        plan: What was to run.
        records: What is known of each cell, by key.
        width_in: Of a picture, in inches.
        board: The leaderboard of these records, where it is at hand.
    """
    import matplotlib

    whole = board or leaderboard(plan, records)
    board = whole
    if len(plan.arms) > MANY_ARMS:
        board = replace(whole, rows=tuple(best_rows(whole, MANY_ARMS)))
    with matplotlib.rc_context({"text.parse_math": False}):  # a name with dollars is no formula
        drawn = {
            "curves": draw_curves(plan, records, board, plan.metric, width_in),
            "differences": draw_forest(board, width_in),
            "over_steps": draw_along(plan, records, board, width_in),
        }
        drawn["sampled"] = draw_parallel(plan, whole, width_in)
    of_all = f"the best {MANY_ARMS} of {len(plan.arms)} arms"
    more = {"curves": f"{of_all} and the baseline", "sampled": "every draw"}
    short = len(board.rows) < len(plan.arms)
    return {
        name: replace(picture, lines=(*picture.lines, more.get(name, of_all))) if short else picture
        for name, picture in drawn.items()
        if picture
    }


def training_pictures(
    plan: Plan, records: Records, board: Leaderboard, width_in: float
) -> dict[str, Picture]:
    """Curves of what runs report of training, by metric; of many metrics the first ones."""
    import matplotlib

    board = replace(board, rows=tuple(best_rows(board, MANY_ARMS)))
    with matplotlib.rc_context({"text.parse_math": False}):
        drawn = {
            name: draw_curves(plan, records, board, name, width_in)
            for name in train_metrics(plan, records)[:MOST_TRAIN_METRICS]
        }
    return {name: picture for name, picture in drawn.items() if picture}


def _add_legend(picture: Picture) -> None:
    """The legend to the right of the axes."""
    from matplotlib.lines import Line2D

    if not picture.keys:
        return
    lines = [Line2D([], [], color=k.look.color, linestyle=k.look.dashes) for k in picture.keys]
    names = [wrapped(key.text, 30) for key in picture.keys]
    picture.figure.legend(lines, names, frameon=False, fontsize=9, loc="outside right center")


def _save(figure: Any, path: Path) -> Path:
    """Without date or version in it, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    figure.savefig(temporary, format="png", metadata={"Software": None})
    return temporary.replace(path)
