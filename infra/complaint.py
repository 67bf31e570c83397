"""What is wrong with a plan, in lines that name subject, law, value and remedy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb

from infra.reported import CellFailed

_MOST_NAMED = 5  # arms or values in a line


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong, or that a reader must know.

    Attributes:
        text: Subject, law, value, remedy in one line.
        fatal: Whether the sweep must not start.
        unproven: Whether it is about something that could not be tried.
    """

    text: str
    fatal: bool = True
    unproven: bool = False


def joined(words: Iterable[str], most: int = _MOST_NAMED) -> str:
    """`a`, `a and b`, `a, b and c`, or the first ones and how many more."""
    *some, last = words
    if len(some) > most:
        some, last = some[:most], f"{len(some) + 1 - most} more"
    return f"{', '.join(some)} and {last}" if some else last


def listed(names: Sequence[str]) -> str:
    """`arm 'a'`, or `arms 'a' and 'b'`."""
    return ("arm " if len(names) == 1 else "arms ") + joined(map(repr, names))


def first_line(error: BaseException) -> str:
    """What was raised and where, as the end of a complaint."""
    text = " ".join(str(error).split())[:300]
    frames = [f for f in extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    if isinstance(error, CellFailed):
        return f"it breaks a law: {text}"
    return f"it raises {type(error).__name__}{where}: {text}"
