"""Names and counts in a sentence."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MANY_ARMS = 30  # above them a leaderboard is told in short
_MOST_NAMED = 5  # arms or values in a line
_MOST_CHOICES = 12  # that a message lists whole


def joined(words: Iterable[str], most: int = _MOST_NAMED) -> str:
    """`a`, `a and b`, `a, b and c`, or the first ones and how many more."""
    *some, last = words
    if len(some) > most:
        some, last = some[:most], f"{len(some) + 1 - most} more"
    return f"{', '.join(some)} and {last}" if some else last


def counted(number: int, noun: str) -> str:
    """`1 arm`, `4 arms`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def spans(numbers: Sequence[int]) -> str:
    """`0-2, 5` of 0, 1, 2 and 5, in the order given."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if run[1:] else str(run[0]) for run in runs)


def lasting(seconds: float) -> str:
    """`40 s`, `3 min`, `5 h`, `2 days`."""
    for unit, size, many in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48)):
        if seconds < many * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def choices(known: Iterable[str], got: str) -> str:
    """`a, b, c`; of more than a line holds those nearest to what was typed, and how many in all."""
    all_of_them = list(known)
    if len(all_of_them) <= _MOST_CHOICES:
        return ", ".join(all_of_them)
    near = get_close_matches(got, all_of_them, n=_MOST_NAMED, cutoff=0.3)
    shown = near or all_of_them[:_MOST_NAMED]
    return f"{len(all_of_them)}, such as {', '.join(shown)}"
