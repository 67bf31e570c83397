"""MLflow holds what the ledger holds, once, however often and by whomever it is told."""

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import wait_for
from tracked import (
    METRIC,
    SYNC,
    commit,
    content,
    dump,
    expected,
    finish,
    finish_all,
    make_sweep,
    points_to,
    query,
    runs,
    tags,
    values,
)

from infra.colors import arm_color
from infra.ledger.lease import LEASE_FILE
from infra.ledger.records import Point
from infra.tracking.tracking import Tracker, default_tracking_uri, leaderboard_address, sync

SLOW_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, *where):
        if name == "mlflow.tracking.fluent":
            time.sleep(1)
sys.meta_path.insert(0, Slow())
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.tracking.tracking import Tracker
ledger = Ledger(open_storage(sys.argv[1]), "sweep")
tracker = Tracker(ledger, ledger.read_plan(), f"sqlite:///{sys.argv[1]}/mlflow.db")
def state():
    return "whole" if hasattr(sys.modules.get("mlflow"), "set_tracking_uri") else "half"
print(state())
tracker.wait_for_import()
print(state())
assert tracker.close()
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    """One SQLite database for all tests, which keep apart by their studies."""
    return tmp_path_factory.mktemp("database") / "mlflow.db"


@pytest.fixture
def uri(database) -> str:
    return f"sqlite:///{database}"


def test_each_cell_is_one_run_and_each_value_there_once(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "once")
    finish_all(ledger, plan)
    for _ in range(3):
        assert sync(ledger, plan, uri).cells == 4
    assert set(runs(database, "once")) == {"sweep", "A s0", "B s0", "A s1", "B s1"}
    assert values(database, "once") == expected(ledger, plan)
    assert set(values(database, "once").values()) == {1}


def test_sync_of_nothing_new_changes_no_row(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "still")
    finish_all(ledger, plan)
    commit(ledger, "A-s1", points_to(10), number=2)
    assert sync(ledger, plan, uri).new_values > 0
    before = dump(database)
    assert sync(ledger, plan, uri).new_values == 0
    assert dump(database) == before


def test_database_built_anew_is_the_one_that_grew(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "anew")
    commit(ledger, "A-s0", points_to(10))
    sync(ledger, plan, uri)
    finish_all(ledger, plan)
    sync(ledger, plan, uri)
    command = [sys.executable, "-c", SYNC, str(tmp_path), default_tracking_uri(str(tmp_path))]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    assert content(tmp_path / "mlflow.db", "anew") == content(database, "anew")


def test_label_is_a_tag_of_the_run_as_long_as_the_points_bear_it_out(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "label", cells=1)
    losses = [9, 6, 4, 3, 2.5, 2.3, 2.6, 3.2, 3.9, 4.6, *[2.0 - 0.1 * i for i in range(9)]]
    points = [Point(10 * i, {METRIC: loss}) for i, loss in enumerate(losses)]
    for count, kind in ((5, ""), (10, "late decay"), (19, "")):
        commit(ledger, "A-s0", points[:count])
        sync(ledger, plan, uri)
        assert tags(database, "label", "A s0").get("label", "").partition(" at ")[0] == kind
        before = dump(database)
        sync(ledger, plan, uri)
        assert dump(database) == before


def test_metric_first_reported_late_is_there(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "late", cells=1)
    points = points_to(10)
    commit(ledger, "A-s0", points)
    sync(ledger, plan, uri)
    points = [*points, Point(20, {"late/score": 0.25, **points[-1].metrics})]
    commit(ledger, "A-s0", points)
    assert sync(ledger, plan, uri).new_values == 4
    assert values(database, "late") == expected(ledger, plan)
    latest = "select value from latest_metrics where key = 'late/score'"
    assert query(database, latest) == [(0.25,)]


def test_cell_that_began_again_replaces_its_values(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "again", cells=1)
    commit(ledger, "A-s0", points_to(20))
    sync(ledger, plan, uri)
    commit(ledger, "A-s0", points_to(30, offset=7.0), number=2)
    sync(ledger, plan, uri)
    assert values(database, "again") == expected(ledger, plan)
    assert tags(database, "again", "A s0")["attempt"] == "0002-token"


def test_sweep_of_the_same_name_planned_anew_has_runs_of_its_own(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "namesake", cells=1)
    finish_all(ledger, plan)
    sync(ledger, plan, uri)
    sync(ledger, replace(plan, created="2026-02-02T00:00:00.000+00:00"), uri)
    sql = "select count(*) from tags where key = 'ablate.sweep' and run_uuid in "
    mine = "(select run_uuid from runs join experiments using (experiment_id) "
    assert query(database, sql + mine + "where experiments.name = 'namesake')") == [(2,)]


def test_runs_say_how_cells_ended(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "ends")
    finish(ledger, "A-s0")
    finish(ledger, "B-s0", error="ValueError at step 30: bad rate")
    commit(ledger, "A-s1", points_to(10))
    sync(ledger, plan, uri)
    ends = {"A s0": "FINISHED", "B s0": "FAILED", "A s1": "KILLED", "sweep": "KILLED"}
    assert runs(database, "ends") == ends
    finish(ledger, "A-s1", number=2)
    finish(ledger, "B-s1")
    sync(ledger, plan, uri)
    assert runs(database, "ends")["A s1"] == "FINISHED"
    assert runs(database, "ends")["sweep"] == "FAILED"
    assert tags(database, "ends", "B s0")["error"] == "ValueError at step 30: bad rate"


def test_sync_beside_a_living_driver_leaves_its_cells_running(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "driven", cells=1)
    commit(ledger, "A-s0", points_to(10))
    lease = {"host": "elsewhere", "pid": 1, "started": 0.0, "token": "t", "renewed": time.time()}
    ledger.storage.write(f"sweep/{LEASE_FILE}", json.dumps(lease).encode())
    sync(ledger, plan, uri)
    assert runs(database, "driven") == {"sweep": "RUNNING", "A s0": "RUNNING"}
    ledger.storage.delete(f"sweep/{LEASE_FILE}")
    sync(ledger, plan, uri)
    assert runs(database, "driven") == {"sweep": "KILLED", "A s0": "KILLED"}


def test_cell_carries_what_a_reader_looks_for(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "tags", cells=2)
    finish_all(ledger, plan)
    sync(ledger, plan, uri)
    shown = tags(database, "tags", "B s0")
    assert {
        "study": "tags",
        "sweep": "sweep",
        "arm": "B",
        "seed": "0",
        "scale": "smoke",
        "status": "finished",
        "commit": "c0ffee-dirty",
        "hardware": "cpu x86_64",
        "cell": "B-s0",
        "ablate.cell": "sweep/B-s0",
        "attempt": "0001-token",
        "weights_sha256": "5" * 64,
    }.items() <= shown.items()
    parent = query(
        database, "select name from runs where run_uuid = ?", shown["mlflow.parentRunId"]
    )
    assert parent == [("sweep",)]
    assert tags(database, "tags", "sweep")["arms"] == "A, B"


def test_cells_of_an_arm_have_one_colour_and_open_the_row_of_their_sweep(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "colours", cells=4)
    finish_all(ledger, plan)
    sync(ledger, plan, uri)
    held = {(c.arm, c.seed): tags(database, "colours", f"{c.arm} s{c.seed}") for c in plan.cells}
    colours = {
        arm: {t["mlflow.runColor"] for (a, _), t in held.items() if a == arm} for arm in "AB"
    }
    assert all(len(own) == 1 for own in colours.values()) and colours["A"] != colours["B"]
    assert {t["mlflow.runType"] for t in held.values()} == {"evaluation"}
    assert "mlflow.runColor" not in tags(database, "colours", "sweep")
    many = [arm_color(index) for index in range(40)]
    assert len(set(many)) == 40 and all(re.fullmatch("#[0-9A-F]{6}", one) for one in many)


def test_experiment_opens_on_the_question_and_the_sorted_table(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "opens")
    finish_all(ledger, plan)
    summary = sync(ledger, plan, uri)
    sql = "select key, value from experiment_tags where experiment_id = ?"
    found = dict(query(database, sql, summary.experiment_id))
    assert found["mlflow.experimentKind"] == "custom_model_development"
    assert found["mlflow.note.content"] == "Does it matter?"
    address, command = leaderboard_address(uri, summary.experiment_id, "sweep", METRIC, "min")
    view = found["mlflow.sharedViewState." + address.split("viewStateShareKey=")[1]]
    for part in (f'"metrics.`{METRIC}`"', '"orderByAsc": true', "tags.`arm`", "params.`rate`"):
        assert part in view
    assert address.startswith(f"http://127.0.0.1:5000/#/experiments/{summary.experiment_id}/runs?")
    assert command.startswith(f"mlflow server --backend-store-uri {uri} ")
    assert leaderboard_address("http://there:1/", "7", "s", METRIC, "max")[1] == ""


def test_artifacts_land_on_the_sweep_beside_the_database(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "files", cells=1)
    finish_all(ledger, plan)
    folder = tmp_path / "out"
    (folder / "plots").mkdir(parents=True)
    (folder / "plots" / "a.txt").write_text("a")
    tracker = Tracker(ledger, plan, uri)
    tracker.log_artifacts(folder, {"verdict.plain": "baseline; n 1 of 1"})
    assert tracker.close(20)
    assert tags(database, "files", "sweep")["verdict.plain"] == "baseline; n 1 of 1"
    found = list((database.parent / "mlartifacts" / "files").glob("*/artifacts/plots/a.txt"))
    assert len(found) == 1


def test_verdicts_of_more_arms_than_mlflow_takes_at_once_are_all_there(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "many", cells=1)
    finish_all(ledger, plan)
    verdicts = {f"verdict.arm{i}": f"worse; n {i} of 250" for i in range(250)}
    tracker = Tracker(ledger, plan, uri)
    tracker.log_artifacts(tmp_path / "none", verdicts)
    (tmp_path / "none").mkdir()
    assert tracker.close(20), tracker.trouble
    held = tags(database, "many", "sweep")
    assert {name: held.get(name) for name in verdicts} == verdicts


def test_cell_that_mlflow_refuses_does_not_hold_up_the_others(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "refused")
    finish_all(ledger, plan)
    commit(ledger, "A-s0", [Point(2**70, {METRIC: 1.0})], number=2)
    tracker = Tracker(ledger, plan, uri)
    assert not tracker.close(4)
    assert set(runs(database, "refused")) == {"sweep", "B s0", "A s1", "B s1"}
    assert "too large" in tracker.trouble


def test_resumed_sweep_runs_again_and_ends(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "resumed", cells=2)
    attempt = commit(ledger, "A-s0", points_to(10))
    tracker = Tracker(ledger, plan, uri)
    tracker.note("B-s0", "0001-token")
    wait_for(lambda: tracker.experiment_id, "MLflow")
    wait_for(lambda: runs(database, "resumed").get("B s0") == "RUNNING", "the run")
    assert runs(database, "resumed")["sweep"] == "RUNNING"
    assert tracker.close(20)
    assert set(runs(database, "resumed").values()) == {"KILLED"}
    again = Tracker(ledger, plan, uri)
    again.note("A-s0", attempt)
    wait_for(lambda: runs(database, "resumed")["A s0"] == "RUNNING", "the run")
    for key in ("A-s0", "B-s0"):
        again.note(key, finish(ledger, key, number=2))
    assert again.close(20)
    assert again.close(20)
    assert set(runs(database, "resumed").values()) == {"FINISHED"}
    assert values(database, "resumed") == expected(ledger, plan)


def test_who_waits_for_the_trackers_import_finds_all_of_mlflow(tmp_path):
    """The tracker's import is slow here: it sleeps half-way."""
    make_sweep(tmp_path, "imported")
    done = subprocess.run(
        [sys.executable, "-c", SLOW_IMPORT, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["half", "whole"]


def test_default_database_is_in_the_storage_or_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_tracking_uri(str(tmp_path)) == f"sqlite:///{tmp_path}/mlflow.db"
    one, two = default_tracking_uri("s3://bucket/a"), default_tracking_uri("s3://bucket/b/")
    assert one != two and one == default_tracking_uri("s3://bucket/a/")
    assert one.startswith(f"sqlite:///{tmp_path}/home/.ablate/")
