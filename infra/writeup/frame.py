"""How much of the curves is in the frame: what most arms, and what the differences, need."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from infra.words import counted
from infra.writeup.drawing import near

_LOG_RANGE = 30.0  # a positive metric that spans more than this is drawn on a logarithmic axis
_PARTS = 12  # a decided difference takes no less than this part of the height
_ENDS = 1.6  # heights of where the curves end that are shown at the least

Span = tuple[float, float]


def frame(
    axis: Any,
    values: Mapping[str, Sequence[float]],
    ends: Mapping[str, Sequence[float]] | None = None,
    difference: float = 0.0,
) -> list[str]:
    """Limits in which the arms can be read, logarithmic over decades; lines on what is cut away.

    Args:
        axis: To be limited.
        values: Every value drawn, by arm.
        ends: Those among them with which arms end.
        difference: The smallest one that is decided, which must be seen; 0 without any.
    """
    kept = _near_arms(values, {arm: max(own) - min(own) for arm, own in values.items()})
    if difference and ends:
        middle = median([v for own in ends.values() for v in own])
        kept = _near_arms(
            kept,
            {arm: max((abs(v - middle) for v in ends.get(arm, ())), default=0.0) for arm in kept},
        )
    drawn = [v for own in kept.values() for v in own]
    last = [v for arm, own in (ends or {}).items() if arm in kept for v in own]
    low, high = min(drawn), max(drawn)
    if difference and last:
        low, high = _clipped((low, high), (min(last), max(last)), difference)
    low, high = _scaled(axis, [v for v in drawn if low <= v <= high], (low, high))
    axis.set_ylim(low, high)
    told = [
        f"cut off: {arm}, {min(own):.3g} to {max(own):.3g}"
        for arm, own in values.items()
        if arm not in kept
    ]
    return [*told, *cut_away(drawn, low, high)]


def _near_arms(
    values: Mapping[str, Sequence[float]], extents: Mapping[str, float]
) -> Mapping[str, Sequence[float]]:
    """Those whose extent is not far beyond the usual one."""
    limit = near(list(extents.values()))
    return {arm: own for arm, own in values.items() if extents[arm] <= limit}


def _clipped(whole: Span, ends: Span, difference: float) -> Span:
    """A frame around where the curves end that lets the difference be seen."""
    height = max(_PARTS * difference, _ENDS * (ends[1] - ends[0]))
    above, below = whole[1] - ends[1], ends[0] - whole[0]
    room = max(0.0, height - (ends[1] - ends[0]))
    if above + below <= room:
        return whole
    return ends[0] - room * below / (above + below), ends[1] + room * above / (above + below)


def _scaled(axis: Any, shown: Sequence[float], frame: Span) -> Span:
    """The frame with some room, on the scale that suits it."""
    low, high = frame
    if low > 0 and high / low > _LOG_RANGE:
        axis.set_yscale("log")
        return low / 1.1, high * 1.1
    if low <= 0 and max(-low, high) > _LOG_RANGE * (usual := median(map(abs, shown))) > 0:
        axis.set_yscale("symlog", linthresh=usual)
        return low, high
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def cut_away(values: Sequence[float], low: float, high: float) -> list[str]:
    """A line on how many points lie outside of the frame, none where all are in it."""
    above, below = sum(v > high for v in values), sum(v < low for v in values)
    sides = [f"{above} above {high:.3g}"] if above else []
    sides += [f"{below} below {low:.3g}"] if below else []
    whole = counted(len(values), "point")
    told = f"cut away of {whole}, so that differences can be seen: {', '.join(sides)}"
    return [told] if sides else []
