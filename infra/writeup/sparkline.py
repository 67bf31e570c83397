"""A curve in a line of text, for a terminal."""

from collections.abc import Iterable
from math import isfinite

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Iterable[float], width: int = 16) -> str:
    """The curve from its lowest to its highest value, "" for none.

    Of more values than the width some are shown, evenly spaced, first and last among them.
    """
    known = [value for value in values if isfinite(value)]
    if len(known) > width:
        known = [known[round(i * (len(known) - 1) / (width - 1))] for i in range(width)]
    if not known:
        return ""
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in known)
