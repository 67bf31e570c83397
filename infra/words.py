"""Names and counts in a sentence."""

from collections.abc import Iterable

MANY_ARMS = 30  # above them a leaderboard is told in short
_MOST_NAMED = 5  # arms or values in a line


def joined(words: Iterable[str], most: int = _MOST_NAMED) -> str:
    """`a`, `a and b`, `a, b and c`, or the first ones and how many more."""
    *some, last = words
    if len(some) > most:
        some, last = some[:most], f"{len(some) + 1 - most} more"
    return f"{', '.join(some)} and {last}" if some else last


def counted(number: int, noun: str) -> str:
    """`1 arm`, `4 arms`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
