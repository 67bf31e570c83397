"""Examples that are in both splits behind another type, scale or shift.

They are compared by their values in the coarser of the types, and by the order of their values,
which no cast to a type that tells them apart and no scale changes; of pictures each channel has
its own. Orders count where chance would hardly give them twice, and where in neither split two
examples have the same, as two graphs of one shape have.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any

_LOOKED_AT = 1024  # values of a channel whose order is compared
_SURE = math.log(1e6)  # by which orders must outnumber pairs of examples
_CHANNELS = 4  # at most, of rows with three dimensions
Rows = Iterable[tuple[Any, int]]


def disguised(held_out: Rows, train: Rows, types: Iterable[Any]) -> list[int]:
    """Numbers of the evaluation's examples that are in both.

    Args:
        held_out: Examples of the evaluation, with their numbers.
        train: Those of training.
        types: All of theirs.
    """
    coarse = _coarsest(types)
    ours, theirs = (_keys(rows, coarse) for rows in (held_out, train))
    values = {value for value, *_ in theirs}
    if same := [number for value, _, _, number in ours if value in values]:
        return same
    least = math.log(max(1, len(ours)) * max(1, len(theirs))) + _SURE
    orders = _unambiguous(theirs, least)
    return [number for order, number in _unambiguous(ours, least).items() if order in orders]


_Key = tuple[bytes, bytes, float, int]  # values, their order, what that tells in nats, number


def _keys(rows: Rows, coarse: Any) -> list[_Key]:
    found = []
    for row, number in rows:
        values = row.to(coarse)
        order, told = _order(values)
        found.append((digest(values), order, told, number))
    return found


def _order(row: Any) -> tuple[bytes, float]:
    """Digest of the ranks of a row's values, and the logarithm of how many orders there are."""
    import torch

    wide = row.double() if row.is_floating_point() else row
    is_picture = wide.dim() == 3 and len(wide) <= _CHANNELS
    digests, told = b"", 0.0
    for channel in wide.flatten(1) if is_picture else [wide.flatten()]:
        some = channel[:: math.ceil(len(channel) / _LOOKED_AT)]
        _, ranks, counts = torch.unique(some, return_inverse=True, return_counts=True)
        told += math.lgamma(len(some) + 1) - sum(math.lgamma(n + 1) for n in counts.tolist())
        digests += digest(ranks)
    return digests, told


def _unambiguous(keys: Iterable[_Key], least: float) -> dict[bytes, int]:
    """Orders that tell enough and that one example alone has, with its number."""
    contents: dict[bytes, set[bytes]] = {}
    numbers: dict[bytes, int] = {}
    for values, order, told, number in keys:
        if told >= least:
            contents.setdefault(order, set()).add(values)
            numbers.setdefault(order, number)
    return {order: number for order, number in numbers.items() if len(contents[order]) == 1}


def _coarsest(types: Iterable[Any]) -> Any:
    """The floating type with the fewest digits, else 64-bit integers."""
    import torch

    floating = [one for one in types if one.is_floating_point]
    return max(floating, key=lambda one: torch.finfo(one).eps, default=torch.int64)


def digest(row: Any) -> bytes:
    """Of a row's bytes."""
    import torch

    flat = row.contiguous().flatten().view(torch.uint8)
    return hashlib.blake2b(flat.numpy().tobytes(), digest_size=16).digest()
