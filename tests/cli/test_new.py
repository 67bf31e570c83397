"""What `ablate new` writes runs as it is, to a verdict, and nothing is written over."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import BIN, ablate, refused

from infra.preflight.preflight import preflight
from infra.study.locate import load_study
from infra.study.plan import make_plan
from sweeps.__main__ import STUDIES


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ABLATE_STORAGE", str(tmp_path / "runs"))
    return tmp_path


def test_the_study_that_is_written_runs_to_a_verdict():
    told = ablate("new", "mine").stdout
    assert told == "wrote mine.py; `ablate run mine.py --scale smoke` takes seconds\n"
    study, _ = load_study("mine.py", STUDIES)
    assert preflight(study, make_plan(study, "smoke"), in_two_processes=False) == []
    for arm in ("small", "big"):
        done = ablate("run", "mine.py", "--scale", "smoke", "--here", arm, "--seeds", "0,1,2")
        assert done.returncode == 0, done.stdout + done.stderr
    board = json.loads(ablate("leaderboard", "mine-smoke", "--json").stdout)["leaderboard"]
    rows = {row["arm"]: row for row in board["rows"]}
    assert rows["big"]["verdict"] == "better" and rows["big"]["finished"] == 3


def test_the_script_that_is_written_tells_points_that_its_file_reads(monkeypatch):
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")  # an active environment
    told = ablate("new", "rates", "--script", "--json").stdout
    assert json.loads(told)["written"] == ["train.py", "rates.toml"]
    done = ablate("run", "rates.toml", "--scale", "smoke", "--here", "big", "--seeds", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "step 20  val_error" in done.stdout and "step 100  val_error" in done.stdout


def test_what_is_written_is_clean(folder):
    ablate("new", "mine")
    ablate("new", "mine", "--script")
    options = ["--isolated", "--line-length=100"]
    for command in (["check", "--select=E,F,UP,B"], ["format", "--check"]):
        done = subprocess.run([BIN / "ruff", *command, *options, folder], capture_output=True)
        assert done.returncode == 0, done.stdout


def test_a_name_that_cannot_be_is_refused_and_a_file_that_is_there_stays(folder):
    (folder / "train.py").write_text("mine")
    assert "train.py must not be there" in refused("new", "rates", "--script")
    assert (folder / "train.py").read_text() == "mine" and not (folder / "rates.toml").exists()
    assert "word of letters, digits and '_', got 'a/b'" in refused("new", "a/b")
    assert "must not hide the module 'torch'" in refused("new", "torch")
    assert "none of the studies of `ablate list`, got 'dino_cm'" in refused("new", "dino_cm")
