"""Points told from inside of a script, in one line, whatever trains it.

    ablate.report(step, val_loss=loss)

Outside of a sweep, and on all ranks but the first, nothing happens. It imports nothing heavy.
"""

import json
import os
from numbers import Real

POINTS = "ABLATE_POINTS"  # the file of a cell's points, told by whoever starts the script
_RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "LOCAL_RANK")


def report(step: int, **metrics: Real) -> None:
    """A point of this cell.

    Args:
        step: Of training; it rises from point to point.
        metrics: Numbers by name, also tensors of one element. Names that are no words are given as
            `**{"val/loss": loss}`.

    Raises:
        TypeError: When a metric is no number.
        OSError: When the point cannot be kept.
    """
    path = os.environ.get(POINTS)
    if not path or _rank():
        return
    told = {"step": int(step), **{name: _number(name, v) for name, v in metrics.items()}}
    with open(path, "a") as file:
        file.write(json.dumps(told) + "\n")


def _number(name: str, value: object) -> float:
    try:
        return float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"report: metric {name!r} must be a number, got {type(value).__name__}; leave it out"
        ) from error


def _rank() -> int:
    """The number of this process among those that train together, 0 where it is alone."""
    return next((int(os.environ[name]) for name in _RANKS if name in os.environ), 0)
