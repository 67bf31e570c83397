"""Submitted jobs run on the cluster they were submitted to, with token authentication on."""

import json
import os
import subprocess

import pytest
from conftest import BIN, ROOT, free_port, ray_head, wait_for


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """`ray start --head` with token authentication, and what joins it: settings and storage."""
    folder = tmp_path_factory.mktemp("cluster")
    port = free_port()
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),  # jobs test this tree, wherever the package is installed from
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "ABLATE_STORAGE": str(folder / "runs"),
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{port}",
        "ABLATE_COMMIT_EVERY_S": "0.5",
    }
    environment.pop("RAY_ADDRESS", None)
    run = {"cwd": ROOT, "env": environment}
    token = [BIN / "ray", "get-auth-token", "--generate"]
    subprocess.run(token, **run, check=True, capture_output=True)
    with ray_head(environment, f"--dashboard-port={port}") as (_, temp):
        # The agent that takes jobs comes after the page that lists them.
        wait_for(lambda: submit(run, "--", "true").returncode == 0, "a first job")
        yield run, folder / "runs", temp


def submit(run: dict, *words: str) -> subprocess.CompletedProcess[str]:
    command = [BIN / "ray", "job", "submit", *words]
    return subprocess.run(command, **run, capture_output=True, text=True, timeout=180)


def test_both_forms_of_submission_run_on_the_cluster_and_a_stopped_job_is_resumed(cluster):
    run, storage, temp = cluster
    study = ["--", "tests/studies/line.py", "--scale", "paper", "--seeds", "0", "--no-preflight"]
    slow = json.dumps({"env_vars": {"LINE_SECONDS_PER_STEP": "0.5"}})
    sent = submit(run, "--no-wait", "--submission-id=j1", f"--runtime-env-json={slow}", *study)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    wait_for(lambda: list((storage / "line-paper").rglob("head.json")), "a commit")
    stop = [BIN / "ray", "job", "stop", "j1"]
    subprocess.run(stop, **run, check=True, capture_output=True, timeout=60)
    resumed = submit(run, *study)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    starts = [json.loads(p.read_text()) for p in (storage / "line-paper").rglob("start.json")]
    assert max(start["from_step"] for start in starts) > 0

    script = ["python", "tests/studies/line.py", "--scale", "smoke", "--seeds", "0"]
    copied = submit(run, "--working-dir", ".", "--", *script, "--name", "copied")
    assert copied.returncode == 0, copied.stdout + copied.stderr
    for sweep in ("line-paper", "copied"):
        assert len(list((storage / sweep).rglob("done.json"))) == 3
    assert len(list(temp.glob("session_2*"))) == 1, "a job started a Ray of its own"
