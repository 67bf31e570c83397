"""Files beside a study that hide a module which Python or ablate needs.

A study's folder comes first where modules are looked for, here and in the workers, so that a
`types.py` or a `ray.py` in it is taken for the module of that name.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from infra.errors import Refused


def refuse_hiding(folder: Path) -> None:
    """Looks at what can be imported from the folder.

    Raises:
        Refused: When one of its files or packages hides a module that is needed.
    """
    elsewhere = _elsewhere(folder)
    for path, name in _modules(folder):
        if _is_hidden(name, elsewhere):
            raise Refused(
                f"{path}: must not hide the module {name!r}, since what lies beside a study is "
                "found before it; rename it"
            )


def hides(name: str, folder: Path) -> bool:
    """Whether a module of that name in the folder would hide one that is needed."""
    return _is_hidden(name, _elsewhere(folder))


def _elsewhere(folder: Path) -> list[str]:
    """Where else modules are looked for."""
    own = folder.resolve()
    return [place for place in sys.path if Path(place or ".").resolve() != own]


def _is_hidden(name: str, elsewhere: list[str]) -> bool:
    if name in sys.stdlib_module_names:
        return True
    return PathFinder.find_spec(name, elsewhere) is not None and _is_needed(name)


def _modules(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py":
            yield path, path.stem
        elif (path / "__init__.py").is_file():
            yield path, path.name


def _is_needed(name: str) -> bool:
    """Whether the module is of ablate or of a distribution that it requires, however indirectly."""
    return bool({_plain(one) for one in packages_distributions().get(name, ())} & _required())


@cache
def _required() -> frozenset[str]:
    found, todo = set[str](), ["ablate"]
    while todo:
        name = _plain(todo.pop())
        if name not in found:
            found.add(name)
            try:
                told = requires(name) or ()
            except PackageNotFoundError:
                continue
            todo += [match[0] for one in told if (match := re.match(r"[\w.-]+", one))]
    return frozenset(found)


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
