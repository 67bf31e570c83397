"""An attempt's own folder: kept whole as one archive, and put back where the script goes on.

Shape letters: N bytes.
"""

import io
import os
import tarfile
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

Seen = dict[str, tuple[int, int]]


def files_of(folder: Path) -> Seen:
    """Size and time of change of each file, by its path within the folder."""
    found: Seen = {}
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path, name)
            try:
                told = file.lstat()
            except FileNotFoundError:  # a temporary one
                continue
            found[str(file.relative_to(folder))] = (told.st_size, told.st_mtime_ns)
    return found


def archived(folder: Path) -> UInt8[Tensor, " N"]:
    """All that is in the folder, as `tar_of` has it."""
    return torch.frombuffer(bytearray(tar_of(folder)), dtype=torch.uint8)


def tar_of(folder: Path) -> bytes:
    """All that is in the folder, without times and owners, so that equal files are equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, str(path.relative_to(folder)), recursive=False, filter=_plain)
    return buffer.getvalue()


def put_back(archive: UInt8[Tensor, " N"], folder: Path) -> None:
    """The folder as it was; nothing is written outside of it.

    Raises:
        tarfile.TarError: When the bytes are no archive, or one that reaches out of the folder.
    """
    with tarfile.open(fileobj=io.BytesIO(archive.numpy().tobytes())) as held:
        held.extractall(folder, filter="data")


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if not (member.isfile() or member.isdir() or member.issym()):
        return None  # a socket or a pipe, which another process could not use
    member.mtime = 0
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
