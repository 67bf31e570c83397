"""Arrows between packages, and between the rooms of infra, `importlib` by name included.

sweeps -> ablate -> {search_spaces, trainables, infra}, sweeps also straight to the three; in infra
each room imports the ground floor and what stands before it; in trainables a system imports no
other.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from infra.root import PACKAGES

FORBIDDEN = {
    "ablate": {"sweeps", "ray", "mlflow", "boto3", "torch", "numpy"},
    "infra": {"sweeps", "ablate", "search_spaces", "trainables"},
    "trainables": {
        "sweeps", "ablate", "search_spaces", "infra", "ray", "mlflow", "boto3", "optuna",
    },
    "search_spaces": {
        "sweeps", "ablate", "trainables", "infra", "ray", "mlflow", "boto3", "torch", "numpy",
    },
    "sweeps": {"ray", "mlflow", "boto3", "torch"},
}  # fmt: skip
ROOMS = [
    "study", "ledger", "answer", "cell", "tracking", "writeup", "preflight", "execution", "cli",
]  # fmt: skip
GROUND = {path.stem for path in (ROOT / "infra").glob("[!_]*.py")}
WINGS = {path.parent.name for path in (ROOT / "trainables").glob("*/__init__.py")}
READS = {"dino": {"ct"}, "graph": {"ruby"}}  # a system and the data that it reads


def names_in(tree: ast.AST) -> set[str]:
    """Every module that is imported anywhere, also in a function, and what is taken from it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            found |= {
                a.value
                for a in node.args
                if isinstance(a, ast.Constant) and isinstance(a.value, str)
            }
    return found


def violations(package: str, source: str) -> set[str]:
    return {n for n in names_in(ast.parse(source)) if n.split(".")[0] in FORBIDDEN[package]}


def upward(room: str, source: str) -> set[str]:
    """Imports of a file of infra from rooms that stand above its own; "" is the ground floor."""
    below = ROOMS[: ROOMS.index(room) + 1] if room else []
    parts = [n.split(".") for n in names_in(ast.parse(source)) if n.startswith("infra.")]
    return {".".join(p) for p in parts if p[1] not in {*below, *GROUND}}


def sources(package: str) -> Iterator[tuple[Path, str]]:
    for path in (ROOT / package).rglob("*.py"):
        yield path.relative_to(ROOT), path.read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_reaches_into_another(package):
    for path, source in sources(package):
        assert not violations(package, source), path


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("trainables", "import ray"),
        ("trainables", "def f():\n    from infra.study import Study"),
        ("infra", "import importlib\nimportlib.import_module('trainables.dino')"),
        ("infra", "__import__('sweeps')"),
        ("infra", "from ablate import Study"),
        ("search_spaces", "import torch.nn"),
    ],
)
def test_the_rule_between_packages_can_fail(package, line):
    assert violations(package, line)


def test_each_room_of_infra_imports_only_what_stands_before_it():
    rooms = set()
    for path, source in sources("infra"):
        room = path.parts[1] if len(path.parts) > 2 else ""
        rooms.add(room)
        assert path == Path("infra/__init__.py") or not upward(room, source), path
    assert rooms == {"", *ROOMS}


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("", "from infra.study.plan import Plan"),
        ("study", "from infra.preflight.complaint import listed"),
        ("answer", "def f():\n    from infra import cell"),
        ("preflight", "import infra.execution.ray_session"),
    ],
)
def test_the_order_of_rooms_can_fail(room, line):
    assert upward(room, line)
    assert not upward("cli", line)


@pytest.mark.parametrize("wing", sorted(WINGS))
def test_no_system_of_trainables_imports_another(wing):
    for path, source in sources(f"trainables/{wing}"):
        names = [n.split(".") for n in names_in(ast.parse(source)) if n.startswith("trainables.")]
        assert not {n[1] for n in names} & (WINGS - {wing} - READS.get(wing, set())), path


def test_search_spaces_need_the_standard_library_alone():
    for path, source in sources("search_spaces"):
        for name in names_in(ast.parse(source)):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or top == "search_spaces", f"{path}: {name}"


def test_files_of_tests_have_names_of_their_own():
    """Without packages pytest takes two of one name for one module, and collects one of them."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if "benchmarks" not in path.parts]
    assert sorted(set(names)) == sorted(names)
