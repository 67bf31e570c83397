"""Faults in and around a sweep: a failing arm, hours spent, no tracker, S3 away, a bad ledger."""

import shutil
import time

from conftest import LINE, ablate, ablate_process, s3_server, use_s3, wait_for
from six_cells import LOCAL, QUICK, SIX, SLOW, ledger, mlflow_rows, start, truth


def test_failing_and_diverging_arms_are_told_and_the_others_finish(tmp_path, ray_address):
    study = tmp_path / "broken.py"
    heavy, half = '"heavy": {"momentum": 0.9', '"half": {"momentum": 0.5'
    broken = LINE.read_text().replace(heavy, heavy + ', "fails_at": 3')
    study.write_text(broken.replace(half, '"half": {"rate": 1.9'))
    place, address = ["--storage", tmp_path / "runs"], ["--address", ray_address]
    done = ablate_process("run", study, *SIX, *place, *address)
    assert done.returncode == 1, done.stdout + done.stderr
    records = ledger(tmp_path / "runs", "line-paper").records()
    assert sorted(r.status for r in records.values()) == ["failed"] + ["finished"] * 5

    assert "FloatingPointError at step 3: loss must be finite" in done.stdout
    [failed] = [key for key, record in records.items() if record.status == "failed"]
    assert "Traceback" in ablate("logs", "line-paper", failed[:-2], *place).stdout

    diverging = [key for key in records if "half" in key]
    lines = done.stdout.splitlines()
    for key in diverging:
        assert sum(line.startswith(f"{key}: exploding at step") for line in lines) == 1
        assert any(key in line and "(exploding)" in line for line in lines)
    tags = mlflow_rows(tmp_path / "runs", "select value from tags where key = 'label'")
    labels = sorted(v.partition(" at step ")[0] for (v,) in tags if v)
    assert labels == ["exploding", "exploding", "non-finite"]

    study.write_text(study.read_text().replace("raise FloatingPointError", "pass  # "))
    retry = ["resume", "line-paper", "--retry-failed", *place]
    changed = ablate(*retry)
    assert changed.returncode == 2 and "the digest of the study's file was" in changed.stderr
    mended = ablate_process(*retry, "--accept-code-change", *address)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "confound: cells ran under different code, study_sha256" in mended.stdout


def test_a_sweep_that_spends_its_hours_stops_resumably(tmp_path, ray_address):
    slow = tmp_path / "slow.py"
    slow.write_text(LINE.read_text().replace('os.environ.get("LINE_SECONDS_PER_STEP", "0")', "0.1"))
    place = ["--storage", tmp_path / "runs", "--address", ray_address]
    stopped = ablate_process("run", slow, *SIX, *place, "--budget-hours", 0.001)
    assert stopped.returncode == 130, stopped.stdout + stopped.stderr
    assert "--budget-hours 0.001 is spent" in stopped.stdout
    assert "ablate resume line-paper" in stopped.stdout
    records = ledger(tmp_path / "runs", "line-paper").records().values()
    assert any(r.commit for r in records) and any(r.status != "finished" for r in records)
    left = ablate("resume", "line-paper", "--storage", tmp_path / "runs", "--dry-run")
    assert left.returncode == 0 and "  interrupted" in left.stdout


def test_a_tracker_that_is_down_costs_the_sweep_nothing_and_sync_catches_up(tmp_path, ray_address):
    nowhere, place = "http://127.0.0.1:9", ["--storage", tmp_path]
    untracked = ["--tracking", nowhere, "--address", ray_address]
    done = ablate_process("run", LINE, *QUICK, *place, *untracked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ablate sync line-smoke" in done.stdout
    assert ablate("sync", "line-smoke", *place).returncode == 0
    assert len(mlflow_rows(tmp_path, "select * from tags where key = 'ablate.cell'")) == 9
    again = mlflow_rows(tmp_path, "select * from metrics order by 1, 2, 3, 4, 5, 6")
    assert ablate("sync", "line-smoke", *place).returncode == 0
    assert mlflow_rows(tmp_path, "select * from metrics order by 1, 2, 3, 4, 5, 6") == again
    down = ablate("sync", "line-smoke", *place, "--tracking", nowhere)
    assert down.returncode == 2 and len(down.stderr.strip().splitlines()) == 1


def test_a_sweep_on_s3_waits_out_a_server_that_goes_away(reference, tmp_path, monkeypatch):
    folder = tmp_path / "s3"
    with s3_server("rclone", folder) as endpoint:
        use_s3(monkeypatch, endpoint)
        port = int(endpoint.rsplit(":", 1)[1])
        driver = start(
            "run", LINE, *SIX, *LOCAL, "--storage", "s3://bucket/runs", "--tracking",
            f"sqlite:///{tmp_path}/mlflow.db", **SLOW, ABLATE_COMMIT_EVERY_S="0.5",
        )  # fmt: skip
        wait_for(lambda: list(folder.rglob("head.json")), "a commit", of=driver)
    time.sleep(4.0)
    assert driver.poll() is None
    with s3_server("rclone", folder, port):
        output, _ = driver.communicate(timeout=200)
        assert driver.returncode == 0, output
        assert truth("s3://bucket/runs", "line-paper") == truth(reference, "line-paper")


def test_a_damaged_cell_is_told_run_again_and_comes_out_the_same(reference, tmp_path):
    storage = shutil.copytree(reference, tmp_path / "copy")
    head = sorted(storage.rglob("plain-s0*/**/head.json"))[0]
    head.write_bytes(head.read_bytes()[:20])
    told = ablate("status", "line-paper", "--storage", storage)
    assert "head.json is damaged" in told.stdout
    again = ablate("run", LINE, *SIX, "--here", "plain", "--storage", storage)
    assert again.returncode == 0, again.stdout + again.stderr
    assert truth(storage, "line-paper") == truth(reference, "line-paper")


def test_a_truncated_plan_is_refused_in_one_line(tmp_path):
    assert (
        ablate("run", LINE, "--scale", "smoke", "--here", "half", "--storage", tmp_path).returncode
        == 0
    )
    plan = tmp_path / "line-smoke" / "plan.json"
    plan.write_bytes(plan.read_bytes()[:100])
    refused = ablate("leaderboard", "line-smoke", "--storage", tmp_path)
    assert refused.returncode == 2 and "plan.json: must be whole JSON" in refused.stderr


def test_logs_and_exports_hold_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("RAY_AUTH_TOKEN_FOR_TEST", "hush-hush")
    done = ablate("run", LINE, "--scale", "smoke", "--here", "half", "--storage", tmp_path)
    assert done.returncode == 0
    assert (
        ablate("export", "line-smoke", "--to", tmp_path / "out", "--storage", tmp_path).returncode
        == 0
    )
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"hush-hush" not in path.read_bytes(), path
