"""A prepared data set on disk: shards, and the manifest that makes them one.

Everything is built in a folder inside the target and moved, the manifest last, so that a folder
without a manifest is incomplete and a kill at any moment leaves nothing that is mistaken for data.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
WORK = ".incomplete"


@dataclass(frozen=True)
class DataSet:
    """A kind of data set.

    Attributes:
        kind: As its manifest has it.
        title: As a sentence has it.
        shards: What its shards are called, as a pattern.
        beside: What its readers keep beside them, as a pattern.
        resumed: A file of the work folder that the next ingestion goes on from.
    """

    kind: str
    title: str
    shards: str
    beside: str = ""
    resumed: str = ""

    @contextmanager
    def claimed(self, to: Path) -> Iterator[Path]:
        """A work folder inside the target, held by this process alone, gone once all is well.

        Raises:
            ValueError: When the target is no folder, holds anything else, or has a writer.
        """
        self._refuse_others(to)
        work = to / WORK
        work.mkdir(exist_ok=True)
        with (work / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ValueError(
                    f"{self.title} target {str(to)!r} must have one writer, another is at work; "
                    "wait for it"
                ) from error
            for left in work.iterdir():  # by one that was killed
                if left.name not in ("lock", self.resumed):
                    left.unlink()
            try:
                yield work
            except BaseException:
                if not self.resumed:
                    shutil.rmtree(work)
                raise
            shutil.rmtree(work)

    def _refuse_others(self, to: Path) -> None:
        if to.exists() and not to.is_dir():
            raise ValueError(
                f"{self.title} target {str(to)!r} must be a folder, got a file; name another"
            )
        to.mkdir(parents=True, exist_ok=True)
        ours = {
            to / MANIFEST,
            *to.glob(self.shards),
            *(to.glob(self.beside) if self.beside else ()),
        }
        strange = [p.name for p in to.iterdir() if p not in ours and not p.name.startswith(".")]
        if strange:
            raise ValueError(
                f"{self.title} target {str(to)!r} must be empty or hold an earlier ingestion, got "
                f"{min(strange)!r} in it; name another folder"
            )

    def read_manifest(self, to: Path) -> dict[str, Any] | None:
        """The manifest of a complete data set, None where there is none yet.

        Raises:
            ValueError: When it is another kind's, or damaged.
        """
        path = to / MANIFEST
        if not path.exists():
            return None
        try:
            manifest = json.loads(path.read_text())
            if manifest["kind"] == self.kind and manifest["schema"] == 1:
                return manifest
            found = f"kind {manifest['kind']!r}, schema {manifest['schema']!r}"
        except (ValueError, KeyError, TypeError) as error:
            found = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{str(path)!r} must be the manifest of a {self.kind} data set of schema 1, got "
            f"{found}; name another folder"
        )

    def publish(self, work: Path, to: Path, manifest: Mapping[str, Any]) -> None:
        """Moves the shards into the target and then, last and at once, the manifest."""
        (to / MANIFEST).unlink(missing_ok=True)
        for stale in to.glob(self.shards):
            stale.unlink()
        for shard in manifest["shards"]:
            (work / shard["file"]).rename(to / shard["file"])
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False))
        sync(work / MANIFEST)
        sync(to)  # the shards' names before the manifest's
        (work / MANIFEST).rename(to / MANIFEST)
        sync(to)


def intact(to: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether every shard is there with its size and, where the manifest tells it, its SHA-256."""
    shards = [(to / shard["file"], shard) for shard in manifest["shards"]]
    whole = all(path.is_file() and path.stat().st_size == s["bytes"] for path, s in shards)
    return whole and all(sha256_of(path) == s["sha256"] for path, s in shards if "sha256" in s)


def sha256_of(path: Path) -> str:
    """Of all that a file holds."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
