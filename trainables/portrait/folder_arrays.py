"""The cells of Parquet shards as whole arrays, in memory or in files that all processes map."""

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

RAM_BYTES = 2 * 2**30  # larger sets are mapped
ROWS_AT_A_TIME = 32
Shapes = Mapping[str, tuple[tuple[int, ...], str]]  # name to shape of one row and type
Arrays = dict[str, np.ndarray]
Fill = Callable[[Arrays], None]


def arrays_of(folder: Path, name: str, rows: int, shapes: Shapes, fill: Fill) -> Arrays:
    """Arrays of so many rows that `fill` has filled.

    Args:
        folder: Where they are mapped from, if they are large.
        name: Of that place; it must tell all that they depend on.
        rows: Of each.
        shapes: Of a row of each, and its type.
        fill: Given the arrays, full of zeros, it fills them.

    Raises:
        RuntimeError: When they are large and the folder cannot hold them.
    """
    whole = {key: (rows, *shape) for key, (shape, _) in shapes.items()}
    size = {key: math.prod(whole[key]) * np.dtype(shapes[key][1]).itemsize for key in shapes}
    if sum(size.values()) <= RAM_BYTES:
        arrays = {key: np.zeros(whole[key], shapes[key][1]) for key in shapes}
        fill(arrays)
        return arrays
    place = folder / f".mapped-{name}"
    try:
        if not place.is_dir():
            _map(place, fill, lambda at, mode: _opened(at, mode, whole, shapes))
    except OSError as error:
        raise RuntimeError(
            f"data {str(folder)!r}: {sum(size.values()) / 2**30:.1f} GiB must be unpacked there "
            f"once, got {error}; make room or use a writable copy"
        ) from error
    return _opened(place, "c", whole, shapes)


def _opened(
    place: Path, mode: Literal["c", "w+"], whole: Mapping[str, tuple[int, ...]], shapes: Shapes
) -> Arrays:
    """The arrays of a folder; nothing of none can be mapped."""
    return {
        key: np.memmap(place / key, kind, mode, shape=whole[key])
        if math.prod(whole[key])
        else np.zeros(whole[key], kind)
        for key, (_, kind) in shapes.items()
    }


def _map(place: Path, fill: Fill, opened: Callable[[Path, Literal["c", "w+"]], Arrays]) -> None:
    """Writes them to a folder that is complete or absent, whoever else builds it."""
    draft = place.with_name(f"{place.name}.{os.getpid()}")
    draft.mkdir()
    try:
        arrays = opened(draft, "w+")
        fill(arrays)
        for array in arrays.values():
            if isinstance(array, np.memmap):
                array.flush()
        os.rename(draft, place)
    except OSError:
        if not place.is_dir():  # or another process was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def cells(files: Sequence[Path], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of shards in their order, bytes as buffers without a copy."""
    for file in files:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(ROWS_AT_A_TIME, columns=list(columns)):
                for row in zip(*(batch.column(name) for name in columns), strict=True):
                    yield {n: _value(cell) for n, cell in zip(columns, row, strict=True)}


def same(pixels: Any, digest: str) -> bool:
    """Whether these are the pixels that were written."""
    return sha256(pixels).hexdigest() == digest


def _value(cell: Any) -> Any:
    return cell.as_buffer() if cell.type == pa.binary() and cell.is_valid else cell.as_py()
