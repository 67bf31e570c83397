"""Ruby methods made up for the tests: trees, rows in the documented schema, and files."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainables.ruby.ingest.ruby import INSTALL, RubyParser


def _ruby_is_there() -> bool:
    try:
        with RubyParser():
            return True
    except RuntimeError:
        return False


needs_ruby = pytest.mark.skipif(not _ruby_is_there(), reason=f"needs Ruby: {INSTALL}")


def s(kind: str, *children: Any) -> dict[str, Any]:
    """A node."""
    return {"type": kind, "children": list(children)}


def call(name: str, *arguments: Any, on: Any = None) -> dict[str, Any]:
    return s("send", on, name, *arguments)


def method(name: str, body: Any = None, *parameters: Any) -> dict[str, Any]:
    return s("def", name, s("args", *parameters), body)


def row(gem: str, name: str, body: Any = None, line: int = 1, **others: Any) -> dict[str, Any]:
    """A row of the documented schema; an id, a score and so on where they are given."""
    return {
        "repo_name": gem,
        "file_path": f"./repos/{gem}/lib/{gem}.rb",
        "start_line": line,
        "raw_source": f"def {name}\nend",
        "ast_json": json.dumps(method(name, body)),
    } | others


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def twelve_gems() -> list[dict[str, Any]]:
    """Three methods in each, unlike all others."""
    return [
        row(f"gem{gem}", f"m{gem}_{line}", call("go"), line)
        for gem in range(12)
        for line in (1, 5, 9)
    ]
