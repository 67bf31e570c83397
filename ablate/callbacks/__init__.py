"""Points told from inside of other trainers, by `ablate.report`; each imports its library alone."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ablate.reporting import report


def tell(step: int, metrics: Mapping[str, Any]) -> None:
    """A point of this cell, of those metrics that are numbers, also as tensors of one element."""
    found = dict[str, float]()
    for name, value in metrics.items():
        if name != "step" and not isinstance(value, str | bool):
            with suppress(TypeError, ValueError, RuntimeError):  # the last of tensors of several
                found[name] = float(value)
    if found:
        report(step, **found)  # pyright: ignore[reportArgumentType]
