"""Portraits on disk: Parquet shards of one bucket each, then the manifest that makes them one.

Everything is built in a folder inside the target and moved, the manifest last. Within a bucket rows
are in the order of a hash of their ids, so that the first so many are a sample of all.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.portrait.ingest.spool import SPOOL
from trainables.prepared import DataSet, sha256_of, sync

SHARDS = "portraits-*.parquet"
MAPPED = "mapped-*"  # what the reader keeps beside the shards, named by digest
SHARD_BYTES = 512 * 2**20  # before compression
GROUP_BYTES = 16 * 2**20
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("place", pa.string()),  # of its picture below the source
        ("identity", pa.string()),  # who is shown
        ("split", pa.string()),  # train or validation
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("pixels", pa.binary()),  # height * width * 3 bytes, row by row
        ("pixels_sha256", pa.string()),
        ("row_sha256", pa.string()),  # of all that the source gave, and of its place here
        ("caption", pa.string()),  # empty where there is none
        ("parts", pa.binary()),  # height * width classes; null where unknown, as all that follow
        ("pose", pa.binary()),  # joints * 3 little-endian float32
        ("whole", pa.binary()),  # little-endian float16, as the rest
        ("patches", pa.binary()),  # rows * columns * width, in raster order
        ("text", pa.binary()),  # tokens * width
    ]
)
PORTRAITS = DataSet("portraits", "portraits", SHARDS, beside=MAPPED, resumed=SPOOL)


def write_shards(rows: Iterable[Mapping[str, Any]], work: Path) -> tuple[list[dict[str, Any]], str]:
    """Writes rows that are sorted by bucket; gives back the shards and a digest of all rows."""
    shards: list[dict[str, Any]] = []
    digest = hashlib.sha256()
    for _, of_bucket in groupby(rows, key=lambda row: (row["height"], row["width"])):
        groups = _groups(of_bucket, digest)
        group = next(groups, None)
        while group is not None:
            path = work / f"portraits-{len(shards):05d}.parquet"
            size = count = 0
            sides = {name: group[name][0].as_py() for name in ("height", "width")}
            with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=False) as writer:
                while group is not None and size < SHARD_BYTES:
                    writer.write_table(group)
                    size, count = size + group.nbytes, count + len(group)
                    group = next(groups, None)
            sync(path)
            shard = {"file": path.name, "rows": count, "bytes": path.stat().st_size}
            shards.append(shard | {"sha256": sha256_of(path)} | sides)
    return shards, digest.hexdigest()


def row_digest(facts: list[Any]) -> str:
    """Of what a row says."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _groups(rows: Iterable[Mapping[str, Any]], digest: Any) -> Iterator[pa.Table]:
    group: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        digest.update(row["row_sha256"].encode())
        group.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, bytes))
        if size >= GROUP_BYTES:
            yield pa.Table.from_pylist(group, SCHEMA)
            group, size = [], 0
    if group:
        yield pa.Table.from_pylist(group, SCHEMA)
