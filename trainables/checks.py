"""Checks that configs of all systems share: types, limits of numbers, listed values."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from math import isfinite
from numbers import Integral, Real
from operator import attrgetter
from typing import Any, Literal, get_args, get_origin, get_type_hints

_PLAIN: dict[Any, tuple[type, str]] = {
    bool: (bool, "True or False"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
}


def refuse_types(config: Any, prefix: str = "") -> None:
    """ValueError for the first field, dotted, of another type than it is declared with.

    A whole number is a number too, True and False are none, and a list does for a tuple. Values of
    listed ones are left to `refuse_unlisted`.
    """
    for name, kind in _kinds(type(config)).items():
        value = getattr(config, name)
        if not _is(value, kind):
            raise ValueError(f"{prefix}{name} must be {_named(kind)}, got {value!r}")
        if is_dataclass(value):
            refuse_types(value, f"{prefix}{name}.")


_kinds = cache(get_type_hints)  # a sweep of many arms asks them of a class thousands of times


def _is(value: object, kind: Any) -> bool:
    of = get_args(kind)
    if kind in _PLAIN:
        return isinstance(value, _PLAIN[kind][0]) and (kind is bool or not isinstance(value, bool))
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple | list):
            return False
        kinds = of[:1] * len(value) if of[1:] == (...,) else of
        return len(value) == len(kinds) and all(map(_is, value, kinds))
    return not (isinstance(kind, type) and is_dataclass(kind)) or isinstance(value, kind)


def _named(kind: Any) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind][1]
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def refuse_numbers(config: Any, limits: Mapping[str, str]) -> None:
    """ValueError for the first of the fields, by dotted name, that is not within its limit."""
    for limit, names in limits.items():
        for name in names.split():
            value = attrgetter(name)(config)
            within = {
                "at least 1": value >= 1,
                "above 0": value > 0,
                "at least 0": value >= 0,
                "finite": isfinite(value),
            }
            if not within[limit]:
                raise ValueError(f"{name} must be {limit}, got {value}")


def refuse_unlisted(config: Any) -> None:
    """ValueError for the first field, dotted, that has another value than those listed for it."""
    for name, value, known in _literals(config):
        if value not in known:
            raise ValueError(f"{name} must be one of {known}, got {value!r}")


def _literals(config: Any, prefix: str = "") -> Iterator[tuple[str, object, tuple[Any, ...]]]:
    """Each value for which a field lists those that it may have, and that list."""
    for name, kind in _kinds(type(config)).items():
        value, of = getattr(config, name), get_args(kind)
        if is_dataclass(value):
            yield from _literals(value, f"{prefix}{name}.")
        elif get_origin(kind) is Literal:
            yield f"{prefix}{name}", value, of
        elif get_origin(kind) is tuple and get_origin(of[0]) is Literal:
            yield from ((f"{prefix}{name}", one, get_args(of[0])) for one in value)
