"""Parallel coordinates of a sampled space: a line per draw through its values and its score."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.answer.board import Leaderboard
from infra.study.plan import Plan
from infra.study.sampling import BASE
from infra.words import counted
from infra.writeup.drawing import COLORS, DASHES, GREY, Key, Look, Picture, labelled, wrapped

_BEST = 4  # one draw in so many is drawn as one of the best
_LOG_RANGE = 30.0  # numbers above 0 that span more than this stand on a logarithmic axis
_LOOKS = {
    "the best quarter": Look(COLORS[0], DASHES[0]),
    BASE: Look(COLORS[1], DASHES[1]),
    "other draws": Look(GREY, DASHES[0]),
}


def draw_parallel(plan: Plan, board: Leaderboard, width_in: float) -> Picture | None:
    """The draws that have a mean; None where arms were not drawn, or fewer than two have one."""
    rows = [row for row in board.rows if row.arm in plan.drawn and row.mean is not None]
    names = list(dict.fromkeys(name for values in plan.drawn.values() for name in values))
    if len(rows) < 2 or not names:
        return None
    from matplotlib.figure import Figure

    configs = {row.arm: plan.cells_of[row.arm][0].config for row in rows}
    columns = {name: [configs[row.arm].get(name) for row in rows] for name in names}
    columns[labelled(plan.metric)] = [row.mean for row in rows]
    heights = [_heights(values) for values in columns.values()]
    figure = Figure(figsize=(width_in, 0.55 * width_in), dpi=130, layout="constrained")
    axis = figure.subplots()
    drawn = [row.arm for row in rows if row.arm != BASE]
    best = set(drawn[: max(1, len(drawn) // _BEST)])
    for index in sorted(range(len(rows)), key=lambda i: (rows[i].arm in best, rows[i].arm == BASE)):
        _draw_line(axis, rows[index].arm, [one[index] for one in heights], best)
    _label(axis, columns)
    less = "less" if plan.mode == "min" else "more"
    title = f"{counted(len(drawn), 'draw')} by their values; {less} of {plan.metric} is better"
    keys = tuple(
        Key(text, look) for text, look in _LOOKS.items() if text != BASE or BASE in configs
    )
    return Picture(figure, (title, "the mean over seeds stands on the right"), keys)


def _draw_line(axis: Any, arm: str, heights: Sequence[float], best: set[str]) -> None:
    kind = BASE if arm == BASE else "the best quarter" if arm in best else "other draws"
    look = _LOOKS[kind]
    wide, alpha = (0.8, 0.6) if kind == "other draws" else (1.8, 0.9)
    axis.plot(
        range(len(heights)), heights, color=look.color, linestyle=look.dashes, linewidth=wide,
        alpha=alpha,
    )  # fmt: skip


def _label(axis: Any, columns: Mapping[str, Sequence[Any]]) -> None:
    """A rule for each axis, its name below, its values beside."""
    for place, values in enumerate(columns.values()):
        axis.axvline(place, color="black", linewidth=0.8)
        for height, text in _marks(values):
            axis.annotate(
                text, (place, height), xytext=(4, 0), textcoords="offset points", fontsize=8,
                va="center",
            )  # fmt: skip
    names = [wrapped(name, 18) for name in columns]
    axis.set_xticks(range(len(names)), names, fontsize=8)
    axis.set_xlim(-0.1, len(names) - 1 + 0.45)
    axis.set_yticks([])
    axis.spines[["top", "left", "right", "bottom"]].set_visible(False)


def _heights(values: Sequence[Any]) -> list[float]:
    """Where each value stands between 0 and 1; what is no number in the order of appearance."""
    import numpy

    places = _numbers(values)
    if places is None:
        choices = sorted(set(map(str, values)))
        places = [float(choices.index(str(value))) for value in values]
    low, high = min(places), max(places)
    if low > 0 and high / low > _LOG_RANGE and _numbers(values) is not None:
        places = list(map(float, numpy.log(places)))
        low, high = min(places), max(places)
    return [(place - low) / (high - low) if high > low else 0.5 for place in places]


def _marks(values: Sequence[Any]) -> list[tuple[float, str]]:
    """The ends of an axis of numbers and what lies in the middle; of choices each."""
    heights = _heights(values)
    known = dict(zip(heights, values, strict=True))
    if _numbers(values) is None:
        return [(height, str(value)) for height, value in known.items()]
    middle = min(known, key=lambda height: abs(height - 0.5))
    return [
        (height, f"{known[height]:.3g}") for height in sorted({0.0, middle, 1.0} & known.keys())
    ]


def _numbers(values: Sequence[Any]) -> list[float] | None:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return list(map(float, values))
    return None
