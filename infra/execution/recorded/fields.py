"""What a recorded run was given: fields by name, out of its config, its name, files beside it."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.errors import Refused

BESIDE = (
    "config.yaml", "config.yml", "config.json", ".hydra/config.yaml", "hparams.yaml",
    "hparams.json", "args.json", "params.json",
)  # fmt: skip
Fields = dict[str, str]


def flat(tree: Mapping[str, Any], prefix: str = "") -> Fields:
    """Nested fields dotted, values as Python writes them; W&B's `{value: 3}` is 3."""
    found: Fields = {}
    for name, value in tree.items():
        if str(name).startswith(("_wandb", "wandb_version")):
            continue
        if isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "desc"}:
            value = value["value"]
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value if isinstance(value, str) else str(value)
    return found


def unpacked(row: Mapping[str, Any]) -> Fields:
    """A row of a table of runs; its columns `config` and `summary` may hold whole mappings."""
    found: Fields = {}
    for name, value in row.items():
        whole = _mapping(value) if name in ("config", "summary", "summary_metrics") else None
        found |= flat({name: value} if whole is None else whole)
    return found


def _mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping, also one that was written as text, by JSON or by Python."""
    for read in (lambda v: v, json.loads, ast.literal_eval):
        try:
            if isinstance(told := read(value), Mapping):
                return told
        except (ValueError, TypeError, SyntaxError):
            continue
    return None


def beside(folder: Path, top: Path, notes: list[str]) -> Fields:
    """Fields in the config files of a folder and of those above it, the nearest before others."""
    folders = [folder, *folder.parents]
    known = [f for f in folders if f == top or top in f.parents]
    found: Fields = {}
    for place in reversed(known or [folder]):
        for name in BESIDE:
            found |= config_file(place / name, notes)
    return found


def config_file(file: Path, notes: list[str]) -> Fields:
    """The fields in a JSON or YAML file; none where there is no such file, or it is told why."""
    if not file.is_file():
        return {}
    try:
        text = file.read_text(encoding="utf-8")
        return flat(_parsed(file, text))
    except (OSError, ValueError) as error:
        notes.append(f"{file}: its fields are not known, {' '.join(str(error).split())[:200]}")
        return {}


def _parsed(file: Path, text: str) -> Mapping[str, Any]:
    if file.suffix == ".json":
        told = json.loads(text)
    else:
        import yaml

        try:
            told = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"it must be YAML of plain values: {error}") from error
    if not isinstance(told, Mapping):
        raise ValueError(f"it must hold fields by name, holds {type(told).__name__}")
    return told


def template(text: str, seed_field: str) -> re.Pattern[str]:
    """`{arm}-s{seed}` as the expression of whole names, with a group for each field.

    Raises:
        Refused: Where it names no field, or one twice.
    """
    parts = re.split(r"\{([^{}]+)\}", text)
    names = parts[1::2]
    if not names or len(set(names)) < len(names):
        raise Refused(
            f"--run-name {text!r}: must name fields in braces, each once, such as "
            f"'{{arm}}-s{{seed}}', names {', '.join(names) or 'none'}"
        )
    groups = (
        f"(?P<f{i // 2}>{'[0-9]+' if part == seed_field else '.+?'})" if i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    )
    return re.compile("".join(groups), re.DOTALL)


def named_by(pattern: re.Pattern[str], text: str, name: str) -> Fields | None:
    """The fields that a run's name tells; None where it is called otherwise."""
    found = pattern.fullmatch(name)
    names = re.findall(r"\{([^{}]+)\}", text)
    return {n: found[f"f{i}"] for i, n in enumerate(names)} if found else None


def conditions(told: Iterable[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Of `FIELD=VALUE,VALUE` the field and its values; True, or False of `FIELD!=VALUE`.

    Raises:
        Refused: Where there is no `=`.
    """
    for one in told:
        name, mark, values = one.partition("=")
        is_in = not name.endswith("!")
        if not mark or not name.rstrip("!"):
            raise Refused(f"--where {one}: must be FIELD=VALUE,VALUE or FIELD!=VALUE")
        yield name.rstrip("!").strip(), [value.strip() for value in values.split(",")], is_in
