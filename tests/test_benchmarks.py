"""Every benchmark runs, names what it needs, and stands behind the figures that name it."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import forked
import pytest
from command_line import need
from conftest import ROOT

from infra.root import PACKAGES

BENCHMARKS = ROOT / "tests" / "benchmarks"
SOURCES = {path.stem: path.read_text() for path in sorted(BENCHMARKS.glob("*.py"))}
SCRIPTS = [name for name, source in SOURCES.items() if '__name__ == "__main__"' in source]
BRINGS = "pip install -e '.[peers]'"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PEERS = PROJECT["optional-dependencies"]["peers"]

ON_RAY = {"overhead", "many_cells", "lab_sweep", "planted_defects"}

# The lines that say what a script is there for.
RESULTS = {
    "ct_augment": [r"lab .* ours +\d+ views/s", r"kornia +\d+ views/s +[\d.]+ x ours' time"],
    "dino_scale": [r"smoke +[\d.]+M +8 +[\d.]+ +\d+ "],
    "dino_step": [r"1 threads  ours +[\d.]+ ms", r"views joined +[\d.]+ ms  ours / peer [\d.]+"],
    "dino_table": [r"\| \.999 \| 2\.33 -> "],
    "interpreter": [
        r"interpreter +\d+ graphs/s, .* 1\.0 times its time",
        r"plain Python +\d+ graphs/s, ",
        r"pace is [\d.]+ times the bound of 4000",
    ],
    "fp8_step": [r"no GPU is there|fp8, all \+ compile \+ checkpoint +[\d.]+ ms +[\d.]+ GiB"],
    "graph_attention": [
        r"hidden 8, depth 1, 3 graphs in groups: ",
        r"groups / padded to 55 +[\d.]+",
        r"groups / padded to 128 +[\d.]+, from one graph x 3",
    ],
    "keyed_draws": [
        r"loose +dropout minus none \S+ ± \S+ nats, \w+",
        r"all groups .*; decided \d of 1",
        r"keyed +dropout minus none \S+ ± \S+ nats, \w+",
    ],
    "lab_sweep": [r"two plain processes +[\d.]+ s for 1 cells", r"ablate +[\d.]+ s, ratio [\d.]+"],
    "laws": [
        r"tree +127 edges +ours +[\d,]+ graphs/min",
        r"half dense +8128 edges +networkx +[\d,]+ graphs/min +[\d.]+ x ours' time",
        r"30 graphs of unlike size judged alike",
    ],
    "lm_scan_step": [r"attention +[\d.]+ ms +1\.00 times", r"3:1, 16 states +[\d.]+ ms"],
    "lpips_batch": [r"alex +3 pairs of 32 px +at once +\d+ ms +one by one +\d+ ms +ratio [\d.]+"],
    "lm_step": [r"ours .* tokens/s", r"Llama .* of it", r"GPT-2 .* of it"],
    "many_cells": [
        r"cells +plan ms/cell +status s +leaderboard s",
        r"^ +20 +[\d.]+ +nan +-?[\d.]+ ",
    ],
    "muon_step": [
        r"24 x 96\^2 +ours +[\d.]+ ms +torch +[\d.]+ ms +ours / torch [\d.]+",
        r"bound 0\.2 .* here they are (absent|used)$",
    ],
    "null_sweeps": [r"\| equal spread \| 0\.\d+ \| 0\.\d+ \|", r"\| 3 \| [\d.]+ \| [\d.]+ \|"],
    "overhead": [
        r"ablate +[\d.]+ ms per cell, 1 cells",
        r"bare Tune +[\d.]+ ms per cell, 1 cells, .* [\d.]+ times ablate's",
        r"bare Tune, reuse_actors +[\d.]+ ms per cell, 1 cells, .* [\d.]+ times ablate's",
    ],
    "pixel_step": [
        r"smoke +1 threads +plain DiT +[\d,]+ parameters +[\d.]+ ms +ours / this [\d.]+",
        r"smoke +1 threads +TREAD / dense [\d.]+, a batch made in [\d.]+ ms",
    ],
    "planted_defects": [r"found 2 of 2 defects", r"accused 0 of 1 healthy sweeps"],
    "step_down": [
        r"\| equal shares \(taken\) \| 0\.\d+ \| 0\.\d+ \| [\d.]+ \| 0\.\d+ \| - \|",
        r"\| Holm \| 0\.\d+ ",
    ],
    "uneven_seeds": [
        r"\| one seed in ten off by 30 sd \| [\d.]+ ",
        r"\| log-normal, sigma 1 \| [\d.]+ \| [\d.]+ \|",
        r"\| 12 seeds \| [\d.]+ \| [\d.]+ \|",
    ],
    "planted_faults": [r"named \d+\.\d%, found at all \d+\.\d%, false alarms 0\.\d%"],
}


def texts(pattern: str) -> dict[str, str]:
    """What each of the repository's own files of that name holds."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in told.splitlines() if (ROOT / name).exists()]
    return {name: (ROOT / name).read_text() for name in names}


def docstrings(source: str) -> Iterator[str]:
    """Those of a file, its classes and its functions; that of the file is the first."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_benchmark_runs_at_its_smallest_size(script: str, request: pytest.FixtureRequest):
    ray_address = request.getfixturevalue("ray_address") if script in ON_RAY else ""
    environment = {**os.environ, **({"RAY_ADDRESS": ray_address} if ray_address else {})}
    ran = forked.python([str(BENCHMARKS / f"{script}.py"), "--smallest"], environment, 300.0)
    if ran.returncode == 2 and ran.stderr.endswith(f"{BRINGS}\n"):
        pytest.skip(ran.stderr.strip())
    assert ran.returncode == 0, ran.stderr
    for line in RESULTS[script]:
        assert re.search(line, ran.stdout, re.M), ran.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_help_of_every_benchmark_is_its_docstring_and_shows_its_command(script: str):
    source = SOURCES[script]
    assert f"python tests/benchmarks/{script}.py" in next(docstrings(source))
    assert "parser_of(__doc__)" in source


def test_without_its_peer_a_benchmark_tells_in_a_line_what_brings_it(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tests/benchmarks/ct_augment.py"])
    with pytest.raises(SystemExit, match="2"):
        need("no_such_peer")
    told = capsys.readouterr().err
    assert told == f"ct_augment: needs no_such_peer to compare with; {BRINGS}\n"


def test_every_peer_has_one_version():
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", peer) for peer in PEERS)


def imported(source: str) -> set[str]:
    """The packages that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("name", SOURCES)
def test_pyproject_names_every_package_that_a_benchmark_imports(name: str):
    named = {re.split(r"\W", one)[0] for one in [*PROJECT["dependencies"], *PEERS]}
    assert imported(SOURCES[name]) <= {*sys.stdlib_module_names, *PACKAGES, *SOURCES, *named}


def figures(text: str) -> Iterator[tuple[str, str]]:
    """Each row of a table of figures, and where its script is told: the last cell."""
    is_figure = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            is_figure = False
        elif cells[1:] == ["figure", "script"]:
            is_figure = True
        elif is_figure and set(line) - set("|-: "):
            yield line, cells[-1]


def unfounded(text: str) -> list[str]:
    """Figures that name neither a script that exists, nor a `time` command, nor the row above's."""
    founded = r"`time [^`]+`.*|the same"
    scripts = "|".join(rf"`tests/benchmarks/{name}\.py`" for name in SCRIPTS)
    return [row for row, told in figures(text) if not re.fullmatch(f"{scripts}|{founded}", told)]


def missing(text: str) -> set[str]:
    """Benchmarks that are spoken of and do not exist."""
    return set(re.findall(r"tests/benchmarks/(\w+)\.py", text)) - set(SOURCES)


def test_every_figure_in_a_readme_names_its_script():
    readmes = texts("*README.md")
    assert any(list(figures(text)) for text in readmes.values())
    for name, text in readmes.items():
        assert not unfounded(text), name


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ("`tests/benchmarks/overhead.py`", 0),
        ("`time make test`", 0),
        ("`tests/benchmarks/by_turns.py`", 1),  # no script
        ("`tests/benchmarks/gone.py`", 1),
        ("", 1),
    ],
)
def test_a_figure_without_its_script_is_found(told: str, count: int):
    table = f"| what | figure | script |\n|---|---|---|\n| steps | 3 ms | {told} |\n"
    assert len(unfounded(table)) == count


def test_every_benchmark_that_is_spoken_of_exists():
    for name, text in texts("*README.md").items():
        assert not missing(text), name
    for name, source in texts("*.py").items():
        assert not missing("\n".join(docstrings(source))), name
