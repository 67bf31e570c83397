"""Where sweeps live: a folder or an S3 prefix, behind five verbs.

Paths inside a storage are relative, with forward slashes. A write is whole or absent, never
partial. A storage that cannot be reached, or is full, is waited for.
"""

import os
from pathlib import Path
from typing import Protocol

from infra.ledger.folder import FolderStorage
from infra.ledger.patience import StorageError
from infra.ledger.s3 import S3Storage


class Storage(Protocol):
    """Bytes under relative paths."""

    @property
    def uri(self) -> str:
        """What `open_storage` takes to reach the same storage from another process."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Put `data` at `path`, durably, whole or not at all."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Put `data` at `path` unless something is there; says whether it did."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes at `path`; FileNotFoundError where there is nothing."""
        ...

    def list(self, prefix: str) -> dict[str, str]:
        """Every path below the folder `prefix`, sorted; each with a text that a write changes."""
        ...

    def delete(self, path: str) -> None:
        """Remove `path`, if it is there."""
        ...


def open_storage(uri: str) -> Storage:
    """The storage at a folder path, a file:// or an s3://bucket/prefix address."""
    if uri.startswith("s3://"):
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if not bucket:
            raise ValueError(f"storage {uri!r}: an S3 address is s3://bucket/prefix; name a bucket")
        return S3Storage(bucket, prefix.strip("/"))
    if "://" in uri and not uri.startswith("file://"):
        raise ValueError(f"storage {uri!r}: must be a folder or s3://bucket/prefix")
    folder = Path(uri.removeprefix("file://")).expanduser().absolute()
    if file := next((part for part in (folder, *folder.parents) if part.is_file()), None):
        raise ValueError(
            f"storage {uri!r}: must be a folder, and {file} is a file; name another with --storage"
        )
    return FolderStorage(str(folder))


def probe(storage: Storage) -> None:
    """Write, read and delete a small file now, without waiting.

    Raises:
        StorageError: When the storage is unwritable, in one line with the remedy.
    """
    path = f".probe-{os.getpid()}"
    remedy = "free space, fix its permissions, or name another with --storage"
    try:
        write_now(storage, path, b"ablate")
        storage.delete(path)
    except OSError as error:
        raise StorageError(
            f"storage {storage.uri}: must be writable, got {error.strerror or error}; {remedy}"
        ) from error


def write_now(storage: Storage, path: str, data: bytes) -> None:
    """`Storage.write` that does not wait for a storage that is away or full.

    Raises:
        OSError: When it cannot be written.
        StorageError: When it does not answer, or forbids it.
    """
    if isinstance(storage, FolderStorage):
        storage.write_once(path, data)
    elif isinstance(storage, S3Storage):
        S3Storage(storage.bucket, storage.prefix, 0.0).write(path, data)
    else:
        storage.write(path, data)
