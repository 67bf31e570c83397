"""The batch of a step: a loader's place as a function of (seed, step), with nothing to save.

A DataLoader carries its place along, so that a resumed run must read all that came before. Here
the order of an epoch is drawn from its number, and of it a step's own examples are read.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.data import TensorDataset, default_collate

from trainables.draws import batch_rows
from trainables.keyed import keyed


def batch_at(
    step: int,
    dataset: Any,
    size: int,
    seed: int,
    *,
    collate_fn: Callable[[list[Any]], Any] = default_collate,
    drop_last: bool = True,
    name: str = "order",
) -> Any:
    """What a shuffling DataLoader would give at a step, in whatever order steps are asked for.

    Args:
        step: Of training, from 0; an epoch after the other.
        dataset: With `len` and items by number, or a tensor. What its items draw from global
            streams hangs on the step alone.
        size: Examples of a batch.
        seed: Of the order.
        collate_fn: Makes a batch of a list of items.
        drop_last: Whether the incomplete rest of an epoch is left out.
        name: Of the draws; two datasets under one name have the same order if they are as long.

    Raises:
        ValueError: When no batch is as large as that.
    """
    if not 1 <= size <= len(dataset):
        raise ValueError(f"batch: size must be 1 to the {len(dataset)} examples, got {size}")
    rows = batch_rows(len(dataset), size, seed, step, name, drop_last)
    with keyed(seed, name, "items", step):
        if isinstance(dataset, Tensor | TensorDataset) and collate_fn is default_collate:
            return dataset[rows]
        if read := getattr(dataset, "__getitems__", None):  # a batch at once, as for a DataLoader
            return collate_fn(read(rows.tolist()))
        return collate_fn([dataset[row] for row in rows.tolist()])
