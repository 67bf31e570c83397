"""What pictures share: panels, looks of arms, numbers along an axis, names of arms and metrics.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; dashes and, for verdicts,
marker shapes differ as well.
"""

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from infra.colors import COLORS

DASHES = ("-", (0, (6, 1.5)), (0, (2, 1)), (0, (8, 1.5, 2, 1.5)), (0, (1, 1)), (0, (4, 3)))
GREY = "#888888"
MARKS = {
    "better": ("o", "#0072B2"),
    "worse": ("X", "#D55E00"),
    "equivalent": ("s", "#009E73"),
    "control": ("D", GREY),
}
UNITS = ("nats", "bits", "s", "ms", "px", "gib", "fraction", "percent", "usd", "mse")
MOST_TOGETHER = 4  # arms whose bands can be told apart in one panel
_INTERVALS = 4  # at most between the numbers of an axis, so five numbers
_FAR = 8.0  # what reaches this many times the median is cut off, so that the rest can be read


class Look(NamedTuple):
    """How an arm is drawn."""

    color: str
    dashes: Any


class Key(NamedTuple):
    """A line of the legend."""

    text: str
    look: Look


@dataclass(frozen=True)
class Picture:
    """A matplotlib figure without heading and legend, and what is to be put around it.

    Attributes:
        lines: To be put above or below it.
        keys: The legend, which stands beside the figure or, where that is narrow, under it.
    """

    figure: Any
    lines: tuple[str, ...]
    keys: tuple[Key, ...] = ()


def looks(arms: Sequence[str], baseline: str) -> Mapping[str, Look]:
    """The look of each arm: of few arms one each, of many grey for the baseline."""
    if len(arms) <= MOST_TOGETHER:
        return {arm: Look(COLORS[i], DASHES[i]) for i, arm in enumerate(arms)}
    usual, grey = Look(COLORS[0], DASHES[0]), Look(GREY, DASHES[1])
    return {arm: grey if arm == baseline else usual for arm in arms}


def panels(count: int, width_in: float) -> tuple[Any, list[Any]]:
    """A figure and so many axes that share their scales."""
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


def number_axes(axis: Any) -> None:
    """At most five numbers along either axis, all of them inside the frame."""
    few_numbers(axis.xaxis, integer=True)
    few_numbers(axis.yaxis)


def few_numbers(axis: Any, *, integer: bool = False) -> None:
    """At most five numbers along the axis, whose limits are final, and none outside of them."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    if axis.get_scale() == "linear":
        axis.set_major_locator(MaxNLocator(_INTERVALS, integer=integer))
    elif axis.get_scale() == "log":
        axis.set_major_locator(LogLocator(numticks=_INTERVALS + 1))
    low, high = sorted(axis.get_view_interval())
    inside = [at for at in axis.get_majorticklocs() if low <= at <= high]
    if axis.get_scale() != "linear":
        axis.set_minor_formatter(NullFormatter())
        inside = inside if len(inside) > 1 else [low, high]
        inside = inside[:: math.ceil(len(inside) / (_INTERVALS + 1))]
    axis.set_ticks(inside, None if axis.get_scale() == "linear" else [f"{at:.3g}" for at in inside])


def near(extents: Sequence[float]) -> float:
    """The greatest extent that is no more than `_FAR` times the median one."""
    wide = sorted(extent for extent in extents if extent > 0)
    limit = _FAR * wide[(len(wide) - 1) // 2] if wide else 0.0
    return max(extent for extent in extents if extent <= limit)


def labelled(metric: str) -> str:
    """The metric with its unit apart, where its name carries one."""
    name, _, unit = metric.rpartition("_")
    return f"{name} [{unit}]" if name and unit in UNITS else metric


def wrapped(text: str, width: int) -> str:
    """All of the text in lines, cut after commas; a name cut short could be that of another arm."""
    lines = [""]
    for part in re.split(r"(?<=[, ])", text):
        if lines[-1] and len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(piece for line in lines for piece in textwrap.wrap(line, width))
