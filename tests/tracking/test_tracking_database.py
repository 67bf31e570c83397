"""The SQLite database lies in its storage, whatever that is called, and is whole or absent."""

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from conftest import answers, free_port, process, wait_for
from sqlalchemy.engine import make_url
from tracked import METRIC, QUIET, SYNC, expected, finish_all, make_sweep, query, values

from infra.ledger.storage import open_storage
from infra.tracking.database import artifact_folder
from infra.tracking.tracking import (
    TrackerDown,
    default_tracking_uri,
    leaderboard_address,
    sync,
)

SYNC_OF = SYNC.replace('"sweep"', "sys.argv[3]")
DRIVE = """
import sys
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.tracking.tracking import Tracker
ledger = Ledger(open_storage(sys.argv[1]), sys.argv[3])
tracker = Tracker(ledger, ledger.read_plan(), sys.argv[2])
raise SystemExit(0 if tracker.close(60) else tracker.trouble)
"""
SMALL = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **QUIET}
# Names of folders; those of the first row could be told to SQLAlchemy as they are.
PLAIN = ["runs", "a b", "a#b", "a;b", "a@b:c", "größe 跑", "a&b=c", "50%", "a+b"]
OTHER = ["a%20b", "c?d", "%3F", "q?x=1", "100%25", "l\nine", "%E4%B8%AD?#", "%zz%41"]


def test_address_leads_to_the_database_in_the_storage_whatever_it_is_called(tmp_path):
    for name in PLAIN + OTHER:
        folder = tmp_path / name
        uri = default_tracking_uri(open_storage(str(folder)).uri)
        assert make_url(uri).database == f"{folder}/mlflow.db"
        assert artifact_folder(uri) == (folder / "mlartifacts").as_uri()
        assert (uri == f"sqlite:///{folder}/mlflow.db") == (name in PLAIN)
        assert shlex.split(leaderboard_address(uri, "1", "s", METRIC, "min")[1])[3] == uri


def test_storage_of_any_name_holds_its_database_alone(tmp_path):
    folder = tmp_path / "a%20b?c#d ü:1"
    ledger, plan = make_sweep(folder, "50%25 of?", cells=2)
    finish_all(ledger, plan)
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.txt").write_text("a")
    uri = default_tracking_uri(ledger.storage.uri)
    for _ in range(2):
        sync(ledger, plan, uri, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "files"]
    assert values(folder / "mlflow.db", plan.study) == expected(ledger, plan)
    assert len(list((folder / "mlartifacts" / plan.study).glob("*/artifacts/a.txt"))) == 1
    port = free_port()
    command = leaderboard_address(uri, "1", "sweep", METRIC, "min")[1].replace("5000", str(port))
    server = [sys.executable, "-m", *shlex.split(command), "--workers", "1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process(server, env={**os.environ, **SMALL}, cwd=files, **quiet):
        there = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{there}/health"), "the MLflow server")
        assert sync(ledger, plan, there).new_values == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "files"]


def test_path_with_a_bare_question_mark_in_the_address_is_refused(tmp_path):
    ledger, plan = make_sweep(tmp_path, "mark", cells=1)
    with pytest.raises(TrackerDown, match="must have %3F .* takes this for .*/c; write %3F"):
        sync(ledger, plan, f"sqlite:///{tmp_path}/c?d/mlflow.db")
    assert not (tmp_path / "c").exists()


def test_processes_that_make_the_database_at_once_all_find_it_whole(tmp_path):
    ledger, plan = make_sweep(tmp_path, "rush", cells=2)
    finish_all(ledger, plan)
    other, _ = make_sweep(tmp_path, "rush", cells=2, name="other")
    finish_all(other, plan)
    uri = default_tracking_uri(str(tmp_path))
    work = [(SYNC_OF, "sweep"), (SYNC_OF, "sweep"), (DRIVE, "other")]
    at_once = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), uri, name],
            stderr=subprocess.PIPE,
            text=True,
        )
        for script, name in work
    ]
    told = [process.communicate()[1] for process in at_once]
    assert [process.returncode for process in at_once] == [0, 0, 0], told
    database = tmp_path / "mlflow.db"
    assert query(database, "select count(*) from experiments where name = 'rush'") == [(1,)]
    found = query(database, "select count(*), lifecycle_stage from runs group by lifecycle_stage")
    assert found == [(6, "active")]
    assert sync(ledger, plan, uri).new_values == 0


def test_death_over_the_making_of_the_database_leaves_none(tmp_path):
    ledger, plan = make_sweep(tmp_path, "death", cells=1)
    finish_all(ledger, plan)
    uri = default_tracking_uri(str(tmp_path))
    half = tmp_path / "mlflow.db.new"
    with process([sys.executable, "-c", SYNC, str(tmp_path), uri]) as making:
        wait_for(lambda: half.exists() and half.stat().st_size > 100_000, "the making")
        making.kill()
        assert making.wait() == -signal.SIGKILL
    assert half.exists() and not (tmp_path / "mlflow.db").exists()
    sync(ledger, plan, uri)
    assert values(tmp_path / "mlflow.db", "death") == expected(ledger, plan)
    assert not half.exists()


def test_database_half_made_is_told_with_the_remedy_which_helps(tmp_path):
    ledger, plan = make_sweep(tmp_path, "half", cells=1)
    finish_all(ledger, plan)
    uri, database = default_tracking_uri(str(tmp_path)), tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("create table experiments (experiment_id integer primary key)")
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("insert into alembic_version values ('451aebb31d03')")
        connection.commit()
    (tmp_path / "text.db").write_text("no database")
    for bad, file in ((uri, "mlflow.db"), (f"sqlite:///{tmp_path}/text.db", "text.db")):
        told = f"must have the tables of this MLflow.* move .*/{file} away, and it is made anew by "
        with pytest.raises(TrackerDown, match=told + "`ablate sync sweep` again") as error:
            sync(ledger, plan, bad)
        assert "\n" not in str(error.value)
    database.rename(tmp_path / "mlflow.old")
    sync(ledger, plan, uri)
    assert values(database, "half") == expected(ledger, plan)
