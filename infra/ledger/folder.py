"""A folder on a local or shared file system as a storage."""

import errno
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.ledger.patience import wait_out

_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.EIO, errno.ETIMEDOUT}


@dataclass(frozen=True)
class FolderStorage:
    """A folder on a local or shared file system."""

    root: str

    @property
    def uri(self) -> str:
        """The folder's absolute path."""
        return self.root

    def write(self, path: str, data: bytes) -> None:
        """Write to a temporary name, sync, rename, sync the folder."""
        wait_out(lambda: self.write_once(path, data), self.uri, _is_passing)

    def write_once(self, path: str, data: bytes) -> None:
        """`write` without waiting for a full disk."""
        target = Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _durable_temporary(target, data)
        try:
            os.replace(temporary, target)
        except OSError:
            os.unlink(temporary)
            raise
        _sync_folder(target.parent)

    def create(self, path: str, data: bytes) -> bool:
        """Link a synced temporary file to the name, which fails if the name exists."""
        target = Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _durable_temporary(target, data)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        _sync_folder(target.parent)
        return True

    def read(self, path: str) -> bytes:
        """The file's bytes."""
        return Path(self.root, path).read_bytes()

    def list(self, prefix: str) -> dict[str, str]:
        """Every file below the folder but temporary ones, with size and times of change."""
        found, folders = {}, [prefix]
        while folders:
            folder = folders.pop()
            with (
                suppress(OSError),
                os.scandir(os.path.join(self.root, folder)) as entries,
            ):  # may be gone
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path)
                    elif not entry.name.endswith(".tmp"):
                        with suppress(FileNotFoundError):
                            told = entry.stat()
                            found[path] = f"{told.st_size}-{told.st_mtime_ns}-{told.st_ctime_ns}"
        return dict(sorted(found.items()))

    def delete(self, path: str) -> None:
        """Unlink the file, and its folder where nothing else is in it."""
        target = Path(self.root, path)
        target.unlink(missing_ok=True)
        if target.parent != Path(self.root):
            with suppress(OSError):  # others are in it
                target.parent.rmdir()


def _durable_temporary(target: Path, data: bytes) -> str:
    handle, temporary = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.unlink(temporary)
        raise
    return temporary


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_passing(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _PASSING
