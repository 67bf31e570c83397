"""The data set on disk: Parquet shards, then the manifest that makes them one.

Everything is built in a folder beside them and moved, the manifest last, so that a folder
without manifest is incomplete and a kill at any moment leaves nothing that is mistaken for data.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.ct.ingest.split import Side
from trainables.ct.ingest.spool import Part
from trainables.prepared import DataSet, sync

SHARDS = "slices-*.parquet"
VOXELS = "voxels-*"  # what `ct.slices` keeps beside the shards, named by digest
SHARD_BYTES = 256 * 2**20  # of pixels before compression
ROW_GROUP_BYTES = 8 * 2**20  # what a reader of one slice has to decode
SCHEMA = pa.schema(
    [
        ("series", pa.string()),
        ("split", pa.string()),
        ("z", pa.int32()),
        ("position_mm", pa.float32()),  # nan where the source does not say, as in the next three
        ("row_mm", pa.float32()),
        ("column_mm", pa.float32()),
        ("slice_mm", pa.float32()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("hu", pa.binary()),  # height * width little-endian int16, row by row
    ]
)
CT = DataSet("ct", "CT", SHARDS, beside=VOXELS)


def write_shards(
    parts: Sequence[Part], sides: Sequence[Sequence[Side]], hu_divisor: int, work: Path
) -> list[dict[str, Any]]:
    """Writes all slices by series and z, and gives back the shards' names, rows and bytes."""
    shards: list[dict[str, Any]] = []
    tables = _row_groups(parts, sides, hu_divisor)
    for first in tables:
        path = work / f"slices-{len(shards):05d}.parquet"
        with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=False) as writer:
            size, rows = 0, 0
            for table in chain([first], tables):
                writer.write_table(table)
                size, rows = size + table.nbytes, rows + len(table)
                if size >= SHARD_BYTES:
                    break
        sync(path)
        shards.append({"file": path.name, "rows": rows, "bytes": path.stat().st_size})
    return shards


def _row_groups(
    parts: Sequence[Part], sides: Sequence[Sequence[Side]], hu_divisor: int
) -> Iterator[pa.Table]:
    """The rows in order, a few megabytes at a time."""
    rows: list[dict[str, Any]] = []
    size = 0
    for part, labels in sorted(zip(parts, sides, strict=True), key=lambda pair: pair[0].series):
        for z, side in enumerate(labels):
            rows.append(_row(part, z, side, hu_divisor))
            size += len(rows[-1]["hu"])
            if size >= ROW_GROUP_BYTES:
                yield pa.Table.from_pylist(rows, SCHEMA)
                rows, size = [], 0
    if rows:
        yield pa.Table.from_pylist(rows, SCHEMA)


def _row(part: Part, z: int, side: Side, hu_divisor: int) -> dict[str, Any]:
    hu = part.hu[z] if hu_divisor == 1 else (part.hu[z] / hu_divisor).round().astype("<i2")
    return {
        "series": part.series,
        "split": side,
        "z": z,
        "position_mm": float(part.positions_mm[z]),
        "row_mm": part.row_mm,
        "column_mm": part.column_mm,
        "slice_mm": part.slice_mm,
        "height": hu.shape[0],
        "width": hu.shape[1],
        "hu": hu.tobytes(),
    }


def content_digest(parts: Sequence[Part], sides: Sequence[Sequence[Side]], hu_divisor: int) -> str:
    """SHA-256 of pixels, geometry, split and divisor; of no name, path, order, time or layout."""
    series = [
        [
            part.pixels_sha256,
            *(str(mm) for mm in (part.row_mm, part.column_mm, part.slice_mm)),
            [str(mm) for mm in part.positions_mm.tolist()],
            list(labels),
        ]
        for part, labels in zip(parts, sides, strict=True)
    ]
    return hashlib.sha256(json.dumps([hu_divisor, sorted(series)]).encode()).hexdigest()
