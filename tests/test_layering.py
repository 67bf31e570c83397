"""sweeps -> {search_spaces, trainables, infra} and no other arrow, `importlib` by name included."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"sweeps", "search_spaces", "trainables", "infra"}
FORBIDDEN = {
    "infra": {"sweeps", "search_spaces", "trainables"},
    "trainables": {"sweeps", "search_spaces", "infra", "ray", "mlflow", "boto3", "optuna"},
    "search_spaces": {"sweeps", "trainables", "infra", "ray", "mlflow", "boto3", "torch", "numpy"},
    "sweeps": {"ray", "mlflow", "boto3", "torch"},
}


def names_in(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            found |= {
                a.value
                for a in node.args
                if isinstance(a, ast.Constant) and isinstance(a.value, str)
            }
    return found


def violations(room: str, source: str) -> set[str]:
    return {n for n in names_in(ast.parse(source)) if n.split(".")[0] in FORBIDDEN[room]}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_no_room_reaches_into_another(room):
    for path in (ROOT / room).rglob("*.py"):
        assert not violations(room, path.read_text()), path


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("trainables", "import ray"),
        ("trainables", "def f():\n    from infra.study import Study"),
        ("infra", "import importlib\nimportlib.import_module('trainables.dino')"),
        ("infra", "__import__('sweeps')"),
        ("search_spaces", "import torch.nn"),
    ],
)
def test_the_rule_can_fail(room, line):
    assert violations(room, line)


def test_search_spaces_need_the_standard_library_alone():
    import sys

    for path in (ROOT / "search_spaces").rglob("*.py"):
        for name in names_in(ast.parse(path.read_text())):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or top == "search_spaces", f"{path}: {name}"
