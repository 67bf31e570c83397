"""How the fields of an arm become what a script is told: arguments, variables or a file.

Each way has its own words for true, false, none and lists:

| way | true | false | none | a list |
|---|---|---|---|---|
| `--name=value` | `--a=True` | `--a=False` | `--a=None` | `--a=[1, 2]` |
| `--name value` | `--a` | left out | left out | `--a 1 2` |
| `name=value` (Hydra) | `a=true` | `a=false` | `a=null` | `a=[1,2]` |
| `env` | `A=1` | `A=0` | not set | `A=1,2` |
| `json`, `yaml` | true | false | null | a list |
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

WAYS = ("--name=value", "--name value", "name=value", "env", "json", "yaml")
_FILES = ("json", "yaml")


def arguments(way: str, values: Mapping[str, Any], folder: Path) -> list[str]:
    """The arguments in place of `{flags}`, in the fields' order.

    Args:
        way: How they are written; by `env` there are none.
        values: Value by the script's own name of it, dotted where it is nested.
        folder: Where a file of them is written, whose path is then the one argument.
    """
    if way in _FILES:
        path = folder / f"flags.{way}"
        path.write_text(_WRITE[way](nested(values)))
        return [str(path)]
    if way == "env":
        return []
    return [word for name, value in values.items() for word in _ARGUMENTS[way](name, value)]


def variables(way: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The environment variables that tell the values; none but by `env`."""
    if way != "env":
        return {}
    return {name: _variable(value) for name, value in values.items() if value is not None}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as mappings in mappings."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = list(value) if isinstance(value, tuple) else value
    return tree


def _literal(name: str, value: Any) -> Iterator[str]:
    yield f"--{name}={list(value) if isinstance(value, tuple) else value}"


def _apart(name: str, value: Any) -> Iterator[str]:
    if value is None or value is False:
        return
    yield f"--{name}"
    if isinstance(value, tuple | list):
        yield from map(str, value)
    elif value is not True:
        yield str(value)


def _hydra(name: str, value: Any) -> Iterator[str]:
    yield f"{name}={_hydra_value(value)}"


def _hydra_value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, tuple | list):
        return f"[{','.join(map(_hydra_value, value))}]"
    return str(value)


def _variable(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return ",".join(map(_variable, value)) if isinstance(value, tuple | list) else str(value)


def _yaml(tree: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(tree), sort_keys=False)


_ARGUMENTS: Mapping[str, Callable[[str, Any], Iterator[str]]] = {
    "--name=value": _literal,
    "--name value": _apart,
    "name=value": _hydra,
}
_WRITE: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "json": lambda tree: json.dumps(tree, indent=1),
    "yaml": _yaml,
}
