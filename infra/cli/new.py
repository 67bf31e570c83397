"""`ablate new`: files to begin a study of one's own with, which run as they are."""

from collections.abc import Mapping
from pathlib import Path

from infra.cli.command import Options, Studies, print_json
from infra.errors import DONE, Refused
from infra.study.neighbours import hides

_SCALE = "--scale smoke"


def new(studies: Studies, options: Options) -> int:
    """Writes the templates under the name that was asked for, into the folder one is in.

    Raises:
        Refused: For a name that a study cannot have, or a file that is there.
    """
    templates: Mapping[str, Mapping[str, Path]] = getattr(studies, "templates", {})
    chosen = templates["script" if options.script else "study"]
    paths = {Path(as_named.replace("NAME", options.name)): t for as_named, t in chosen.items()}
    _check(options.name, studies, list(paths))
    for path, template in paths.items():
        path.write_text(template.read_text().replace("NAME", options.name))
    if options.json:
        print_json({"written": [str(path) for path in paths]})
    else:
        study = list(paths)[-1]
        print(f"wrote {' and '.join(map(str, paths))}; `ablate run {study} {_SCALE}` takes seconds")
    return DONE


def _check(name: str, studies: Studies, paths: list[Path]) -> None:
    if not name.isidentifier():
        raise Refused(f"new: NAME must be a word of letters, digits and '_', got {name!r}")
    if name in studies:
        raise Refused(f"new: NAME must be none of the studies of `ablate list`, got {name!r}")
    if there := [str(path) for path in paths if path.exists()]:
        raise Refused(
            f"new: {there[0]} must not be there, as nothing is written over; choose another NAME "
            "or folder"
        )
    if hiding := [path for path in paths if path.suffix == ".py" and hides(path.stem, Path())]:
        raise Refused(
            f"new: {hiding[0]} must not hide the module {hiding[0].stem!r}; choose another NAME"
        )
