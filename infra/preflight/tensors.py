"""The tensors of a run's state: by name, and lost on purpose to see who reads them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from infra.cell.reported import weights_sha256
from infra.words import joined

_MODEL = "model."
_MOST_NAMED = 3
WAYS = range(4)  # of `losses`


def tensors_of(state: Mapping[str, Any]) -> dict[str, str]:
    """Digest of each tensor of a state by its dotted name; those of the model by their own."""
    return {name: weights_sha256({"": tensor}) for name, tensor in _leaves(state, "")}


def without(state: Any, names: Collection[str], way: int, prefix: str = "") -> Any:
    """The state with these tensors lost in one of the ways of `losses`."""
    import torch

    if isinstance(state, Mapping):
        return {key: without(one, names, way, f"{prefix}{key}.") for key, one in state.items()}
    if isinstance(state, list | tuple):
        return [without(one, names, way, f"{prefix}{i}.") for i, one in enumerate(state)]
    if isinstance(state, torch.Tensor) and _own(prefix) in names:
        return losses(state)[way] if state.is_floating_point() else ~state
    return state


def losses(tensor: Any) -> tuple[Any, ...]:
    """Four tensors that have nothing of it: no numbers, zeros, turned about, and far too large.

    A metric that compares with a threshold may not notice one of them.
    """
    turned = 1 - 3 * tensor.flatten().flip(0).view(tensor.shape)
    return tensor * float("nan"), tensor * 0, turned, 1e12 * turned


def named(names: Iterable[str]) -> str:
    """`a, b, c and 4 more`, those of the model first."""
    return joined(names, most=_MOST_NAMED)


def differing_tensors(one: Mapping[str, str], two: Mapping[str, str]) -> list[str]:
    """Names of tensors that are not the same in both states, or in one of them alone."""
    return [name for name in dict.fromkeys((*one, *two)) if one.get(name) != two.get(name)]


def _leaves(state: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(state, torch.Tensor):
        yield _own(prefix), state
    elif isinstance(state, Mapping):
        for key in sorted(state, key=lambda key: (key != "model", str(key))):
            yield from _leaves(state[key], f"{prefix}{key}.")
    elif isinstance(state, list | tuple):
        for index, one in enumerate(state):
            yield from _leaves(one, f"{prefix}{index}.")


def _own(prefix: str) -> str:
    return prefix.removesuffix(".").removeprefix(_MODEL)
