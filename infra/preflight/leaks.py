"""Whether training sees what the evaluation is measured on: the same content in both.

A run may offer `examples("train")` and `examples("evaluation")`: batches with an example a row, as
they are before any augmentation. Rows are compared by digest, whatever they are called and wherever
they lie. A row of one value all over, such as a slice of air, is no example of anything.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, Literal, Protocol, runtime_checkable

from infra.study.study import Run

MOST_BYTES = 2**30  # of each split that are looked at, a second or two
Split = Literal["train", "evaluation"]


@runtime_checkable
class TellsExamples(Protocol):
    """A run that says what it is trained and what it is measured on."""

    def examples(self, split: Split) -> Iterable[Any]:
        """Tensors of two dimensions or more, the first of which counts examples."""
        ...


def leak(run: Run) -> str:
    """How many evaluation examples are among those of training; "" for none, or an untold split."""
    if not isinstance(run, TellsExamples):
        return ""
    held_out = dict(_digests(run.examples("evaluation")))
    shared = {digest for digest, _ in _digests(run.examples("train")) if digest in held_out}
    if not shared:
        return ""
    first = min(held_out[digest] for digest in shared)
    return (
        f"no evaluation example may be among those of training, but {len(shared)} of "
        f"{len(held_out)} are by their content, the first of them number {first}; split by what "
        "they were taken from, or drop duplicates first"
    )


def _digests(batches: Iterable[Any]) -> Iterator[tuple[bytes, int]]:
    """Digest and number of each row that says anything, within the first `MOST_BYTES`."""
    read = 0

    def fits(batch: Any) -> bool:
        nonlocal read
        read += batch.nbytes
        return read <= MOST_BYTES or read == batch.nbytes

    number = 0
    for batch in takewhile(fits, batches):
        for row in batch.detach().cpu().contiguous().flatten(1):
            if bool((row != row[0]).any()):
                yield _digest(row), number
            number += 1


def _digest(row: Any) -> bytes:
    import torch

    return hashlib.blake2b(row.view(torch.uint8).numpy().tobytes(), digest_size=16).digest()
