"""A sweep of a script from its TOML file: run on Ray, answered, broken off and gone on with."""

import json
import os
import signal
import subprocess
import sys

import pytest
from conftest import ablate, ablate_process, wait_for
from own_scripts import PYTHON, TRAIN

STUDY = f"""
question = "Does a larger rate pay?"
metric = "val_loss"
mode = "min"
baseline = "small"

[script]
command = "{PYTHON} train.py --seed={{seed}} --out={{dir}} {{flags}}"
resume = "--resume"
points = {{kind = "pattern", pattern = 'step (?P<step>\\d+): .* val loss (?P<val_loss>\\S+)'}}

[flags]
lr = 0.01
steps = 40
pause = 0.0

[arms.small]

[arms.large]
lr = 0.03
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    path = tmp_path / "rates.toml"
    path.write_text(STUDY)
    return path


def test_a_script_is_swept_from_its_file_alone(study, tmp_path):
    done = ablate_process("run", study, "--storage", tmp_path / "runs", "--json")
    assert done.returncode == 0, done.stderr
    board = json.loads(done.stdout)["leaderboard"]
    rows = {row["arm"]: row for row in board["rows"]}
    assert rows["large"]["verdict"] == "better" and rows["large"]["finished"] == 3
    assert rows["large"]["mean"] == pytest.approx(11 * 0.97**40, abs=1e-4)
    again = ablate("run", study, "--storage", tmp_path / "runs")
    assert "6 cells are done, 0 to run" in again.stdout


def test_a_broken_off_script_goes_on_from_its_own_checkpoint(study, tmp_path):
    study.write_text(STUDY.replace("pause = 0.0", "pause = 0.02"))
    command = [sys.executable, "-m", "sweeps", "run", str(study), "--here", "small", "--seeds", "0"]
    environment = {**os.environ, "ABLATE_STORAGE": str(tmp_path / "runs")}
    environment["ABLATE_COMMIT_EVERY_S"] = "0.01"
    kept = tmp_path / "runs" / "rates-lab" / "cells"
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: list(kept.glob("*/*/state-*.pt")), "a commit", of=first)
    first.send_signal(signal.SIGINT)
    first.communicate()
    second = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert second.returncode == 0, second.stderr
    start = max(kept.glob("*/*/start.json"), key=lambda path: path.parent.name)
    assert json.loads(start.read_text())["from_step"] > 0
    assert f"val_loss {10 * 0.99**40:.5g}" in second.stdout
