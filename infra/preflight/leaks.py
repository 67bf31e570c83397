"""Whether training sees what the evaluation is measured on: the same content in both.

A run may offer `examples("train")` and `examples("evaluation")`: batches with an example a row, as
they are before any augmentation. Rows are compared by digest, whatever they are called and wherever
they lie; where the splits have unequal types or ranges also by `infra.preflight.disguised`. A row
of one value all over, such as a slice of air, is no example of anything.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal, Protocol, runtime_checkable

from infra.preflight.disguised import digest, disguised
from infra.study.study import Run

MOST_BYTES = 2**30  # of each split that are looked at, a second or two
_SAME_SPAN = 1.2
Split = Literal["train", "evaluation"]


@runtime_checkable
class TellsExamples(Protocol):
    """A run that says what it is trained and what it is measured on."""

    def examples(self, split: Split) -> Iterable[Any]:
        """Tensors of two dimensions or more, the first of which counts examples."""
        ...


@dataclass
class _Looked:
    """A split: number of each example by its digest, with the types and the span of all values."""

    numbers: dict[bytes, int] = field(default_factory=dict)
    types: set[Any] = field(default_factory=set)
    low: float = math.inf
    high: float = -math.inf


def leak(run: Run) -> str:
    """How many evaluation examples are among those of training; "" for none, or an untold split."""
    if not isinstance(run, TellsExamples):
        return ""
    held_out, train = _looked(run.examples("evaluation")), _looked(run.examples("train"))
    found = [number for digest, number in held_out.numbers.items() if digest in train.numbers]
    how = "by their content"
    if not found and held_out.numbers and train.numbers and _are_unequal(held_out, train):
        ours, theirs = rows_of(run.examples("evaluation")), rows_of(run.examples("train"))
        found = disguised(ours, theirs, {*held_out.types, *train.types})
        how = "but for their type and a scale"
    if not found:
        return ""
    return (
        f"no evaluation example may be among those of training, but {len(found)} of "
        f"{len(held_out.numbers)} are {how}, the first of them number {min(found)}; split by what "
        "they were taken from, or drop duplicates first"
    )


def rows_of(batches: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    """Each row that says anything, on the CPU, with its number, within the first `MOST_BYTES`."""
    read = 0

    def fits(batch: Any) -> bool:
        nonlocal read
        read += batch.nbytes
        return read <= MOST_BYTES or read == batch.nbytes

    number = 0
    for batch in takewhile(fits, batches):
        rows = batch.detach().cpu().contiguous()
        for row, flat in zip(rows, rows.flatten(1), strict=True):
            if bool((flat != flat[0]).any()):
                yield row, number
            number += 1


def _looked(batches: Iterable[Any]) -> _Looked:
    looked = _Looked()
    for row, number in rows_of(batches):
        looked.numbers[digest(row)] = number
        looked.types.add(row.dtype)
        low, high = row.double().aminmax()
        looked.low, looked.high = min(looked.low, float(low)), max(looked.high, float(high))
    return looked


def _are_unequal(one: _Looked, two: _Looked) -> bool:
    spans = sorted((one.high - one.low, two.high - two.low))
    return one.types != two.types or not spans[1] <= _SAME_SPAN * spans[0]
