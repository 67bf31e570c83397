"""Code as an arm: a commit of the script's repository, or a patch, in a folder of its own.

The repository is read and never written. What it ignores, such as prepared data, is linked from
where the script lies. A digest tells what code is there: by git's own blobs with what is not
committed, or where there is no git by files that look like code.
"""

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LOOKS_LIKE_CODE = (".py", ".json", ".yaml", ".yml", ".toml")


@dataclass(frozen=True, kw_only=True)
class CodeConfig:
    """Which code an arm runs; none of it is that which lies in `cwd`.

    Attributes:
        ref: How the commit was called.
        commit: Its number.
        patch: Digest of what is changed on top of it.
    """

    ref: str = ""
    commit: str = ""
    patch: str = ""


def resolved(folder: Path, ref: str) -> str:
    """The number of a commit.

    Raises:
        ValueError: When the folder is in no repository, or there is no such commit in it.
    """
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
    except _NoGit as error:
        raise ValueError(
            f"ref {ref!r}: must be a commit of the repository of {folder}, got "
            f"{str(error) or 'no such commit'}"
        ) from error


def digest_of(folder: Path) -> str:
    """Of the code that lies in a folder, as far as it could run."""
    found = hashlib.sha256()
    for path in _code_in(folder):
        found.update(f"{path.relative_to(folder)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def put(folder: Path, code: CodeConfig, patch: str, to: Path) -> None:
    """The code of an arm in a new folder, as if it lay where the script does.

    Args:
        folder: Where the script lies, in its repository.
        code: What is wanted.
        patch: The text of the patch, where there is one.
        to: The new folder.

    Raises:
        RuntimeError: When the patch does not apply to it.
    """
    commit = code.commit or "HEAD"
    inner = _git(folder, "rev-parse", "--show-prefix").strip()
    top = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    archive = subprocess.run(
        ["git", "-C", str(top), "archive", commit], capture_output=True, check=True
    ).stdout
    to.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as held:
        held.extractall(to, filter="data")
    if patch:
        _apply(patch, to)
    _link_ignored(top, to)
    (to / inner).mkdir(parents=True, exist_ok=True)


def inside(folder: Path, to: Path) -> Path:
    """The place of the script's folder in what `put` made."""
    return to / _git(folder, "rev-parse", "--show-prefix").strip()


class _NoGit(Exception):
    """What git said, in a line."""


def _apply(patch: str, to: Path) -> None:
    around = {**os.environ, "GIT_CEILING_DIRECTORIES": str(to.parent)}
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=to, env=around, input=patch, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise RuntimeError(f"patch: must apply to the arm's commit, but {told}")


def _link_ignored(top: Path, to: Path) -> None:
    """What the repository ignores, by links; nothing that the commit has is hidden."""
    told = _git(top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    for name in filter(None, told.split("\0")):
        link = to / name.rstrip("/")
        if "__pycache__" not in name and not link.exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(top / name.rstrip("/"))


def _code_in(folder: Path) -> Iterator[Path]:
    """Files that git knows or would, or that look like code, in order."""
    try:
        listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = sorted(set(filter(None, _git(folder, *listed).split("\0"))))
        paths = [folder / name for name in names]
    except _NoGit:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in _LOOKS_LIKE_CODE)
    yield from (path for path in paths if path.is_file())


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        raise _NoGit("no git on this machine") from error
    except subprocess.CalledProcessError as error:
        raise _NoGit((error.stderr.strip().splitlines() or [""])[0]) from error
    return done.stdout
