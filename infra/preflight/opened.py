"""Which files a body opens for reading, and whether they are still what they were.

A run may read data of its own, which no option names. What Python opens is seen; what a library
opens by itself, as pyarrow does, is not.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_LEFT_OUT = tuple(
    f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib")
) + ("/proc/", "/sys/", "/dev/")  # fmt: skip
_listening: list[set[str]] = []
_hooked: list[bool] = []


@contextmanager
def opened() -> Iterator[set[str]]:
    """Collects the paths of files that the body opens, modules and what is installed left out."""
    if not _hooked:  # for good, since a hook cannot be taken off again
        sys.addaudithook(_hear)
        _hooked.append(True)
    _listening.append(set())
    try:
        yield _listening[-1]
    finally:
        _listening.pop()


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _listening:
        return
    path = arguments[0]
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if isinstance(path, str) and not path.endswith((".py", ".pyc")):
        with suppress(OSError):  # of a folder that is gone; what is raised here stops the opening
            _listening[-1].add(os.path.abspath(path))


def versions(paths: set[str], *without: str) -> dict[str, list[int]]:
    """Size and time of change of those that are files now, but for folders that are left out."""
    left_out = (*_LEFT_OUT, *(f"{folder}{os.sep}" for folder in without if folder))
    kept = sorted(path for path in paths if not path.startswith(left_out))
    return {path: version for path in kept if (version := _version(path))}


def are_still(files: Mapping[str, list[int]]) -> bool:
    """Whether files have the versions that they had."""
    return all(_version(path) == version for path, version in files.items())


def _version(path: str) -> list[int]:
    if not Path(path).is_file():
        return []
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns]
