"""Which code a script is: the files that lie in its folder, each by the id that git gives it.

By git these are the files that it knows or would, with what is not committed. Where there is no
git, or it knows none of them, they are the files that look like code.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.script.git import NoGit, git, line_of, names_of

LIKE_CODE = (".py", ".json", ".yaml", ".yml", ".toml")
_NEVER = ("__pycache__", "node_modules")
_LARGE = 2**20  # bytes of a file that is not read again while it is of one size and time
_known: dict[tuple[str, int, int, int], str] = {}


@dataclass(frozen=True, kw_only=True)
class CodeConfig:
    """Which code an arm runs; none of it is that which lies in `cwd`.

    Attributes:
        commit: Its number.
        patch: Digest of what is changed on top of it.
    """

    commit: str = ""
    patch: str = ""


def resolved(folder: Path, ref: str) -> str:
    """The number of a commit.

    Raises:
        ValueError: When the folder is in no repository, or there is no such commit in it.
    """
    try:
        return line_of(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except NoGit as error:
        raise ValueError(
            f"ref {ref!r}: must be a commit of the repository of {folder}, got "
            f"{str(error) or 'no such commit'}; name one that `git log` shows, where its .git is"
        ) from error


def files_of(folder: Path, apart: Sequence[Path] = (), also: Iterable[str] = ()) -> dict[str, str]:
    """The code that lies in a folder: the id of each file, by its path there.

    Args:
        folder: Where; one that is not there has none.
        apart: Files and folders that are none of it.
        also: Paths that count as well where they are files, such as the words of a command.
    """
    if not folder.is_dir():
        return {}
    found = dict(_by_git(folder)) if _is_in_repository(folder) else {}
    found = found or _ids(folder, map(str, _like_code(folder)))
    more = [name for name in also if name not in found and name.endswith((*LIKE_CODE, ".sh"))]
    found |= _ids(folder, [name for name in more if (folder / name).is_file()])
    return {name: found[name] for name in sorted(found) if not _is_apart(folder / name, apart)}


def uncommitted(folder: Path, commit: str) -> list[str]:
    """Files that differ from a commit, where that is the one that is checked out."""
    if line_of(folder, "rev-parse", "HEAD") != commit:
        return []
    committed = dict(map(_listed, names_of(folder, "ls-tree", "-r", "-z", "HEAD")))
    now = dict(_by_git(folder))
    return [name for name, own in committed.items() if own and now.get(name) != own]


def head_of(folder: Path) -> tuple[str, bool]:
    """The commit that is checked out, and whether files differ from it; ("", False) without one."""
    try:
        commit = line_of(folder, "rev-parse", "HEAD")
        return commit, bool(uncommitted(folder, commit))
    except NoGit:
        return "", False


def blob(data: bytes) -> str:
    """The id that git gives to a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _is_in_repository(folder: Path) -> bool:
    try:
        return line_of(folder, "rev-parse", "--is-inside-work-tree") == "true"
    except NoGit:
        return False


def _by_git(folder: Path) -> Iterator[tuple[str, str]]:
    """From the index, but for files that may differ from it and those that it does not know.

    `git diff` would tell fewer, but write down what it found in the index.
    """
    staged = dict(map(_staged, names_of(folder, "ls-files", "-z", "--stage")))
    new = names_of(folder, "ls-files", "-z", "--others", "--exclude-standard")
    changed = {*names_of(folder, "diff-files", "-z", "--name-only", "--relative"), *new}
    for name in [one for one in {*staged, *new} if (folder / one / ".git").exists()]:
        inner = files_of(folder / name)  # a repository in the repository
        yield from ((f"{name.rstrip('/')}/{path}", own) for path, own in inner.items())
    yield from ((name, own) for name, own in staged.items() if name not in changed)
    hashed = [name for name in changed if (folder / name).is_file()]
    yield from _ids(folder, hashed, filtered=True).items()


def _staged(line: str) -> tuple[str, str]:
    about, _, name = line.partition("\t")
    return name, about.split(" ")[1]


def _listed(line: str) -> tuple[str, str]:
    about, _, name = line.partition("\t")
    _, kind, own = about.split(" ")
    return name, own if kind == "blob" else ""


def _ids(folder: Path, names: Iterable[str], filtered: bool = False) -> dict[str, str]:
    """Of files, `filtered` as git would take them in, where it converts the ends of lines."""
    found: dict[str, str] = {}
    asked: list[str] = []
    for name in names:
        path, place = folder / name, _place(folder / name)
        if place in _known:
            found[name] = _known[place]
        elif filtered and not path.is_symlink() and "\n" not in name and name[0] != '"':
            asked.append(name)
        else:
            linked = path.is_symlink() and filtered
            found[name] = blob(os.fsencode(path.readlink()) if linked else path.read_bytes())
    if asked:
        inner = line_of(folder, "rev-parse", "--show-prefix")  # it sees paths from the top
        paths = "\n".join(f"{inner}{name}" for name in asked)
        told = os.fsdecode(git(folder, "hash-object", "--stdin-paths", told=paths))
        found |= dict(zip(asked, told.split(), strict=True))
    places = {_place(folder / name): own for name, own in found.items()}
    _known.update({place: own for place, own in places.items() if place[1] >= _LARGE})
    return found


def _place(path: Path) -> tuple[str, int, int, int]:
    about = path.lstat()
    return str(path), about.st_size, about.st_mtime_ns, about.st_ino


def _like_code(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _may_hold_code(Path(place, name))]
        for path in (Path(place, name) for name in names if name.endswith(LIKE_CODE)):
            if path.is_file():
                yield path.relative_to(folder)


def _may_hold_code(folder: Path) -> bool:
    """Neither hidden, nor what programs leave, nor an environment of Python."""
    hidden = folder.name.startswith(".") or folder.name in _NEVER
    return not hidden and not (folder / "pyvenv.cfg").exists()


def _is_apart(path: Path, apart: Sequence[Path]) -> bool:
    return "__pycache__" in path.parts or any(path.is_relative_to(one) for one in apart)
