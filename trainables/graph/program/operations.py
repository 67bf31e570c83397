"""What the interpreter's Messages can do, and how a run may end.

Values are numbers and texts; an operation takes its inputs in order and refuses what it cannot work
on by ending the run, also where a value grows so large that a long run could fill the memory.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import reduce
from itertools import pairwise
from operator import add, lt, sub
from typing import Any

MOST_BITS, MOST_CHARACTERS = 4096, 1000  # of a number and of a text that an operation gives


class Ending(StrEnum):
    """How a run ended; the first two are ends, the limits and the rest are not."""

    HALTED = "halted"  # came to a second Boundary
    RAN_OUT = "ran out"  # came to a node that no execution edge leaves
    STEP_LIMIT = "step limit"
    DATA_LIMIT = "data limit"  # nodes of data; shared ones are worked out for each use
    DATA_CYCLE = "data cycle"
    TYPE_ERROR = "type error"
    MISSING_OPERAND = "missing operand"
    MISSING_ENTRY = "missing entry"  # no Boundary to begin at
    MISSING_EDGE = "missing edge"  # others leave the node, and none has the index that is needed
    MISSING_LITERAL = "missing literal"  # a State without name, or a datum that has none
    UNKNOWN_OPERATION = "unknown operation"
    VALUE_TOO_LARGE = "value too large"

    @property
    def halts(self) -> bool:
        """Whether the program came to its end by itself and unharmed."""
        return self in (Ending.HALTED, Ending.RAN_OUT)


class Ended(Exception):
    """Ends a run from within an operation, or at a node whose datum cannot be worked out."""

    def __init__(self, ending: Ending, node: int | None = None):
        self.ending, self.node = ending, node


def _alike(values: list[Any], kinds: tuple[type, ...]) -> None:
    """Refuses fewer than two, texts among numbers, and what is neither; truths are no numbers."""
    if len(values) < 2:
        raise Ended(Ending.MISSING_OPERAND)
    kind = str if type(values[0]) is str else (int, float)
    for value in values:
        if type(value) not in kinds or not isinstance(value, kind):
            raise Ended(Ending.TYPE_ERROR)


def _folded(values: list[Any], kinds: tuple[type, ...], of: Callable[[Any, Any], Any]) -> Any:
    """The values taken together from the left."""
    _alike(values, kinds)
    try:
        value = reduce(of, values)
    except OverflowError:  # an integer that no float can hold
        raise Ended(Ending.VALUE_TOO_LARGE) from None
    large = len(value) > MOST_CHARACTERS if type(value) is str else _is_large(value)
    if large:
        raise Ended(Ending.VALUE_TOO_LARGE)
    return value


def _is_large(value: int | float) -> bool:
    return type(value) is int and value.bit_length() > MOST_BITS


def _ascends(values: list[Any], printed: list[Any]) -> bool:
    _alike(values, (int, float, str))
    return all(lt(a, b) for a, b in pairwise(values))


def nothing(values: list[Any], printed: list[Any]) -> None:
    """What an operation without a name does."""


def _print(values: list[Any], printed: list[Any]) -> Any:
    printed.extend(values)
    return values[0]


# Each takes its inputs in order, two or more (`print` one or more), and what has been printed.
OPERATIONS: dict[str, Callable[[list[Any], list[Any]], Any]] = {
    "+": lambda values, printed: _folded(values, (int, float, str), add),
    "-": lambda values, printed: _folded(values, (int, float), sub),
    "<": _ascends,
    "print": _print,
}
