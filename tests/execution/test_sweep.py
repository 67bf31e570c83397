"""Whole sweeps on a real Ray: finished, extended, continued until decided, refused."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from conftest import BIN, LINE, ROOT, ablate, ablate_process, process, wait_for
from documents import EXAMPLE, conforms
from six_cells import QUICK, SIX, SLOW, ledger, truth


@dataclass(frozen=True)
class Grown:
    """A sweep of two arms at two seeds, then extended by an arm and a seed, by a program."""

    storage: Path
    before: dict[Path, int]  # when each cell's end was recorded, in ns
    documents: tuple[str, str]  # what each command printed
    told: str  # by the program


@pytest.fixture(scope="module")
def grown(tmp_path_factory, ray_address) -> Grown:
    """The example of infra/cli/json.md, word for word."""
    storage = tmp_path_factory.mktemp("grown")
    words = [str(LINE), "--storage", str(storage), "--address", ray_address]
    before, documents, run = {}, [], subprocess.run
    paths = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def recorded(command, **settings):
        done = run(command, cwd=ROOT, env={**os.environ, **paths}, **settings)
        documents.append(done.stdout)
        ended = {path: path.stat().st_mtime_ns for path in storage.rglob("done.json")}
        before.update(ended if len(documents) == 1 else {})
        return done

    argv = patch.object(sys, "argv", ["example.py", *words])
    with patch("subprocess.run", recorded), argv, redirect_stdout(StringIO()) as told:
        exec(EXAMPLE, {"__name__": "__main__"})
    first, second = documents
    return Grown(storage, before, (first, second), told.getvalue())


def test_a_program_reads_verdicts_of_the_sweep_that_it_drove(grown):
    first, second = (conforms(text, "ran") for text in grown.documents)
    assert first["status"] == second["status"] == 0
    for row in second["leaderboard"]["rows"]:
        assert f"{row['arm']} {row['verdict'] or 'baseline'} " in grown.told
    assert len(second["leaderboard"]["rows"]) == 3 and second["leaderboard"]["seeds"] == [0, 1, 2]


def test_a_sweep_is_extended_by_arms_and_seeds_and_keeps_what_is_done(grown):
    records = ledger(grown.storage, "line-smoke").records()
    assert len(grown.before) == 4 and len(records) == 9
    assert {r.status for r in records.values()} == {"finished"}
    assert all(p.stat().st_mtime_ns == then for p, then in grown.before.items())


def test_workers_have_one_hash_seed_which_is_on_record(grown):
    records = ledger(grown.storage, "line-smoke").records()
    assert {record.start["hash_seed"] for record in records.values()} == {"0"}


def test_status_has_every_cell(grown):
    told = ablate("status", "line-smoke", "--storage", grown.storage, "--json").stdout
    assert [c["status"] for c in conforms(told, "status")["cells"]] == ["finished"] * 9


def test_a_sweep_runs_once_even_when_the_driver_died_before_it_said_so(grown, tmp_path):
    storage = shutil.copytree(grown.storage, tmp_path / "copy")
    next(storage.rglob("done.json")).unlink()
    again = ablate("run", LINE, *QUICK, "--storage", storage)
    assert again.returncode == 0
    for word in ("plain", "half", "heavy", "val/error", "MLflow", "ablate export line-smoke"):
        assert word in again.stdout
    records = ledger(storage, "line-smoke").records().values()
    assert {(r.status, r.attempts) for r in records} == {("finished", 1)}


def test_reused_workers_give_what_a_lone_process_gives(reference, tmp_path, ray_address):
    """And the command ends with the leaderboard and with where to look further."""
    done = ablate_process("run", LINE, *SIX, "--storage", tmp_path, "--address", ray_address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert truth(tmp_path, "line-paper") == truth(reference, "line-paper")
    for word in ("plain", "half", "heavy", "val/error", "MLflow", "ablate export line-paper"):
        assert word in done.stdout


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
