"""Rows of methods on disk: Parquet shards, then the manifest that makes them one.

Everything is built in a folder inside the target and moved, the manifest last; a folder without a
manifest is incomplete. What was parsed stays in the work folder when an ingestion breaks off, and
the next one goes on from there.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.prepared import DataSet, sync
from trainables.ruby.ingest.sources import PARSED

SHARDS = "methods-*.parquet"
SHARD_BYTES = 256 * 2**20  # before compression
GROUP_ROWS = 1000
SCHEMA = pa.schema(
    [
        ("repo_name", pa.string()),  # the gem
        ("file_path", pa.string()),
        ("start_line", pa.int32()),  # in the file; __LINE__ in the tree counts from the method
        ("raw_source", pa.string()),
        ("complexity_score", pa.float64()),
        ("ast_json", pa.string()),
        ("id", pa.string()),
        ("split", pa.string()),  # train or validation
        ("ast_sha256", pa.string()),  # of types, literals and order
        ("nodes", pa.int32()),  # of the tree, literals apart
        ("literals", pa.int32()),
        ("in_range", pa.bool_()),  # whether the documented range of scores holds it
    ]
)
RUBY = DataSet("ruby", "Ruby", SHARDS, resumed=PARSED)


def write_shards(rows: Iterable[Mapping[str, Any]], work: Path) -> tuple[list[dict[str, Any]], str]:
    """Writes the rows in their order; gives back the shards and a digest of all that they say."""
    shards: list[dict[str, Any]] = []
    digest = hashlib.sha256()
    groups = _groups(rows, digest)
    group = next(groups, None)
    while group is not None:
        path = work / f"methods-{len(shards):05d}.parquet"
        size = count = 0
        with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
            while group is not None and size < SHARD_BYTES:
                writer.write_table(group)
                size, count = size + group.nbytes, count + len(group)
                group = next(groups, None)
        sync(path)
        shards.append({"file": path.name, "rows": count, "bytes": path.stat().st_size})
    return shards, digest.hexdigest()


def _groups(rows: Iterable[Mapping[str, Any]], digest: Any) -> Iterator[pa.Table]:
    group: list[Mapping[str, Any]] = []
    for row in rows:
        digest.update(json.dumps([row[name] for name in SCHEMA.names]).encode())
        group.append(row)
        if len(group) == GROUP_ROWS:
            yield pa.Table.from_pylist(group, SCHEMA)
            group = []
    if group:
        yield pa.Table.from_pylist(group, SCHEMA)
