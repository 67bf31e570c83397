"""The user's own code: modules that are neither Python's, nor installed, nor of our packages.

They are told by name, since a job's copy of a file lies elsewhere, and digested when they are first
seen, so that an edit while a worker lives is not taken for what it runs. What was edited between
two runs of a driver is found also where it is imported late, without importing it. A module counts
whether it is source, compiled or in an archive, but not what torch or Triton write as they go.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.machinery import all_suffixes
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from infra.root import PACKAGES, ROOT, real_file
from infra.study.locate import STUDY_MODULE

MODULES = "modules"  # their name among what a commit says of the cell
_DIGITS = 16
_INSTALLED = {"site-packages", "dist-packages"}
_TOOLS = (  # that look at a run and are no part of it
    "pydev", "_pydev", "debugpy", "pytest", "_pytest", "conftest", "__main__", "__mp_",
)  # fmt: skip
_TESTS = ("test_",)  # where pytest runs them; elsewhere a name as any other
_seen: dict[str, str] = {}


def own_modules() -> dict[str, str]:
    """The modules of the user's that this process has loaded, each with the digest of its file."""
    others = (STUDY_MODULE, *_TOOLS, *(_TESTS if "_pytest" in sys.modules else ()))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name not in _seen and file and not name.startswith(others):
            if _is_users(file) and not _is_made(name, Path(file)):
                _seen[name] = _digest(Path(file))
    return {name: _seen[name] for name in sorted(_seen) if name in sys.modules}


def as_texts(modules: Mapping[str, str]) -> list[str]:
    """As a commit holds them."""
    return [f"{name}={digest}" for name, digest in modules.items()]


def recorded_modules(texts: Iterable[str]) -> dict[str, set[str]]:
    """Digests by name out of a commit; more than one where a change was accepted."""
    found: dict[str, set[str]] = {}
    for text in texts:
        name, _, digest = text.rpartition("=")
        found.setdefault(name, set()).add(digest)
    return found


def digest_now(name: str) -> str:
    """Of a module that is loaded or could be imported now; "" where there is none."""
    if name in sys.modules:
        return own_modules().get(name, "")
    top, *inner = name.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return ""
    if spec is None or not inner:
        return _digest(Path(spec.origin)) if spec and spec.origin else ""
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *inner)
        for suffix in all_suffixes():
            for file in (path.with_name(f"{path.name}{suffix}"), path / f"__init__{suffix}"):
                if digest := _digest(file):
                    return digest
    return ""


@cache
def _standard() -> tuple[Path, ...]:
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


@cache  # a commit asks it of all modules again, thousands where torch is loaded
def _is_users(file: str) -> bool:
    if not file.startswith(os.sep) or not file.endswith(tuple(all_suffixes())):
        return False
    if _is_others(os.path.dirname(real_file(file))):  # nearly all, so that they cost little
        return False
    held = _held_in(Path(file))
    return bool(held) and not _is_others(os.path.dirname(real_file(str(held))))


@cache
def _is_others(real_folder: str) -> bool:
    """Whether it is of the standard library, of what is installed, or of our packages."""
    folder = Path(real_folder)
    ours = (ROOT / name for name in PACKAGES)
    known = any(map(folder.is_relative_to, (*_standard(), *ours)))
    return known or not _INSTALLED.isdisjoint(folder.parts)


def _is_made(name: str, path: Path) -> bool:
    """Whether no import would find it, so that a program wrote it: below a module, or compiled."""
    above = sys.modules.get(name.rpartition(".")[0])
    places = getattr(above, "__path__", ()) if above else sys.path
    if path.suffix == ".py":
        return not places
    return path.parent not in {Path(place).absolute() for place in places}


def _held_in(path: Path) -> Path | None:
    """The file itself or the archive that holds it, None where there is neither."""
    return next((one for one in (path, *path.parents) if one.is_file()), None)


def _digest(path: Path) -> str:
    try:
        held = _held_in(path) or path
        if held == path:
            data = path.read_bytes()
        else:
            with ZipFile(held) as archive:
                data = archive.read(path.relative_to(held).as_posix())
    except (OSError, KeyError, BadZipFile):
        return ""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
