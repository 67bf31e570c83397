r"""A study of a script, written as a TOML file; every key is known or refused by name.

question = "Does dropout pay?"
metric = "val_loss"
mode = "min"
baseline = "none"
seeds = [0, 1, 2]

[script]
command = "python train.py {flags} --seed={seed} --out_dir={dir}"
points = {kind = "pattern", pattern = 'step (?P<step>\d+): .* val loss (?P<val_loss>\S+)'}

[flags]
dropout = 0.0

[arms.none]

[arms.some]
dropout = 0.2
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from infra.study.study import Study
from infra.words import choices
from search_spaces.space import Arms, Grid
from trainables.script.config import ScriptConfig, as_field
from trainables.script.points import Points
from trainables.script.script import Script

_OF_STUDY = (
    "name", "question", "metric", "mode", "baseline", "seeds", "margin", "chance", "resolution",
    "cell_seconds", "usd_per_gpu_hour", "scales",
)  # fmt: skip
_TABLES = ("script", "flags", "arms", "grid", "source")
_NEEDED = ("question", "metric", "mode", "baseline", "script")


def study_of(path: Path) -> Study:
    """The study that a file tells; `cwd` is seen from the file's folder.

    Raises:
        ValueError: When the file is no TOML, has a key that nobody reads, or is no study.
    """
    try:
        told = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: must be TOML, but {error}") from error
    _refuse_unknown(path.name, told, (*_OF_STUDY, *_TABLES))
    for name in _NEEDED:
        if name not in told:
            raise ValueError(f"{path.name}: must have {name!r}, got {', '.join(told) or 'nothing'}")
    script = _script(path, dict(_table(path.name, told, "script")), told.get("flags", {}))
    given = {name: _frozen(told[name]) for name in _OF_STUDY if name in told}
    scales = {name: _fields(over) for name, over in given.pop("scales", {}).items()}
    return Study(
        run=script,
        base=script.base,
        space=_space(path.name, told, script),
        scales=scales,
        **{"name": path.stem, "seeds": (0, 1, 2), **given},
    )


def _script(path: Path, told: dict[str, Any], flags: Mapping[str, Any]) -> Script:
    known = [field.name for field in fields(ScriptConfig)]
    _refuse_unknown(f"{path.name}, [script]", told, known)
    if "command" not in told:
        raise ValueError(f"{path.name}, [script]: must have 'command', got {', '.join(told)}")
    if "points" in told:
        points = _table(f"{path.name}, [script]", told, "points")
        where = f"{path.name}, [script.points]"
        _refuse_unknown(where, points, [field.name for field in fields(Points)])
        told["points"] = Points(**points)
    return Script(root=path, flags=dict(_flat(flags)), **told)


def _space(name: str, told: Mapping[str, Any], script: Script) -> Arms | Grid:
    if ("arms" in told) == ("grid" in told):
        raise ValueError(f"{name}: must have [arms.NAME] tables or a [grid] of lists, and not both")
    source = told.get("source", name)
    if "grid" in told:
        return Grid(
            source=source, axes={axis: tuple(v) for axis, v in _fields(told["grid"]).items()}
        )
    arms = _table(name, told, "arms")
    overrides = {arm: _arm(script, dict(_table(name, arms, arm))) for arm in arms}
    return Arms(source=source, overrides=overrides)


def _arm(script: Script, told: dict[str, Any]) -> dict[str, Any]:
    """What an arm sets; `ref` and `patch` are its code and no flags."""
    ref, patch = told.pop("ref", ""), told.pop("patch", "")
    code = script.patched(patch, ref or "HEAD") if patch else script.at(ref) if ref else {}
    return {**_fields(told), **code}


def _table(where: str, told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(told[name], Mapping):
        raise ValueError(f"{where}: {name!r} must be a table, got {told[name]!r}")
    return told[name]


def _refuse_unknown(
    where: str, told: Mapping[str, Any], known: tuple[str, ...] | list[str]
) -> None:
    for name in told:
        if name not in known:
            raise ValueError(f"{where}: keys must be {choices(known, name)}, got {name!r}")


def _fields(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is set of the config, whose fields are the flags without hyphens."""
    return {as_field(flag): value for flag, value in _flat(told)}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Tables in tables as dotted names, as `a.b = 1` is in TOML."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, _frozen(value)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
