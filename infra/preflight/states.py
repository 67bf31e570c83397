"""Where two states differ, and what of a run's own attributes a save did not bring back."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.cell.reported import load_state, same_state
from infra.words import joined

_NAMED = 3  # entries or attributes in a line
_DEEP = 3  # objects within objects whose attributes are looked at


def difference(one: bytes, two: bytes) -> str:
    """The first entries in which saved states differ, dotted; "" where they do not."""
    if one == two:
        return ""
    return _named(_differing(load_state(one), load_state(two), ""))


def attributes(run: Any) -> dict[str, Any]:
    """What the run's attributes hold now, and after them the gradients of its networks."""
    held = {n: v for n, v in getattr(run, "__dict__", {}).items() if n != "cfg"}
    kept = {f"`{name}`": _content(value, 0) for name, value in held.items()}
    return kept | {f"gradients of `{name}`": _gradients(value) for name, value in held.items()}


def unlike(one: Mapping[str, Any], two: Mapping[str, Any]) -> str:
    """The first attributes that differ; gradients, which most runs drop, only if no other does."""
    differ = [name for name in one if name in two and not same_state(one[name], two[name])]
    return _named([n for n in differ if n.startswith("`")] or differ)


def _named(names: Any) -> str:
    found = list(names)
    return joined(found, _NAMED) if found else ""


def _differing(one: Any, two: Any, place: str) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        pairs = {key: (one.get(key), two.get(key)) for key in (*one, *two)}
    elif isinstance(one, list | tuple) and isinstance(two, list | tuple) and len(one) == len(two):
        pairs = dict(enumerate(zip(one, two, strict=True)))
    else:
        pairs = {}
        if not same_state(one, two):
            yield place
    for key, (mine, other) in pairs.items():
        yield from _differing(mine, other, f"{place}.{key}" if place else str(key))


def _content(value: Any, deep: int) -> Any:
    """What of an attribute can be compared: tensors, numbers, text, and what is made of them."""
    import torch

    if isinstance(value, torch.Tensor | int | float | str | bool | type(None)):
        return value.detach().clone() if isinstance(value, torch.Tensor) else value
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, Mapping):
        return {key: _content(one, deep) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_content(one, deep) for one in value]
    if callable(getattr(value, "state_dict", None)):
        return _content(value.state_dict(), deep)
    if deep < _DEEP and hasattr(value, "__dict__") and not callable(value):
        return {key: _content(one, deep + 1) for key, one in vars(value).items()}
    return type(value).__name__


def _gradients(value: Any) -> dict[str, Any]:
    from torch import nn

    if not isinstance(value, nn.Module):
        return {}
    return {n: p.grad.clone() for n, p in value.named_parameters() if p.grad is not None}
