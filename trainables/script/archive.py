"""The code of an arm: a commit with a patch as one archive, and unpacked where a cell runs it.

Each attempt has a folder of its own, as scripts that share one would find what others wrote there.
What the repository ignores, such as prepared data, is linked from where the script lies.
"""

import gzip
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from trainables.script.code import blob
from trainables.script.folder import tar_of
from trainables.script.git import NoGit, git, line_of, names_of

_LARGE = 2**18  # bytes of a file of which no lines are compared


@lru_cache(maxsize=8)  # asked for by a trial, by what keeps it, and for its diff
def packed(folder: Path, commit: str, patch: bytes) -> bytes:
    """The whole tree of a commit, with the patch applied, as a .tar.gz.

    Args:
        folder: Where the script lies, in its repository.
        commit: Its number.
        patch: As `git diff` writes one; b"" for none.

    Raises:
        ValueError: When the repository has no such commit, or the patch does not apply to it.
    """
    try:
        held = git(Path(line_of(folder, "rev-parse", "--show-toplevel")), "archive", commit)
    except NoGit as error:
        raise ValueError(
            f"commit {commit[:12]}: must be in the repository of {folder}, but {error}; name "
            "another, or bring it back"
        ) from error
    return gzip.compress(_patched(held, commit, patch) if patch else held, mtime=0)


def unpacked(archive: bytes, folder: Path, to: Path) -> Path:
    """The place of the script in the new folder `to`, which has the tree and what git ignores.

    Raises:
        RuntimeError: When the archive is damaged.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as held:
            held.extractall(to, filter="data")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise RuntimeError(f"code of the arm: must be a whole archive, but {error}") from error
    try:
        inner = line_of(folder, "rev-parse", "--show-prefix")
        _link_ignored(Path(line_of(folder, "rev-parse", "--show-toplevel")), to)
    except NoGit as error:
        raise RuntimeError(
            f"code of the arm: {folder} must be in its repository on this machine too, but {error}"
        ) from error
    (to / inner).mkdir(parents=True, exist_ok=True)
    return to / inner


def files_in(archive: bytes, inner: str) -> dict[str, bytes]:
    """The content of each file below a folder of the tree, by its path there; see `content_of`."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as held:
        for member in held:
            file = held.extractfile(member) if member.isfile() else None
            if file and member.name.startswith(inner):
                found[member.name.removeprefix(inner)] = content_of(file.read())
    return found


def content_of(data: bytes) -> bytes:
    """What is compared of a file: of a large one its id, marked as what has no lines."""
    return data if len(data) <= _LARGE else b"\0" + blob(data).encode()


def diff(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> str:
    """How files differ, as `git diff` shows it; "" where they do not."""
    names = sorted({*one, *other})
    return "".join(
        _diff(name, one.get(name), other.get(name))
        for name in names
        if one.get(name) != other.get(name)
    )


def _diff(name: str, one: bytes | None, other: bytes | None) -> str:
    titles = [f"{side}/{name}" for side in "ab"]
    before = "/dev/null" if one is None else titles[0]
    after = "/dev/null" if other is None else titles[1]
    told = [data or b"" for data in (one, other)]
    if any(b"\0" in data for data in told):
        return f"Files {before} and {after} differ\n"
    texts = [data.decode(errors="replace").splitlines() for data in told]
    lines = unified_diff(texts[0], texts[1], before, after, lineterm="")
    return "".join(f"{line}\n" for line in lines) or f"Files {before} and {after} differ\n"


def _patched(tree: bytes, commit: str, patch: bytes) -> bytes:
    with TemporaryDirectory(prefix="ablate-code-") as place:
        with tarfile.open(fileobj=io.BytesIO(tree)) as held:
            held.extractall(place, filter="data")
        around = {**os.environ, "GIT_CEILING_DIRECTORIES": str(Path(place).parent)}
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "-"],
            cwd=place, env=around, input=patch, capture_output=True,
        )  # fmt: skip
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            told = (lines or ["no reason given"])[0].removeprefix("error: ")
            raise ValueError(
                f"patch: must apply to commit {commit[:12]}, but {told}; write it by `git diff` "
                "against that, or name another ref"
            )
        return tar_of(Path(place))


def _link_ignored(top: Path, to: Path) -> None:
    """What the repository ignores, by links; nothing that the commit has is hidden."""
    for name in _ignored(top):
        link = to / name
        if not link.exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(top / name)


def _ignored(top: Path) -> Iterator[str]:
    listed = ("--others", "--ignored", "--exclude-standard", "--directory")
    for name in names_of(top, "ls-files", "-z", *listed):
        if "__pycache__" not in name:
            yield name.rstrip("/")
