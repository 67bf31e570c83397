"""The points of a run, by row and by column.

A run reports the same metrics again and again, so its points are packed as blocks of neighbours
with equal names: a column of steps and one per metric, each as the bytes of its 64-bit numbers.
Rows and columns are made of them when they are first asked for.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any, NamedTuple, overload

from infra.ledger.records import Point

_KINDS = {int: "q", float: "d"}  # of array.array: 64 bits each


class _Block(NamedTuple):
    """Neighbouring points with the same names in the same order."""

    steps: Sequence[int]
    columns: Mapping[str, Sequence[float]]


class Points(Sequence[Point]):
    """Points by step; equal to any sequence of the same ones."""

    def __init__(self, rows: Iterable[Point] = ()) -> None:
        self._rows: tuple[Point, ...] | None = tuple(rows)
        self._packed = b""

    @classmethod
    def unpacked(cls, packed: bytes) -> "Points":
        """What `packed` gave the bytes of."""
        points = cls()
        points._rows, points._packed = None, packed
        return points

    @property
    def rows(self) -> tuple[Point, ...]:
        """All points."""
        if self._rows is None:
            self._rows = tuple(
                Point(step, dict(zip(block.columns, values, strict=True)))
                for block in self._blocks
                for step, *values in zip(block.steps, *block.columns.values(), strict=True)
            )
        return self._rows

    @cached_property
    def steps(self) -> list[int]:
        """The step of every point."""
        return [step for block in self._blocks for step in block.steps]

    def column(self, name: str) -> list[float | None]:
        """A metric at every point, None where a point lacks it."""
        values: list[float | None] = []
        for block in self._blocks:
            values += block.columns.get(name, [None] * len(block.steps))
        return values

    def packed(self) -> bytes:
        """The same points as bytes, from which they come back to the last bit."""
        return self._packed or _packed(self._blocks)

    @cached_property
    def _blocks(self) -> list[_Block]:
        return list(_unpacked(self._packed) if self._packed else _blocks(self.rows))

    @cached_property
    def _last(self) -> Point:
        block = self._blocks[-1]
        return Point(block.steps[-1], {name: own[-1] for name, own in block.columns.items()})

    def __len__(self) -> int:
        return sum(len(block.steps) for block in self._blocks)

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if index == -1 and self._blocks:
            return self._last  # what tables ask of every cell
        return self.rows[index]

    def __iter__(self) -> Iterator[Point]:
        return iter(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.rows == tuple(other)

    def __repr__(self) -> str:
        return f"Points({self.rows!r})"


def column(points: Sequence[Point], name: str) -> list[float | None]:
    """A metric at every point, None where a point lacks it."""
    if isinstance(points, Points):
        return points.column(name)
    return [point.metrics.get(name) for point in points]


def steps(points: Sequence[Point]) -> list[int]:
    """The step of every point."""
    return points.steps if isinstance(points, Points) else [point.step for point in points]


def _blocks(points: Iterable[Point]) -> Iterator[_Block]:
    for names, run in groupby(points, key=lambda point: list(point.metrics)):
        own = list(run)
        columns = {name: [point.metrics[name] for point in own] for name in names}
        yield _Block([point.step for point in own], columns)


def _packed(blocks: Sequence[_Block]) -> bytes:
    """A line that tells names, kinds and length of each block, then its columns' bytes."""
    heads, body = [], []
    for block in blocks:
        kinds = []
        for own in (block.steps, *block.columns.values()):
            kind, data = _column_bytes(own)
            kinds.append(kind)
            body.append(data)
        heads.append([list(block.columns), kinds, len(block.steps)])
    return json.dumps(heads, separators=(",", ":")).encode() + b"\n" + b"".join(body)


def _column_bytes(values: Sequence[float]) -> tuple[str | list[float], bytes]:
    """The kind of a column and its bytes; one that has no kind stands in the line itself."""
    [kind, *more] = {type(value) for value in values}
    try:
        if not more and kind in _KINDS:
            return _KINDS[kind], array(_KINDS[kind], values).tobytes()
    except OverflowError:
        pass
    return list(values), b""


def _unpacked(data: bytes) -> Iterator[_Block]:
    end = data.index(b"\n")
    place = end + 1
    for names, kinds, length in _heads(data[:end]):
        columns = []
        for kind in kinds:
            if isinstance(kind, list):
                columns.append(kind)
                continue
            columns.append(array(kind, data[place : place + 8 * length]))
            place += 8 * length
        steps, *values = columns
        yield _Block(steps, dict(zip(names, values, strict=True)))


@lru_cache(maxsize=256)
def _heads(line: bytes) -> list[tuple[list[str], list[str | list[float]], int]]:
    """The line before the bytes, which is the same for most cells of a sweep."""
    return json.loads(line)
