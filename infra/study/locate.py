"""Where things are: a study by name or path, the storage when none is given."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from urllib.parse import unquote, urlparse

from infra.errors import Refused, first_line, place_of
from infra.root import PACKAGES, ROOT
from infra.study.neighbours import refuse_hiding
from infra.study.study import Study
from infra.words import choices

STUDY_MODULE = "ablate_study_"  # how a study's own file is called among modules
_RAY_COPY = "/runtime_resources/"


class Studies(dict[str, Path]):
    """Files of the known studies by name, and what reads a study from a file that is no Python.

    Attributes:
        readers: By the end of the file's name, such as ".toml".
        templates: Files that a new study begins with, by its kind ("study", "script") and the name
            that each gets, in which NAME stands for the study's; last the one that is run.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        readers: Mapping[str, Callable[[Path], Study]],
        templates: Mapping[str, Mapping[str, Path]],
    ) -> None:
        super().__init__(files)
        self.readers, self.templates = readers, templates


def load_study(name: str, studies: Mapping[str, Path]) -> tuple[Study, str]:
    """The study of a name or of a file, and the file's path when it was given by path.

    Raises:
        Refused: When there is no such study or its file is no study, with what the file raised.
    """
    if name in studies:
        return _study_in(studies[name]), ""
    path = Path(name).expanduser()
    readers = studies.readers if isinstance(studies, Studies) else {}
    if path.suffix in (".py", *readers) or os.sep in name:
        if not path.is_file():
            raise Refused(f"study {name!r}: must be a file, and there is none at {path.absolute()}")
        if path.suffix in readers:
            return _read(path, readers[path.suffix]), str(path.absolute())
        return _study_in(path.absolute()), str(path.absolute())
    raise Refused(
        f"study {name!r}: must be one of {choices(sorted(studies), name)}, or the path of your own "
        "file"
    )


def default_storage() -> str:
    """$ABLATE_STORAGE, else `runs/` beside the project's pyproject, never inside Ray's copy of it.

    Raises:
        Refused: In a copy whose original cannot be found.
    """
    if named := os.environ.get("ABLATE_STORAGE"):
        return named
    for root in (ROOT, _editable_root(), _pyproject_above(Path.cwd())):
        if root and (root / "pyproject.toml").is_file() and _RAY_COPY not in str(root):
            return str(root / "runs")
    if _RAY_COPY in str(ROOT) or _RAY_COPY in str(Path.cwd()):
        raise Refused(
            "storage: this is Ray's copy of the project, which is deleted later; name one with "
            "--storage or ABLATE_STORAGE"
        )
    return str(Path.cwd() / "runs")


def _read(path: Path, read: Callable[[Path], Study]) -> Study:
    try:
        return read(path.absolute())
    except (ValueError, TypeError) as error:
        raise Refused(f"study {path.name}: {' '.join(str(error).split())}") from error


def _study_in(path: Path) -> Study:
    refuse_hiding(path.parent)
    module_name = f"{STUDY_MODULE}{path.stem}"
    module = ModuleType(module_name)
    module.__file__ = str(path)
    sys.modules[module_name] = module
    _make_neighbours_importable(path.parent)
    try:
        # Not by an import, whose cached bytecode outlives an edit within the same second.
        exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        if isinstance(error, ValueError) and _is_ours(error):
            place = place_of(error)
            where = place if place.startswith(f"{path.name}:") else f"{path.name}, {place}"
            raise Refused(f"study {where}: {' '.join(str(error).split())}") from error
        raise Refused(f"study {path.name}: must be importable, but {first_line(error)}") from error
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        others = [name for name, value in vars(module).items() if isinstance(value, Study)]
        got = f"got {study!r}" if study is not None else "and has none"
        told = f"; rename {others[0]}" if others else ""
        raise Refused(f"study {path.name}: must define STUDY = Study(...), {got}{told}")
    return study


def _is_ours(error: Exception) -> bool:
    """Whether a law of ours was broken, and not the file's own code."""
    frames = extract_tb(error.__traceback__)
    return any(Path(frames[-1].filename).is_relative_to(ROOT / name) for name in PACKAGES)


def _make_neighbours_importable(folder: Path) -> None:
    """As when Python runs a file in the folder, here and in the workers of a private Ray."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(folder) not in known:
        sys.path.insert(0, str(folder))
        os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (str(folder), *known) if p)


def _editable_root() -> Path | None:
    """Where an editable installation of this package lives."""
    try:
        text = distribution("ablate").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    record = json.loads(text) if text else {}
    if not record.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlparse(record["url"]).path))


def _pyproject_above(folder: Path) -> Path | None:
    return next((p for p in (folder, *folder.parents) if (p / "pyproject.toml").is_file()), None)
