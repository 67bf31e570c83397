"""Differences to the baseline: at the end as a row each, and over the steps with their interval."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from infra.answer.along import Along, differences_along
from infra.answer.board import Leaderboard, Row
from infra.answer.verdicts import Difference
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import counted
from infra.writeup.drawing import (
    GREY,
    MARKS,
    Key,
    Look,
    Picture,
    few_numbers,
    labelled,
    looks,
    near,
    number_axes,
    panels,
    wrapped,
)
from infra.writeup.frame import cut_away

_ROOM = 1.3  # times how far the ends reach: the height over steps


def draw_along(
    plan: Plan, records: Mapping[str, CellRecord], board: Leaderboard, width_in: float
) -> Picture | None:
    """Each arm minus the baseline over steps, paired by seed; None without two paired seeds."""
    told = [
        one
        for one in differences_along(plan, records, board)
        if len(one.differences) > 1 and all(gap.interval for gap in one.differences.values())
    ]
    if not told:
        return None
    shown = {row.arm for row in board.rows}
    trained = [arm for arm in plan.trained if arm in shown]
    look = looks(trained, plan.baseline)
    told.sort(key=lambda one: trained.index(one.row.arm))
    alone = look[plan.baseline].color != GREY
    figure, axes = panels(1 if alone else len(told), width_in)
    reach = _ROOM * _reach([one.row.difference for one in told if one.row.difference], board.margin)
    axes[0].set_ylim(-reach, reach)
    for index, one in enumerate(told):
        axis = axes[0] if alone else axes[index]
        _draw_over_steps(axis, one, look[one.row.arm])
        if not alone:
            axis.set_title(f"{wrapped(one.row.arm, 36)}\n{_verdict_text(one.row)}", fontsize=8)
    for axis in axes:
        axis.axhline(0, color="black", linewidth=0.8)
        if board.margin is not None:
            axis.axhspan(-board.margin, board.margin, color=GREY, alpha=0.15, linewidth=0)
        number_axes(axis)
    figure.supylabel(f"{labelled(board.metric)}, minus {wrapped(plan.baseline, 40)}", fontsize=9)
    figure.supxlabel("optimizer steps", fontsize=10)
    below = "below" if board.mode == "min" else "above"
    note = (
        f"{below} 0 is better; line: mean of the paired seeds; band: t interval at "
        f"{100 * board.confidence:.4g} %; its last point is what the verdict reads"
    )
    note += "" if board.margin is None else "; shaded: the margin"
    gaps = [gap for one in told for gap in one.differences.values()]
    cut = cut_away([gap.mean for gap in gaps], -reach, reach)
    wide = sum(max(map(abs, gap.interval or (0.0,))) > reach for gap in gaps)
    cut += [f"intervals that reach beyond the frame: {wide} of {len(gaps)}"] if wide else []
    lines = ("differences over steps, paired by seed", note, *cut)
    keys = [Key(_key_text(one.row, reach), look[one.row.arm]) for one in told]
    return Picture(figure, lines, tuple(keys) if alone else ())


def _key_text(row: Row, reach: float) -> str:
    told = f"{row.arm}: {_verdict_text(row)}"
    outside = row.difference and abs(row.difference.mean) > reach
    return f"{told}, outside of the frame" if outside else told


def _draw_over_steps(axis: Any, one: Along, look: Look) -> None:
    steps = list(one.differences)
    means = [gap.mean for gap in one.differences.values()]
    ends = [gap.interval or (gap.mean, gap.mean) for gap in one.differences.values()]
    low, high = zip(*ends, strict=True)
    axis.fill_between(steps, low, high, color=look.color, alpha=0.15, linewidth=0)
    axis.plot(steps, means, color=look.color, linestyle=look.dashes, linewidth=2)
    mark, _ = MARKS.get(one.row.verdict, ("o", GREY))
    face = look.color if one.row.verdict in MARKS else "white"
    last = steps[-1], means[-1]
    axis.errorbar(*last, [[last[1] - low[-1]], [high[-1] - last[1]]], color=look.color, capsize=3)
    axis.plot(*last, mark, color=look.color, markerfacecolor=face, markersize=7)


def draw_forest(board: Leaderboard, width_in: float) -> Picture | None:
    """The differences at the end, a row each; None where no arm has one."""
    rows = [row for row in board.rows if row.difference]
    if not rows:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, 1.2 + 0.42 * len(rows)), dpi=130, layout="constrained")
    axis = figure.subplots()
    reach = _reach([row.difference for row in rows if row.difference], board.margin)
    if board.margin is not None:
        axis.axvspan(-board.margin, board.margin, color=GREY, alpha=0.15, linewidth=0)
    axis.axvline(0, color="black", linewidth=0.8)
    for height, row in enumerate(reversed(rows)):
        _draw_difference(axis, height, row, reach)
    _label_forest(axis, board, rows, reach)
    margin = "" if board.margin is None else "; shaded: the margin"
    title = f"{board.study} ({board.scale}), at {board.budget}: differences paired by seed"
    seeds = list(chain.from_iterable(row.difference.values for row in rows if row.difference))
    outside = sum(abs(value) > reach for value in seeds)
    cut = [f"outside of the frame: {outside} of {counted(len(seeds), 'seed')}"] if outside else []
    note = f"bars: t intervals, all together at 95 %; ticks: seeds{margin}"
    return Picture(figure, (title, note, *cut))


def _reach(differences: Sequence[Difference], margin: float | None) -> float:
    """How far the axis goes to either side of 0."""
    extents = [max(map(abs, (*(d.interval or ()), *d.values))) for d in differences]
    return 1.08 * max(near(extents), margin or 0.0) or 1.0


def _draw_difference(axis: Any, height: int, row: Row, reach: float) -> None:
    gap = row.difference
    if gap is None:
        return
    mark, color = MARKS.get(row.verdict, ("o", GREY))
    low, high = gap.interval or (gap.mean, gap.mean)
    axis.plot([max(low, -reach), min(high, reach)], [height, height], color=color, linewidth=2)
    inside = [value for value in gap.values if abs(value) <= reach]
    axis.plot(inside, [height] * len(inside), "|", color=color, markersize=9, alpha=0.6)
    face = color if row.verdict in MARKS else "white"
    if abs(gap.mean) <= reach:
        axis.plot(gap.mean, height, mark, color=color, markerfacecolor=face, markersize=7)
    else:
        _write_mean(axis, height, gap.mean, reach)
    for side in sorted({math.copysign(1, end) for end in (low, high) if abs(end) > reach}):
        arrow = ">" if side > 0 else "<"
        axis.plot(side * reach, height, arrow, color=color, markersize=7, clip_on=False)


def _write_mean(axis: Any, height: int, mean: float, reach: float) -> None:
    """The number of a mean that lies outside of the axis."""
    side = -1 if mean > 0 else 1
    axis.annotate(
        f"mean {mean:.3g}",
        (-side * reach, height),
        xytext=(6 * side, 9),
        textcoords="offset points",
        ha="right" if side < 0 else "left",
        va="center",
        fontsize=8,
    )


def _label_forest(axis: Any, board: Leaderboard, rows: Sequence[Row], reach: float) -> None:
    less, more = ("better", "worse") if board.mode == "min" else ("worse", "better")
    heights = range(len(rows))
    axis.set_xlim(-reach, reach)
    few_numbers(axis.xaxis)
    axis.set_ylim(-0.7, len(rows) - 0.3)
    axis.set_yticks(heights, [wrapped(row.arm, 40) for row in reversed(rows)], fontsize=9)
    verdicts = axis.secondary_yaxis("right")
    verdicts.set_yticks(heights, [_verdict_text(row) for row in reversed(rows)], fontsize=9)
    for side in (axis, verdicts):
        side.tick_params(axis="y", length=0, pad=9)
        side.spines[["top", "left", "right"]].set_visible(False)
    unit = labelled(board.metric)
    what = wrapped(f"{unit}, minus {board.baseline}", 60)
    axis.set_xlabel(f"← {less}          {more} →\n{what}", fontsize=9)


def _verdict_text(row: Row) -> str:
    pairs = len(row.difference.seeds) if row.difference else 0
    failed = f", {row.failed} failed" if row.failed else ""
    return f"{row.verdict} (n = {pairs}{failed})"
