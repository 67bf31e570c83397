"""A stem is trained once on a node, whole or not at all, and has the same bits for everybody."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from conftest import ROOT, wait_for

from trainables.draws import generator
from trainables.stem import CODE, FOLDER, Stem, stem

# Trains for a while, says so in a file, and tells what came of it.
SCRIPT = """
import json, os, sys, time
from hashlib import sha256
import torch
torch.set_num_threads(1)
from trainables.draws import generator
from trainables.stem import stem
marks, seconds = sys.argv[1], float(sys.argv[2])
def train():
    with open(marks, "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(seconds)
    return {"model": {"w": torch.randn(5, 3, generator=generator(7, "init", "w"))}, "step": 4}
had = stem({"seed": 7, "width": 3}, train)
bits = sha256(had.state["model"]["w"].numpy().tobytes()).hexdigest()
print(json.dumps([bits, had.reused, had.seconds, had.own_s]))
"""


def start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    environment = {**os.environ, FOLDER: str(folder / "stems"), CODE: "c0de"}
    command = [sys.executable, "-c", SCRIPT, str(folder / "marks"), str(seconds)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )  # fmt: skip


def told(process: subprocess.Popen[str]) -> tuple[str, bool, float, float]:
    out, _ = process.communicate(timeout=120)
    return tuple(json.loads(out.splitlines()[-1]))


def trainings(folder: Path) -> list[str]:
    marks = folder / "marks"
    return marks.read_text().split() if marks.exists() else []


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of stems of this process."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "stems"))
    monkeypatch.setenv(CODE, "c0de")
    yield tmp_path / "stems"


def drawn(seed: int = 3) -> dict:
    return {"model": {"w": torch.randn(4, 2, generator=generator(seed, "w"))}, "half": 0.5}


def had(key: dict | None = None, data: str = "") -> Stem:
    return stem(key or {"seed": 3, "width": (4, 2)}, drawn, data)


def test_two_processes_at_once_train_it_once_and_have_equal_bits(tmp_path: Path) -> None:
    both = [start(tmp_path, 1.0), start(tmp_path, 1.0)]
    (bits, *one), (same, *two) = map(told, both)
    assert bits == same and len(trainings(tmp_path)) == 1
    first, second = sorted((one, two), key=lambda t: t[0])
    assert [first[0], second[0]] == [False, True]
    assert first[1] == second[1] >= 1.0 <= first[2]
    (tmp_path / "alone").mkdir()
    alone, reused, *_ = told(start(tmp_path / "alone", 0.0))
    assert alone == bits and not reused


def test_what_is_killed_midway_leaves_nothing_and_who_waits_trains_it(tmp_path: Path) -> None:
    killed = start(tmp_path, 60.0)
    wait_for(lambda: trainings(tmp_path), "a training", 60.0, killed)
    waiting = start(tmp_path, 0.1)
    time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    bits, reused, *_ = told(waiting)
    assert not reused and len(trainings(tmp_path)) == 2
    again, reused, seconds, own_s = told(start(tmp_path, 60.0))
    assert again == bits and reused and own_s < 30.0 and 0.1 <= seconds < 60.0


def test_a_stem_that_was_had_is_the_one_that_was_trained(shared: Path) -> None:
    first, second = had(), had()
    assert (first.reused, second.reused) == (False, True)
    assert first.seconds == second.seconds and first.state["half"] == 0.5
    assert torch.equal(first.state["model"]["w"], second.state["model"]["w"])
    assert torch.equal(first.state["model"]["w"], drawn()["model"]["w"])
    assert second.metrics["perf/stem_reused"] == 1.0 and first.metrics["perf/stem_reused"] == 0.0
    assert all(name.startswith("perf/") for name in first.metrics)
    assert (shared.stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize("spoil", [
    lambda data: data[: len(data) // 2],
    lambda data: data[:-1],
    lambda data: b"",
    lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
    lambda data: bytes(32) + data[32:],
])  # fmt: skip
def test_a_damaged_stem_is_trained_again(shared: Path, spoil) -> None:
    whole = had()
    [file] = shared.glob("*.pt")
    file.write_bytes(spoil(file.read_bytes()))
    again = had()
    assert not again.reused and torch.equal(again.state["model"]["w"], whole.state["model"]["w"])
    assert had().reused


def test_a_lost_stem_is_trained_again(shared: Path) -> None:
    had()
    shutil.rmtree(shared)
    assert not had().reused and had().reused


def test_whatever_may_change_its_bits_makes_another_stem(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"digest": name}))
    assert not had().reused
    assert not had({"seed": 4, "width": (4, 2)}).reused
    assert not had(data=str(tmp_path / "one")).reused
    assert not had(data=str(tmp_path / "two")).reused
    monkeypatch.setenv(CODE, "0ther")
    assert not had().reused
    monkeypatch.setattr(torch, "get_num_threads", lambda: 61)
    assert not had().reused
    assert len(list(shared.glob("*.pt"))) == 6


@pytest.mark.parametrize("missing", [FOLDER, CODE])
def test_without_folder_or_code_it_is_trained_each_time(
    shared: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    assert not had().reused and not had().reused and not shared.exists()


def test_a_folder_of_no_use_costs_time_alone_and_is_told(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared.write_text("a file in its place")
    assert not had().reused and not had().reused
    assert "not shared, since" in capsys.readouterr().out


def test_a_folder_that_goes_while_a_stem_is_trained_costs_no_second_training(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = []

    def loses_its_folder() -> dict:
        trained.append(1)
        shutil.rmtree(shared)
        return drawn()

    assert not stem({"seed": 3, "width": (4, 2)}, loses_its_folder).reused
    assert len(trained) == 1
    assert "trained, and not kept for others" in capsys.readouterr().out


def test_a_training_that_fails_leaves_the_stem_to_the_next(shared: Path) -> None:
    def fails() -> dict:
        raise FloatingPointError("loss must be finite")

    with pytest.raises(FloatingPointError):
        stem({"seed": 3, "width": (4, 2)}, fails)
    assert not had().reused and had().reused


def test_what_nobody_had_for_long_is_cleared_away(shared: Path) -> None:
    had()
    [old] = shared.glob("*.pt")
    half = shared / f".{old.stem}.abc"
    half.write_bytes(b"half")
    for path in (old, half):
        os.utime(path, (1.0, 1.0))
    had({"seed": 5})
    assert not old.exists() and not half.exists()


def test_a_key_that_json_does_not_know_is_refused(shared: Path) -> None:
    with pytest.raises(TypeError):
        stem({"seed": {1, 2}}, drawn)
