"""Other values of a config's fields, which may wake what is switched off.

A field is off at 0, False, None, -1, "" or "none". What else it may be is told by its annotation,
or overheard: a text that remembers what it is compared with says which kinds there are.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from infra.study.study import replace_fields

_OFF_WORDS = ("", "none", "null", "off", "no", "disabled")
_ON: dict[Any, tuple[Any, ...]] = {bool: (True,), int: (1,), float: (1.0, 0.5)}


def is_off(value: Any) -> bool:
    """Whether a value commonly says that something is switched off."""
    if isinstance(value, str):
        return value.lower() in _OFF_WORDS
    return value is None or value == () or (isinstance(value, int | float) and value in (0, -1))


class Overheard(str):
    """A text that remembers the texts that it is compared with."""

    heard: set[str]

    def __new__(cls, text: str) -> "Overheard":
        """Of that text, with nothing heard yet."""
        made = super().__new__(cls, text)
        made.heard = set[str]()
        return made

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            self.heard.add(str(other))
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def listening(config: Any) -> tuple[Any, dict[str, Overheard]]:
    """The config with its texts overheard, and these by their dotted names.

    Its own checks are asked with a text that none of them knows, so that they go through them all.
    """
    texts = {n: Overheard(v) for n, v, _ in _leaves(config) if type(v) is str}
    for name, text in texts.items():
        stranger = Overheard(f"not {text}")
        with suppress(Exception):
            replace_fields(config, {name: stranger})
        text.heard |= stranger.heard - {str(stranger)}
    with suppress(Exception):
        return replace_fields(config, texts), texts
    return config, texts


def switches(config: Any, texts: dict[str, Overheard]) -> Iterator[tuple[str, Any]]:
    """Fields, dotted, each with a value that may wake something."""
    for name, value, kind in _leaves(config):
        others = _others(value, kind)
        if name in texts:
            others += tuple(sorted(texts[name].heard - {value}))
        yield from ((name, other) for other in dict.fromkeys(others))


def off_fields(config: Any) -> list[str]:
    """Those that None, -1 or a text says to be off, which another value may not be known of."""
    return [name for name, value, _ in _leaves(config) if is_off(value) and value not in (0, ())]


def _others(value: Any, kind: Any) -> tuple[Any, ...]:
    kinds = [kind, *get_args(kind)] if get_origin(kind) is not Literal else [kind]
    told = [other for one in kinds if get_origin(one) is Literal for other in get_args(one)]
    if not is_off(value) or isinstance(value, str):
        return tuple(other for other in told if other != value)
    if value is None:
        numbers = [on for one in kinds for on in _ON.get(one, ())]
        made = [one() for one in kinds if isinstance(one, type) and _is_component(one)]
        return (*told, *numbers, *made) or (_ON[float] if kind is Any else ())
    return (*told, *_ON.get(type(value), ()))


def _is_component(kind: type) -> bool:
    """Whether it is one, and can be made without being told anything."""
    if not is_dataclass(kind):
        return False
    try:
        kind()
    except (TypeError, ValueError):
        return False
    return True


def _leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Fields that are no components, dotted, with their values and annotations."""
    kinds = get_type_hints(type(config))
    for one in fields(config):
        name, value = prefix + one.name, getattr(config, one.name)
        if is_dataclass(value) and not isinstance(value, type):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value, kinds.get(one.name, NoneType)
