"""Rows of methods on disk: Parquet shards, then the manifest that makes them one.

Everything is built in a folder inside the target and moved, the manifest last; a folder without a
manifest is incomplete. What was parsed stays in the work folder when an ingestion breaks off, and
the next one goes on from there.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.ruby.ingest.sources import PARSED

MANIFEST = "manifest.json"
SHARDS = "methods-*.parquet"
WORK = ".incomplete"
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


@contextmanager
def claimed(to: Path) -> Iterator[Path]:
    """A work folder inside the target, held by this process alone, gone once all is well."""
    if to.exists() and not to.is_dir():
        raise ValueError(f"Ruby target {str(to)!r} must be a folder, got a file; name another")
    to.mkdir(parents=True, exist_ok=True)
    ours = {to / MANIFEST, *to.glob(SHARDS)}
    strange = [p.name for p in to.iterdir() if p not in ours and not p.name.startswith(".")]
    if strange:
        raise ValueError(
            f"Ruby target {str(to)!r} must be empty or hold an earlier ingestion, got "
            f"{min(strange)!r} in it; name another folder"
        )
    work = to / WORK
    work.mkdir(exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"Ruby target {str(to)!r} must have one writer, another is at work; wait for it"
            ) from error
        for left in work.iterdir():
            if left.name not in ("lock", PARSED):
                left.unlink()
        yield work
        shutil.rmtree(work)


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
        _sync(path)
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


def read_manifest(to: Path) -> dict[str, Any] | None:
    """The manifest of a complete data set, None where there is none yet."""
    path = to / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text())
        if manifest["kind"] == "ruby" and manifest["schema"] == 1:
            return manifest
        found = f"kind {manifest['kind']!r}, schema {manifest['schema']!r}"
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
    raise ValueError(
        f"{str(path)!r} must be the manifest of a ruby data set of schema 1, got {found}; "
        "name another folder"
    )


def intact(to: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether every shard is there with its size."""
    shards = [(to / shard["file"], shard["bytes"]) for shard in manifest["shards"]]
    return all(path.is_file() and path.stat().st_size == size for path, size in shards)


def publish(work: Path, to: Path, manifest: Mapping[str, Any]) -> None:
    """Moves the shards into the target and then, last and at once, the manifest."""
    (to / MANIFEST).unlink(missing_ok=True)
    for stale in to.glob(SHARDS):
        stale.unlink()
    for shard in manifest["shards"]:
        (work / shard["file"]).rename(to / shard["file"])
    (work / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False))
    _sync(work / MANIFEST)
    _sync(to)  # the shards' names before the manifest's
    (work / MANIFEST).rename(to / MANIFEST)
    _sync(to)


def _sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
