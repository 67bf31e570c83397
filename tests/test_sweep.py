"""Whole sweeps on a real Ray: finished, failed, extended, refused."""

import json
import os
import subprocess
import sys

from conftest import LINE, ROOT, ablate, ablate_process, process, wait_for
from six_cells import QUICK, SIX, SLOW, ledger, truth


def test_a_sweep_ends_with_leaderboard_and_addresses_and_runs_once(tmp_path, ray_address):
    command = ["run", LINE, *QUICK, "--storage", tmp_path, "--address", ray_address]
    done = ablate(*command)
    assert done.returncode == 0, done.stderr
    for word in ("plain", "half", "heavy", "val/error", "MLflow", "ablate export line-smoke"):
        assert word in done.stdout
    assert {r.status for r in ledger(tmp_path, "line-smoke").records().values()} == {"finished"}
    next(tmp_path.rglob("done.json")).unlink()  # the driver died before it said so
    again = ablate(*command)
    assert again.returncode == 0 and "heavy" in again.stdout
    records = ledger(tmp_path, "line-smoke").records().values()
    assert {(r.status, r.attempts) for r in records} == {("finished", 1)}


def test_reused_workers_give_what_a_lone_process_gives(reference, tmp_path):
    here = ablate_process("run", LINE, *SIX, "--here", "heavy", "--storage", tmp_path)
    assert here.returncode == 0, here.stderr
    alone = truth(tmp_path, "line-paper")
    heavy = {key: cell for key, cell in alone.items() if key.startswith("heavy")}
    among = truth(reference, "line-paper")
    assert len(heavy) == 2 and heavy == {key: among[key] for key in heavy}


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


def test_a_failing_arm_is_reported_and_the_others_finish(tmp_path, ray_address):
    study = tmp_path / "broken.py"
    study.write_text(
        LINE.read_text().replace(
            '"heavy": {"momentum": 0.9}', '"heavy": {"momentum": 0.9, "fails_at": 3}'
        )
    )
    place = ["--storage", tmp_path / "runs"]
    done = ablate("run", study, *QUICK, *place, "--address", ray_address)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FloatingPointError at step 3: loss must be finite" in done.stdout
    records = ledger(tmp_path / "runs", "line-smoke").records()
    assert sorted(r.status for r in records.values()) == ["failed"] * 2 + ["finished"] * 7
    failed = next(k for k, r in records.items() if r.status == "failed")
    assert "Traceback" in ablate("logs", "line-smoke", failed, *place).stdout
    study.write_text(study.read_text().replace("raise FloatingPointError", "pass  # "))
    retry = ["resume", "line-smoke", "--retry-failed", *place, "--address", ray_address]
    changed = ablate(*retry)
    assert changed.returncode == 2 and "the digest of the study's file was" in changed.stderr
    mended = ablate(*retry, "--accept-code-change")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "confound: cells ran under different code, study_sha256" in mended.stdout


def test_a_sweep_is_extended_by_arms_and_seeds_and_keeps_what_is_done(tmp_path, ray_address):
    place = ["--storage", tmp_path, "--address", ray_address]
    first = ablate("run", LINE, *QUICK, *place, "--arms", "plain,half", "--seeds", "0,1")
    assert first.returncode == 0
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("done.json")}
    more = ablate("resume", "line-smoke", *place, "--arms", "heavy", "--seeds", "2")
    assert more.returncode == 0, more.stderr
    records = ledger(tmp_path, "line-smoke").records()
    assert len(records) == 9 and {r.status for r in records.values()} == {"finished"}
    assert all(p.stat().st_mtime_ns == then for p, then in before.items())


def test_the_json_document_stands_alone_on_stdout(tmp_path, ray_address):
    place = ["--storage", tmp_path, "--address", ray_address]
    done = ablate("run", LINE, *QUICK, *place, "--json", "--seeds", "0")
    document = json.loads(done.stdout)
    assert document["schema"] == 1 and document["status"] == 0
    status = json.loads(ablate("status", "line-smoke", "--storage", tmp_path, "--json").stdout)
    assert [c["status"] for c in status["cells"]] == ["finished"] * 3
