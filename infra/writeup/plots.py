"""Two pictures of a sweep: curves of the study's metric, and differences to the baseline.

`write_plots` keeps them as PNG; infra/writeup/report.py sets them as SVG into its page.

The same ledger gives the same bytes. Colours are those of Okabe and Ito, which colour-blind readers
tell apart; verdicts differ in marker shape as well.
"""

import math
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

from infra.answer.board import Leaderboard, Row, best_rows
from infra.answer.compare import leaderboard
from infra.answer.diagnosis import diagnose_cell
from infra.answer.verdicts import Difference
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import MANY_ARMS, joined

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", (0, (6, 1.5)), (0, (2, 1)), (0, (8, 1.5, 2, 1.5)), (0, (1, 1)), (0, (4, 3)))
GREY = "#888888"
MARKS = {
    "better": ("o", "#0072B2"),
    "worse": ("X", "#D55E00"),
    "equivalent": ("s", "#009E73"),
    "control": ("D", GREY),
}
UNITS = ("nats", "bits", "s", "ms", "px", "gib", "fraction", "percent", "usd", "mse")
_TICKS = 4  # intervals at most between the numbers of an axis
_MOST_TOGETHER = 4  # arms whose bands can be told apart in one panel
_LOG_RANGE = 30.0  # a positive metric that spans more than this is drawn on a logarithmic axis
_FAR = 8.0  # what reaches this many times the median is cut off, so that the rest can be read


@dataclass(frozen=True)
class Picture:
    """A matplotlib figure without a heading, and the lines to be put above or below it."""

    figure: Any
    lines: tuple[str, ...]


def write_plots(plan: Plan, records: Mapping[str, CellRecord], folder: Path) -> list[Path]:
    """curves.png and differences.png in the folder; a picture of nothing is not written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in pictures(plan, records).items():
        picture.figure.suptitle("\n".join(picture.lines), fontsize=10, parse_math=False)
        written.append(_save(picture.figure, folder / f"{name}.png"))
    return written


def pictures(
    plan: Plan, records: Mapping[str, CellRecord], width_in: float = 9.0
) -> dict[str, Picture]:
    """The pictures `curves` and `differences`, without those that would show nothing.

    More than nine arms get panels that need more than the width; of more than `MANY_ARMS` the best
    are drawn, and the baseline.
    """
    import matplotlib

    board = leaderboard(plan, records)
    if len(plan.arms) > MANY_ARMS:
        board = replace(board, rows=tuple(best_rows(board, MANY_ARMS)))
    shown = {row.arm for row in board.rows}
    curves = {arm: _curves(plan, records, arm) for arm in plan.arms if arm in shown}
    with matplotlib.rc_context({"text.parse_math": False}):  # a name with dollars is no formula
        drawn = {
            "curves": _draw_curves(plan, curves, width_in),
            "differences": _draw_forest(board, width_in),
        }
    of_all = f"the best {MANY_ARMS} of {len(plan.arms)} arms"
    more = {"curves": f"{of_all} and the baseline", "differences": of_all}
    short = len(shown) < len(plan.arms)
    return {
        name: replace(picture, lines=(*picture.lines, more[name])) if short else picture
        for name, picture in drawn.items()
        if picture
    }


class _Seed(NamedTuple):
    """One cell: whether it finished, step to value, and the step of its label, if it has one."""

    finished: bool
    curve: dict[int, float]
    labelled: int | None


def _curves(plan: Plan, records: Mapping[str, CellRecord], arm: str) -> list[_Seed]:
    """The seeds of an arm that have points."""
    own = [_seed(plan, records[cell.key]) for cell in plan.cells_of[arm]]
    return [seed for seed in own if seed.curve]


def _seed(plan: Plan, record: CellRecord) -> _Seed:
    curve = {p.step: p.metrics[plan.metric] for p in record.points if plan.metric in p.metrics}
    label = diagnose_cell(plan, record)
    since = [step for step in curve if label and step >= label.step] or list(curve)[-1:]
    return _Seed(record.status == "finished", curve, since[0] if label and since else None)


def _mean_curve(curves: Sequence[_Seed]) -> list[tuple[int, float]]:
    """Over finished seeds, at the steps that all of them reported."""
    finished = [seed.curve for seed in curves if seed.finished]
    steps = sorted(set.intersection(*map(set, finished))) if finished else []
    return [(step, math.fsum(c[step] for c in finished) / len(finished)) for step in steps]


def _draw_curves(plan: Plan, curves: Mapping[str, list[_Seed]], width_in: float) -> Picture | None:
    found = {arm: [v for seed in own for v in seed.curve.values()] for arm, own in curves.items()}
    values = {arm: own for arm, own in found.items() if own}
    levels = {arm: fmean(own) for arm, own in values.items() if arm in plan.controls}
    curves = {arm: own for arm, own in curves.items() if arm not in plan.controls}
    if not values.keys() & curves.keys():
        return None
    alone = len(curves) <= _MOST_TOGETHER
    figure, axes = _panels(1 if alone else len(curves), width_in)
    for index, arm in enumerate(curves):
        axis, look = (axes[0], index) if alone else (axes[index], 0)
        if not alone and arm != plan.baseline:
            _draw_arm(axis, curves.get(plan.baseline, []), GREY, DASHES[1], "")
        _draw_arm(axis, curves[arm], COLORS[look], DASHES[look], arm)
        if not alone:
            axis.set_title(_wrapped(arm, 36), fontsize=8)
    for axis in axes:
        axis.xaxis.get_major_locator().set_params(nbins=_TICKS, integer=True)
        for index, (arm, level) in enumerate(levels.items()):
            look, name = DASHES[index % len(DASHES)], _wrapped(f"{arm} (control)", 30)
            axis.axhline(level, color=GREY, linestyle=look, linewidth=1, label=name)
    cut = _scale(axes[0], values)
    better = "less" if plan.mode == "min" else "more"
    figure.supylabel(f"{_labelled(plan.metric)}, {better} is better", fontsize=10)
    figure.supxlabel("optimizer steps", fontsize=10)
    note = "thick: mean of finished seeds; band: their range; thin: each seed, dotted if unfinished"
    note += "" if alone else f"; grey: baseline {plan.baseline}"
    if levels:
        note += f"; level: {joined(f'{arm} {level:.3g}' for arm, level in levels.items())}"
    if any(seed.labelled is not None for own in curves.values() for seed in own):
        note += "; crosses: labels"
    if alone:
        axes[0].legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return Picture(figure, (f"{plan.study} ({plan.scale})", note, *cut))


def _panels(count: int, width_in: float) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    columns = 1 if count == 1 else 3 if count <= 9 else 4
    rows = math.ceil(count / columns)
    wide = max(width_in, 3.2 * columns) if columns > 3 else width_in
    size = wide, 1 + wide * (0.45 if count == 1 else 0.75 * rows / columns)
    figure = Figure(figsize=size, dpi=130, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes = list(grid.flat)
    for axis in axes[count:]:
        axis.set_axis_off()
    for axis in axes[:count]:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25, linewidth=0.6)
    return figure, axes[:count]


def _draw_arm(axis: Any, curves: Sequence[_Seed], color: str, dashes: Any, label: str) -> None:
    for finished, curve, labelled in curves:
        style = "-" if finished else ":"
        axis.plot(list(curve), list(curve.values()), style, color=color, linewidth=0.7, alpha=0.5)
        if labelled is not None:
            axis.plot(labelled, curve[labelled], "x", color=color, markersize=7)
    mean = _mean_curve(curves)
    finished = sum(seed.finished for seed in curves)
    if finished > 1:
        at = [[seed.curve[x] for seed in curves if seed.finished] for x, _ in mean]
        ends = list(map(min, at)), list(map(max, at))
        axis.fill_between([x for x, _ in mean], *ends, color=color, alpha=0.15, linewidth=0)
    axis.plot(
        [x for x, _ in mean],
        [y for _, y in mean],
        color=color,
        linestyle=dashes,
        linewidth=2.2,
        label=_wrapped(f"{label} (n = {finished})", 30),
    )


def _scale(axis: Any, values: Mapping[str, list[float]]) -> list[str]:
    """Limits in which most arms can be read, logarithmic over decades; lines on those cut off."""
    spans = {arm: max(own) - min(own) for arm, own in values.items()}
    near = _near(list(spans.values()))
    kept = [v for arm, own in values.items() if spans[arm] <= near for v in own]
    low, high = min(kept), max(kept)
    if low > 0 and high / low > _LOG_RANGE:
        axis.set_yscale("log")
        low, high = low / 1.1, high * 1.1
    elif low <= 0 and max(-low, high) > _LOG_RANGE * (usual := median(map(abs, kept))) > 0:
        axis.set_yscale("symlog", linthresh=usual)
    else:
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        low, high = low - room, high + room
    axis.set_ylim(low, high)
    far = [arm for arm in values if spans[arm] > near]
    return [f"cut off: {arm}, {min(values[arm]):.3g} to {max(values[arm]):.3g}" for arm in far]


def _near(extents: Sequence[float]) -> float:
    """The greatest extent that is no more than `_FAR` times the median one."""
    wide = sorted(extent for extent in extents if extent > 0)
    limit = _FAR * wide[(len(wide) - 1) // 2] if wide else 0.0
    return max(extent for extent in extents if extent <= limit)


def _draw_forest(board: Leaderboard, width_in: float) -> Picture | None:
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
    return Picture(
        figure, (title, f"bars: t intervals, all together at 95 %; ticks: seeds{margin}")
    )


def _reach(differences: Sequence[Difference], margin: float | None) -> float:
    """How far the axis goes to either side of 0."""
    extents = [max(map(abs, (*(d.interval or ()), *d.values))) for d in differences]
    return 1.08 * max(_near(extents), margin or 0.0) or 1.0


def _draw_difference(axis: Any, height: int, row: Row, reach: float) -> None:
    gap = row.difference
    if gap is None:
        return
    mark, color = MARKS.get(row.verdict, ("o", GREY))
    low, high = gap.interval or (gap.mean, gap.mean)
    axis.plot([max(low, -reach), min(high, reach)], [height, height], color=color, linewidth=2)
    axis.plot(gap.values, [height] * len(gap.values), "|", color=color, markersize=9, alpha=0.6)
    face = color if row.verdict in MARKS else "white"
    axis.plot(gap.mean, height, mark, color=color, markerfacecolor=face, markersize=7)
    for side in sorted({math.copysign(1, end) for end in (low, high) if abs(end) > reach}):
        arrow = ">" if side > 0 else "<"
        axis.plot(side * reach, height, arrow, color=color, markersize=7, clip_on=False)
    if abs(gap.mean) > reach:
        _write_mean(axis, height, gap.mean, reach)


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
    axis.xaxis.get_major_locator().set_params(nbins=_TICKS)
    axis.set_ylim(-0.7, len(rows) - 0.3)
    axis.set_yticks(heights, [_wrapped(row.arm, 40) for row in reversed(rows)], fontsize=8)
    verdicts = axis.secondary_yaxis("right")
    verdicts.set_yticks(heights, [_verdict_text(row) for row in reversed(rows)], fontsize=8)
    for side in (axis, verdicts):
        side.tick_params(axis="y", length=0, pad=9)
        side.spines[["top", "left", "right"]].set_visible(False)
    unit = _labelled(board.metric)
    what = _wrapped(f"{unit}, minus {board.baseline}", 60)
    axis.set_xlabel(f"← {less}          {more} →\n{what}", fontsize=9)


def _verdict_text(row: Row) -> str:
    pairs = len(row.difference.seeds) if row.difference else 0
    failed = f", {row.failed} failed" if row.failed else ""
    return f"{row.verdict} (n = {pairs}{failed})"


def _labelled(metric: str) -> str:
    """The metric with its unit apart, where its name carries one."""
    name, _, unit = metric.rpartition("_")
    return f"{name} [{unit}]" if name and unit in UNITS else metric


def _wrapped(text: str, width: int) -> str:
    """All of the text in lines, cut after commas; a name cut short could be that of another arm."""
    lines = [""]
    for part in re.split(r"(?<=[, ])", text):
        if lines[-1] and len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(piece for line in lines for piece in textwrap.wrap(line, width))


def _save(figure: Any, path: Path) -> Path:
    """Without date or version in it, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    figure.savefig(temporary, format="png", metadata={"Software": None})
    return temporary.replace(path)
