"""What a study of one's own imports: the public names, the old paths, and all of it in a wheel."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

import ablate
from infra.root import PACKAGES

PATHS = """
from infra.cli import main
from infra.study import Run, Study
from search_spaces.space import Arms, Finding, Grid, Range, Sampled
"""


def test_every_public_name_is_what_it_says() -> None:
    for name in ablate.__all__:
        assert getattr(ablate, name).__name__ == name
    assert set(ablate.__all__) <= set(dir(ablate))
    with pytest.raises(AttributeError, match="must be asked for Arms, .*, got 'Studdy'"):
        ablate.Studdy  # noqa: B018


def test_importing_the_door_imports_nothing_heavy() -> None:
    heavy = {"torch", "ray", "numpy", "pandas", "mlflow", "infra", "search_spaces", "trainables"}
    code = f"import sys, ablate; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_paths_of_earlier_studies_go_on_working() -> None:
    names: dict[str, object] = {}
    exec(PATHS, names)
    for name in names.keys() & set(ablate.__all__):
        assert names[name] is getattr(ablate, name)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since building leaves folders in the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tree / "out", tree], check=True, capture_output=True)
    [built] = (tree / "out").glob("*.whl")
    return built


def test_a_wheel_holds_every_file(wheel: Path) -> None:
    kinds = (".py", ".rb", ".csv")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(kinds)}
    files = (path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.suffix in kinds)
    assert held == {path.relative_to(ROOT).as_posix() for path in files}


def test_a_wheel_runs_a_study(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run("-c", "from infra.root import ROOT; print(ROOT)")
    assert where.strip() == str(tmp_path / "site")
    words = ["run", "dino_cm", "--scale", "smoke", "--here", ".9", "--seeds", "0"]
    assert "val/top1_gain" in run("-m", "sweeps", *words, "--storage", str(tmp_path / "runs"))
