"""Whole sweeps on a real Ray: finished, extended, continued until decided, refused."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import LINE, ROOT, ablate, ablate_process, process, wait_for
from six_cells import QUICK, SIX, SLOW, ledger, truth


@dataclass(frozen=True)
class Grown:
    """A sweep of two arms at two seeds, then extended by an arm and a seed."""

    storage: Path
    first: subprocess.CompletedProcess[str]
    before: dict[Path, int]  # when each cell's end was recorded, in ns
    second: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def grown(tmp_path_factory, ray_address) -> Grown:
    storage = tmp_path_factory.mktemp("grown")
    place = ["--storage", storage, "--address", ray_address]
    small = ["--arms", "plain,half", "--seeds", "0,1", "--json"]
    first = ablate_process("run", LINE, *QUICK, *place, *small)
    assert first.returncode == 0, first.stdout + first.stderr
    before = {p: p.stat().st_mtime_ns for p in storage.rglob("done.json")}
    more = ["--arms", "heavy", "--seeds", "2"]
    second = ablate_process("resume", "line-smoke", *place, *more)
    assert second.returncode == 0, second.stdout + second.stderr
    return Grown(storage, first, before, second)


def test_a_sweep_ends_with_leaderboard_and_addresses(grown):
    for word in ("plain", "half", "heavy", "val/error", "MLflow", "ablate export line-smoke"):
        assert word in grown.second.stdout


def test_a_sweep_is_extended_by_arms_and_seeds_and_keeps_what_is_done(grown):
    records = ledger(grown.storage, "line-smoke").records()
    assert len(grown.before) == 4 and len(records) == 9
    assert {r.status for r in records.values()} == {"finished"}
    assert all(p.stat().st_mtime_ns == then for p, then in grown.before.items())


def test_workers_have_one_hash_seed_which_is_on_record(grown):
    records = ledger(grown.storage, "line-smoke").records()
    assert {record.start["hash_seed"] for record in records.values()} == {"0"}


def test_the_json_document_stands_alone_on_stdout(grown):
    document = json.loads(grown.first.stdout)
    assert document["schema"] == 1 and document["status"] == 0
    status = json.loads(ablate("status", "line-smoke", "--storage", grown.storage, "--json").stdout)
    assert [c["status"] for c in status["cells"]] == ["finished"] * 9


def test_a_sweep_runs_once_even_when_the_driver_died_before_it_said_so(grown, tmp_path):
    storage = shutil.copytree(grown.storage, tmp_path / "copy")
    next(storage.rglob("done.json")).unlink()
    again = ablate("run", LINE, *QUICK, "--storage", storage)
    assert again.returncode == 0 and "heavy" in again.stdout
    records = ledger(storage, "line-smoke").records().values()
    assert {(r.status, r.attempts) for r in records} == {("finished", 1)}


def test_reused_workers_give_what_a_lone_process_gives(reference, tmp_path, ray_address):
    done = ablate_process("run", LINE, *SIX, "--storage", tmp_path, "--address", ray_address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert truth(tmp_path, "line-paper") == truth(reference, "line-paper")


def test_until_decided_adds_seeds_for_undecided_arms_alone(tmp_path, ray_address):
    place = ["--storage", tmp_path]
    for arm in ("plain", "half", "heavy"):
        assert ablate("run", LINE, "--scale", "lab", "--here", arm, *place).returncode == 0
    further = ["--until-decided", "--max-seeds", 5, "--json", "--address", ray_address]
    done = ablate_process("resume", "line-lab", *further, *place)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["leaderboard"]["rows"]
    assert any(row["planned"] == 5 for row in rows)
    for row in rows:
        if row["verdict"] in ("better", "worse"):
            assert row["planned"] == len(row["difference"]["seeds"])
        else:
            assert row["planned"] == 5


def test_a_gpu_that_no_node_has_is_refused(tmp_path, ray_address):
    place = ["--storage", tmp_path, "--address", ray_address]
    done = ablate_process("run", LINE, "--gpus-per-cell", "64", *place)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "--gpus-per-cell 64: must fit on one node" in done.stderr


def test_a_second_driver_is_refused_with_host_pid_and_age(tmp_path):
    command = [sys.executable, "-m", "sweeps", "run", str(LINE), *SIX, "--here", "half"]
    with process(
        [*command, "--storage", str(tmp_path)],
        cwd=ROOT, env={**os.environ, **SLOW}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as first:  # fmt: skip
        wait_for(lambda: (tmp_path / "line-paper" / "lease.json").exists(), "a lease")
        second = ablate("run", LINE, *SIX, "--storage", tmp_path)
        assert second.returncode == 2
        assert f"pid {first.pid} on host" in second.stderr and "s ago" in second.stderr
