"""Runs of a real MLflow, made arms and seeds of a sweep."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ablate, free_port, refused

LAWS = ["--metric", "val/loss", "--mode", "min", "--baseline", "0.1", "--arm-field", "lr"]


def log_run(
    client: Any,
    experiment: str,
    values: Sequence[float],
    status: str = "FINISHED",
    parent: str = "",
    **params: Any,
) -> str:
    """A run as a training script would log it."""
    from mlflow.entities import Metric, Param, RunTag

    tags = {"mlflow.parentRunId": parent} if parent else {}
    run = client.create_run(experiment, run_name="-".join(map(str, params.values())), tags=tags)
    number = run.info.run_id
    metrics = [Metric("val/loss", v, 1000 + i, 10 * i) for i, v in enumerate(values)]
    metrics += (
        [Metric("train/loss", 1.0, 2000, 25), Metric("system/cpu", 50.0, 0, 0)] if values else []
    )
    client.log_batch(
        number, metrics, [Param(n, str(v)) for n, v in params.items()], [RunTag("team", "a")]
    )
    if status != "RUNNING":
        client.set_terminated(number, status)
    return number


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one healthy experiment and one with what goes wrong."""
    from infra.tracking.view import import_mlflow

    import_mlflow()
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("mlflow") / "tracked.db"
    client = MlflowClient(f"sqlite:///{file}")
    good = client.create_experiment("rates", artifact_location=str(file.parent))
    parent = log_run(client, good, [], sweep="of rates")
    for rate, better in ((0.1, 0.0), (0.01, 0.5)):
        for seed in range(3):
            values = [3.0, 2.0 - better + seed / 128 * (1 + better), math.nan]
            log_run(client, good, values[:2], parent=parent, lr=rate, seed=seed)
    log_run(client, good, [3.0], "FAILED", lr=0.01, seed=3)
    log_run(client, good, [3.0, 2.125], lr=0.1, seed=3)
    deleted = log_run(client, good, [9.0, 9.0], lr=0.1, seed=0)
    client.delete_run(deleted)
    bad = client.create_experiment("troubles", artifact_location=str(file.parent))
    for case, values, status in (
        ("nan", [3.0, math.nan], "FINISHED"),
        ("infinite", [3.0, math.inf], "FINISHED"),
        ("running", [3.0], "RUNNING"),
        ("killed", [3.0], "KILLED"),
        ("none", [], "FINISHED"),
    ):
        log_run(client, bad, values, status, lr=0.1, seed=0, case=case)
    again = log_run(client, bad, [3.0, 2.0], lr=0.1, seed=1, case="again")
    client.log_metric(again, "val/loss", 1.5, timestamp=3000, step=10)
    for _ in range(2):
        log_run(client, bad, [3.0, 2.0], lr=0.1, seed=1, case="twice")
    return file


def test_experiment_becomes_a_sweep_and_what_holds_runs_is_told(
    store: Path, tmp_path: Path
) -> None:
    place = ["--storage", tmp_path / "runs"]
    before = store.read_bytes()
    done = ablate("import", store, *LAWS, "--experiment", "rates", "--json", *place)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["sweep"] == "rates"
    assert told["notes"] == [
        "8 metrics of machines (system/) left out",
        "1 run left out, holding others or lying in one: of rates",
        "8 points after the last val/loss of their runs left out",
    ]
    rows = {row["arm"]: row for row in told["leaderboard"]["rows"]}
    assert rows["0.1"]["values"] == [2.0, 2.0 + 1 / 128, 2.0 + 2 / 128, 2.125]
    assert rows["0.01"]["statuses"] == [*["finished"] * 3, "failed"]
    assert rows["0.01"]["verdict"] == "undecided", "an arm with a failed cell is never better"
    assert rows["0.1"]["steps"] == 10
    shown = ablate("import", f"sqlite:///{store}", *LAWS, "--experiment", "rates", *place)
    assert "2 arms x 4 seeds = 8 cells of MLflow experiment 'rates'" in shown.stdout
    assert store.read_bytes() == before
    assert ablate("report", "rates", "--to", tmp_path / "r.html", *place).returncode == 0
    assert "--from mlflow --experiment rates --arm-field lr" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("nan", "as recorded: val/loss must be finite, got nan at step 10"),
        ("infinite", "as recorded: val/loss must be finite, got inf at step 10"),
        ("killed", "as recorded: the run is KILLED"),
    ],
)
def test_run_that_came_to_nothing_is_a_failed_cell(store, tmp_path, case, words) -> None:
    where = ["--experiment", "troubles", "--where", f"case={case}", "--json"]
    done = ablate("import", store, *LAWS, *where, "--storage", tmp_path)
    [row] = json.loads(done.stdout)["leaderboard"]["rows"]
    assert (row["failed"], row["finished"]) == (1, 0)
    assert words in done.stdout


def test_values_that_were_logged_again_at_a_step_count_as_last_logged(store, tmp_path) -> None:
    where = ["--experiment", "troubles", "--where", "case=again", "--json"]
    told = json.loads(ablate("import", store, *LAWS, *where, "--storage", tmp_path).stdout)
    assert told["leaderboard"]["rows"][0]["values"] == [1.5]
    assert "1 values that were logged again at their step: the last one counts" in told["notes"]


@pytest.mark.parametrize(
    ("words", "law"),
    [
        ([], "experiment must be one of"),
        (["--experiment", "rate"], "experiment must be one of rates, troubles, got rate; choose"),
        (["--experiment", "troubles"], "must have ended, is RUNNING; wait for it, or leave it out"),
        (
            ["--experiment", "troubles", "--where", "case=none"],
            "metric must be one of its columns, got val/loss",
        ),
        (
            ["--experiment", "troubles", "--where", "case=none,again"],
            "run '0.1-0-none': must have val/loss, has no metric; leave it out with --where",
        ),
        (
            ["--experiment", "troubles", "--where", "case=twice"],
            "runs '0.1-1-twice' and '0.1-1-twice': must differ in arm or seed, are both '0.1', 1",
        ),
        (["--experiment", "rates", "--seed-field", "s"], "must have the field 's', has lr, run_id"),
    ],
)
def test_what_is_no_cell_is_refused_in_one_line(store, tmp_path, words, law) -> None:
    line = refused("import", store, *LAWS, *words, "--storage", tmp_path / "runs")
    assert law in line
    assert not list((tmp_path / "runs").rglob("*.json"))


def test_what_is_no_mlflow_is_left_as_it_was(tmp_path: Path) -> None:
    place = ["--storage", tmp_path / "runs"]
    missing = tmp_path / "none.db"
    assert "none.db: must be a SQLite database of MLflow, got: unable to open" in refused(
        "import", missing, *LAWS, *place
    )
    other = tmp_path / "other.db"
    other.write_bytes(b"no database at all" * 100)
    assert "other.db: must be a SQLite database of MLflow" in refused(
        "import", other, *LAWS, *place
    )
    assert not missing.exists() and os.listdir(tmp_path) == ["other.db"]
    line = refused("import", f"http://me:secret@127.0.0.1:{free_port()}", *LAWS, *place)
    assert "must be an MLflow that answers, got " in line and "secret" not in line


def test_folder_of_mlflows_files_is_read_too(tmp_path: Path) -> None:
    """As older clients wrote it: a file per metric, with time, value and step in a line."""
    experiment = tmp_path / "mlruns/123"
    for arm in ("a", "b"):
        run = experiment / f"run{arm}"
        for folder in ("metrics/val", "params", "tags", "artifacts"):
            (run / folder).mkdir(parents=True)
        (run / "metrics/val/loss").write_text("1000 3.0 0\n1001 2.5 10\n")
        for name, value in (("arm", arm), ("seed", "0")):
            (run / "params" / name).write_text(value)
        (run / "meta.yaml").write_text(
            f"artifact_uri: {run}/artifacts\nend_time: 2\nentry_point_name: ''\n"
            f"experiment_id: '123'\nlifecycle_stage: active\nrun_id: run{arm}\nrun_name: {arm}\n"
            f"run_uuid: run{arm}\nsource_name: ''\nsource_type: 4\nsource_version: ''\n"
            "start_time: 1\nstatus: 3\ntags: []\nuser_id: me\n"
        )
    (experiment / "meta.yaml").write_text(
        f"artifact_location: {experiment}\nexperiment_id: '123'\nlifecycle_stage: active\n"
        "name: old\ncreation_time: 1\nlast_update_time: 1\n"
    )
    words = ["--mode", "min", "--baseline", "a", "--json", "--storage", tmp_path / "runs"]
    done = ablate("import", tmp_path / "mlruns", *words)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["leaderboard"]["rows"]
    assert sorted((row["arm"], row["values"]) for row in rows) == [("a", [2.5]), ("b", [2.5])]
