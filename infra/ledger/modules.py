"""The user's own code: modules that are neither Python's, nor installed, nor of our packages.

They are told by name, since a job's copy of a file lies elsewhere, and digested when they are first
seen, so that an edit while a worker lives is not taken for what it runs. What was edited between
two runs of a driver is found also where it is imported late, without importing it.
"""

import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from infra.root import PACKAGES, ROOT
from infra.study.locate import STUDY_MODULE

MODULES = "modules"  # their name among what a commit says of the cell
_DIGITS = 16
_INSTALLED = {"site-packages", "dist-packages"}
_TOOLS = (  # that look at a run and are no part of it
    "pydev", "_pydev", "debugpy", "pytest", "_pytest", "conftest", "test_", "__main__", "__mp_",
)  # fmt: skip
_seen: dict[str, str] = {}


def own_modules() -> dict[str, str]:
    """The modules of the user's that this process has loaded, each with the digest of its file."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name not in _seen and file and not name.startswith((STUDY_MODULE, *_TOOLS)):
            if _is_users(file):
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
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return _digest(file)
    return ""


@cache
def _standard() -> tuple[Path, ...]:
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


@cache  # a commit asks it of all modules again, thousands where torch is loaded
def _is_users(file: str) -> bool:
    path = Path(file)
    if path.suffix != ".py" or not path.is_absolute() or not path.is_file():
        return False
    return not _is_others((path.resolve() if path.is_symlink() else path).parent)


@cache
def _is_others(folder: Path) -> bool:
    """Whether it is of the standard library, of what is installed, or of our packages."""
    folder = folder.resolve()
    ours = (ROOT / name for name in PACKAGES)
    known = any(map(folder.is_relative_to, (*_standard(), *ours)))
    return known or not _INSTALLED.isdisjoint(folder.parts)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS]
    except OSError:
        return ""
