"""Drivers and workers killed at any moment: nothing is lost but time."""

import json
import os
import random
import signal
import time
from collections import Counter

import psutil
import pytest
from conftest import LINE, ablate, ablate_process, wait_for
from six_cells import LOCAL, SIX, SLOW, heads, mlflow_rows, start, truth


def workers_of(pid: int) -> list[psutil.Process]:
    """Ray's worker processes that train a cell."""
    children = psutil.Process(pid).children(recursive=True)
    return [c for c in children if "ray::ResourceTrainable" in " ".join(c.cmdline())]


def test_a_driver_killed_at_any_moment_costs_nothing_but_time(
    reference, tmp_path, ray_address, tmp_path_factory
):
    """Its TMPDIR is as long as a scheduler's, too long for the path of a socket."""
    command = ["run", LINE, *SIX, *LOCAL, "--storage", tmp_path]
    long = tmp_path_factory.mktemp("scratch_of_a_job_scheduler" * 3)
    driver = start(*command, **SLOW, ABLATE_COMMIT_EVERY_S="0.5", TMPDIR=str(long))
    wait_for(lambda: heads(tmp_path), "a commit", of=driver)
    time.sleep(random.uniform(0.0, 3.0))
    driver.kill()
    driver.wait()
    finished = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("done.json")}
    place = ["--storage", tmp_path, "--address", ray_address, "--no-preflight"]
    resumed = ablate_process("resume", "line-paper", *place)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert truth(tmp_path, "line-paper") == truth(reference, "line-paper")
    assert all(p.stat().st_mtime_ns == then for p, then in finished.items())
    runs = Counter(
        row[0] for row in mlflow_rows(tmp_path, "select value from tags where key = 'ablate.cell'")
    )
    assert len(runs) == 6 and set(runs.values()) == {1}
    points = mlflow_rows(
        tmp_path, "select run_uuid, key, step, count(*) from metrics group by 1, 2, 3"
    )
    assert points and all(row[3] == 1 for row in points)
    assert {row[0] for row in mlflow_rows(tmp_path, "select status from runs")} == {"FINISHED"}


def test_a_killed_worker_is_replaced_and_sigterm_to_all_leaves_a_resumable_sweep(
    reference, tmp_path, ray_address
):
    """SIGTERM as timeout, Slurm and systemd send it: Ray and the workers get it as well."""
    command = ["run", LINE, *SIX, *LOCAL, "--storage", tmp_path]
    driver = start(*command, **SLOW, ABLATE_COMMIT_EVERY_S="0.5")
    wait_for(lambda: len(heads(tmp_path)) >= 2, "two commits", of=driver)
    victims = workers_of(driver.pid)
    assert victims
    victims[0].kill()
    wait_for(lambda: list(tmp_path.rglob("0002-*/start.json")), "a second attempt", of=driver)
    starts = [json.loads(p.read_text()) for p in tmp_path.rglob("0002-*/start.json")]
    assert len(starts) == 1 and starts[0]["from_step"] > 0
    signalled = time.time()
    os.killpg(driver.pid, signal.SIGTERM)
    output, _ = driver.communicate(timeout=120)
    assert driver.returncode == 130, output
    assert any(p.stat().st_mtime > signalled for p in heads(tmp_path)), "stopping commits"
    assert "its worker died" in output and "ablate resume line-paper" in output
    place = ["--storage", tmp_path, "--address", ray_address, "--no-preflight"]
    resumed = ablate_process("resume", "line-paper", *place)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert truth(tmp_path, "line-paper") == truth(reference, "line-paper")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_commits_what_is_new(tmp_path, sent):
    here = ["run", LINE, *SIX, "--here", "plain", "--storage", tmp_path]
    slower = {"LINE_SECONDS_PER_STEP": "0.3"}  # so that it is at work still on a busy machine
    driver = start(*here, **slower, ABLATE_COMMIT_EVERY_S="1000")
    wait_for(lambda: list(tmp_path.rglob("start.json")), "a cell", of=driver)
    time.sleep(1.0)
    driver.send_signal(sent)
    output, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130, output
    assert heads(tmp_path), "stopping commits what is new"


def test_a_missing_state_begins_the_cell_again_and_comes_out_the_same(reference, tmp_path):
    here = ["run", LINE, *SIX, "--here", "plain", "--storage", tmp_path]
    driver = start(*here, **SLOW, ABLATE_COMMIT_EVERY_S="0.1")
    wait_for(lambda: heads(tmp_path), "a commit", of=driver)
    driver.kill()
    driver.wait()
    for state in tmp_path.rglob("state-*.pt"):
        state.write_bytes(state.read_bytes()[:50])
    again = ablate(*here)
    assert again.returncode == 0, again.stdout + again.stderr
    plain = {k: v for k, v in truth(reference, "line-paper").items() if k.startswith("plain")}
    assert truth(tmp_path, "line-paper") == plain
