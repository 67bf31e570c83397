"""A line in a script that tells a point, and does nothing where nobody asked."""

import json
import subprocess
import sys

import pytest
from own_scripts import train

import ablate
from trainables.script.points import Points

SOURCE = """
import ablate
for n in (1, 2):
    print("noise")
    ablate.report(10 * n, val_loss=1 / n, **{"val/accuracy": n})
"""


@pytest.fixture
def points(tmp_path, monkeypatch):
    """The file that a cell's points go to."""
    path = tmp_path / "points.jsonl"
    monkeypatch.setenv("ABLATE_POINTS", str(path))
    return path


def test_a_script_tells_its_points_by_a_call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = train(tmp_path, SOURCE, points=Points(kind="report"))
    run, found = script(script.base), []
    while not run.done():
        if run.awaits("val_loss", 5.0):
            run.advance(1)
            found.append((run.step, run.evaluate()))
    run.close()
    assert found == [
        (10, {"val_loss": 1.0, "val/accuracy": 1.0}),
        (20, {"val_loss": 0.5, "val/accuracy": 2.0}),
    ]


def test_numbers_of_any_kind_are_told(points):
    import numpy
    import torch

    ablate.report(3, a=1, b=torch.tensor([0.5]), c=numpy.float32(2))
    assert json.loads(points.read_text()) == {"step": 3, "a": 1.0, "b": 0.5, "c": 2.0}
    with pytest.raises(TypeError, match="metric 'a' must be a number, got str"):
        ablate.report(4, a="much")


def test_other_ranks_and_runs_outside_a_sweep_tell_nothing(points, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    ablate.report(1, a=1)
    monkeypatch.delenv("RANK")
    monkeypatch.delenv("ABLATE_POINTS")
    ablate.report(1, a=1)
    assert not points.exists()


def test_reporting_imports_nothing_heavy():
    heavy = {"torch", "ray", "numpy", "mlflow", "infra", "trainables", "search_spaces"}
    code = f"import sys, ablate; ablate.report(1, a=2); print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
