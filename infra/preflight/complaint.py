"""What is wrong with a plan, in lines that name subject, law, value and remedy."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.words import joined


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


def listed(names: Sequence[str]) -> str:
    """`arm 'a'`, or `arms 'a' and 'b'`."""
    return ("arm " if len(names) == 1 else "arms ") + joined(map(repr, names))
