"""Checks that configs of all systems share: numbers within limits, and values that are listed."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from math import isfinite
from operator import attrgetter
from typing import Any, Literal, get_args, get_origin, get_type_hints


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
    for name, kind in get_type_hints(type(config)).items():
        value, of = getattr(config, name), get_args(kind)
        if is_dataclass(value):
            yield from _literals(value, f"{prefix}{name}.")
        elif get_origin(kind) is Literal:
            yield f"{prefix}{name}", value, of
        elif get_origin(kind) is tuple and get_origin(of[0]) is Literal:
            yield from ((f"{prefix}{name}", one, get_args(of[0])) for one in value)
