"""Which fields of a config a run reads: a copy of the config that remembers what it was asked for.

Reading is not using, since a constructor that stores a value reads it; what a field changes is the
matter of `fingerprint`. But what nobody reads, nothing can use.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any


def recording(config: Any, seen: set[str], prefix: str = "") -> Any:
    """A copy of a frozen config that adds the dotted name of every field asked for to `seen`.

    Components record too. The copy is of a subclass, so that the class's own properties and methods
    work, what these read is recorded, and a class made with slots stays without a `__dict__`. It
    equals its original, so that what a run caches by config is found again; to hash is to read.
    """
    base = type(config)
    names = {field.name for field in fields(config)}
    members: dict[str, Any] = {name: _recorded(base, name, seen, prefix + name) for name in names}
    if base.__dataclass_params__.eq:
        members |= {"__eq__": _equal, "__hash__": base.__hash__, "_original": config}
    copy = object.__new__(type(base.__name__, (base,), {"__slots__": (), **members}))
    for name in names:
        value = getattr(config, name)
        if _is_component(value):
            value = recording(value, seen, f"{prefix}{name}.")
        object.__setattr__(copy, name, value)
    return copy


def field_names(config: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields; a component stands for itself, before its fields."""
    for field in fields(config):
        yield prefix + field.name
        value = getattr(config, field.name)
        if _is_component(value):
            yield from field_names(value, f"{prefix}{field.name}.")


def _equal(self: Any, other: Any) -> Any:
    """What the originals say of each other."""
    for field in fields(self):
        getattr(self, field.name)  # to compare is to read
    return self._original == getattr(type(other), "_original", other)


def _is_component(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _recorded(base: type, name: str, seen: set[str], dotted: str) -> property:
    """The field as a property over its slot, or over the instance's `__dict__`."""
    slot = next((c.__dict__[name] for c in base.__mro__ if _is_slot(c.__dict__.get(name))), None)

    def read(self: Any) -> Any:
        seen.add(dotted)
        return slot.__get__(self, base) if slot else self.__dict__[name]

    def write(self: Any, value: Any) -> None:
        if slot:
            slot.__set__(self, value)
        else:
            self.__dict__[name] = value

    return property(read, write)


def _is_slot(member: Any) -> bool:
    return type(member).__name__ == "member_descriptor"
