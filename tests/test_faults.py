"""Faults around a sweep: the tracker down, S3 away in the middle, a damaged ledger."""

import shutil
import time

from conftest import LINE, ablate, s3_server, use_s3, wait_for
from six_cells import LOCAL, QUICK, SIX, SLOW, mlflow_rows, start, truth

from infra.ledger import Ledger
from infra.storage import open_storage


def test_a_tracker_that_is_down_costs_the_sweep_nothing_and_sync_catches_up(tmp_path, ray_address):
    nowhere, place = "http://127.0.0.1:9", ["--storage", tmp_path]
    done = ablate("run", LINE, *QUICK, *place, "--tracking", nowhere, "--address", ray_address)
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
        wait_for(lambda: list(folder.rglob("head.json")), "a commit")
    time.sleep(4.0)
    assert driver.poll() is None
    with s3_server("rclone", folder, port):
        output, _ = driver.communicate(timeout=200)
        assert driver.returncode == 0, output
        book = Ledger(open_storage("s3://bucket/runs"), "line-paper")
        cells = {
            key: (
                record.status,
                [
                    (p.step, {k: v for k, v in p.metrics.items() if k[:5] != "perf/"})
                    for p in record.points
                ],
                record.commit.weights_sha256 if record.commit else "",
            )
            for key, record in book.records().items()
        }
        assert cells == truth(reference, "line-paper")


def test_a_damaged_cell_is_told_run_again_and_comes_out_the_same(reference, tmp_path, ray_address):
    storage = shutil.copytree(reference, tmp_path / "copy")
    head = sorted(storage.rglob("head.json"))[0]
    head.write_bytes(head.read_bytes()[:20])
    told = ablate("status", "line-paper", "--storage", storage)
    assert "head.json is damaged" in told.stdout
    again = ablate("resume", "line-paper", "--storage", storage, "--address", ray_address)
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
