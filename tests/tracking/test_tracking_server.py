"""What MLflow servers go through: same rows as SQLite, kills, outages, silence."""

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import ablate, process, wait_for
from tracked import (
    METRIC,
    SYNC,
    Server,
    commit,
    content,
    dump,
    expected,
    finish,
    finish_all,
    make_sweep,
    points_to,
    runs,
    values,
)

from infra.answer.compare import leaderboard
from infra.ledger.records import Point
from infra.study.plan import Cell
from infra.tracking.tracking import Tracker, TrackerDown, default_tracking_uri, sync
from infra.writeup.artifacts import verdict_tags


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


def test_whole_runs_are_the_rows_that_mlflow_writes_itself(tmp_path, server):
    ledger, plan = make_sweep(tmp_path, "same_rows")
    finish_all(ledger, plan)
    finish(ledger, "B-s1", error="ValueError at step 30: no")
    sync(ledger, plan, default_tracking_uri(str(tmp_path)))
    sync(ledger, plan, server.uri)
    assert content(tmp_path / "mlflow.db", "same_rows") == content(server.database, "same_rows")
    before = dump(server.database)
    assert sync(ledger, plan, server.uri).new_values == 0
    assert dump(server.database) == before


def test_a_sweep_on_a_server_comes_back_as_a_recorded_one(tmp_path, server):
    """A server by its address; the sweep's own run holds the cells' and is none."""
    ledger, plan = make_sweep(tmp_path, "comes_back", cells=6)
    finish_all(ledger, plan)
    sync(ledger, plan, server.uri)
    laws = ["--metric", METRIC, "--mode", "min", "--baseline", "A", "--json"]
    place = ["--experiment", "comes_back", "--storage", tmp_path / "copy"]
    done = ablate("import", server.uri, *laws, *place)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["notes"] == ["1 run left out, holding others or lying in one: sweep"]
    theirs = {row["arm"]: row["values"] for row in told["leaderboard"]["rows"]}
    own = leaderboard(plan, ledger.records()).rows
    assert theirs == {row.arm: list(row.values) for row in own}


def test_names_and_texts_beyond_what_mlflow_takes_are_the_same_rows_in_both(tmp_path, server):
    ledger, plan = make_sweep(tmp_path, "beyond", cells=1)
    config = {f"field{i}@{'w' * 300}": f"{i} " * 4000 for i in range(150)} | {"k@1": 1, "k_1": 2}
    arms = ["A" * 9000 + end for end in ("", "x", "y")]
    cells = tuple(Cell(f"{i}-s0", arm, 0, config) for i, arm in enumerate(arms))
    plan = replace(plan, cells=cells, baseline=arms[0], question="Why? " * 6000)
    ledger.write_plan(plan)
    points = [{"": 1.0, ".": 2.0, "a>b": 3.0, "a<b": 4.0, "l" * 300: 5.0, "l" * 301: 6.0}]
    points += [{METRIC: 0.5, **points[0]}]
    for cell in plan.cells:
        commit(ledger, cell.key, [Point(i, metrics) for i, metrics in enumerate(points)])
        finish(ledger, cell.key, 2, error="no " * 5000) if cell.key == "2-s0" else None
    verdicts = verdict_tags(plan, ledger)
    assert len(verdicts) == 3
    for uri in (default_tracking_uri(str(tmp_path)), server.uri):
        assert sync(ledger, plan, uri, verdicts=verdicts).cells == 3
    assert content(tmp_path / "mlflow.db", "beyond") == content(server.database, "beyond")
    assert len(runs(server.database, "beyond")) == 4
    first = [v for _, _, step, v in values(server.database, "beyond") if step == 0]
    assert [first.count(v) for v in (2, 3, 4, 5, 6)] == [2] * 5
    before = dump(server.database)
    assert sync(ledger, plan, server.uri, verdicts=verdicts).new_values == 0
    assert dump(server.database) == before


def test_forty_metrics_of_many_points_arrive_in_full(tmp_path, server):
    ledger, plan = make_sweep(tmp_path, "many", cells=1)
    points = [Point(s, {f"m/{i}": s + i / 64 for i in range(40)}) for s in range(60)]
    commit(ledger, "A-s0", points)
    assert sync(ledger, plan, server.uri).new_values == 2400
    assert values(server.database, "many") == expected(ledger, plan)


def test_kill_between_any_two_calls_leaves_no_second_run(tmp_path, server):
    ledger, plan = make_sweep(tmp_path, "killed", cells=24)
    finish_all(ledger, plan)
    for least in (1, 9):
        with process([sys.executable, "-c", SYNC, str(tmp_path), server.uri]) as syncing:
            wait_for(lambda n=least: len(runs(server.database, "killed")) > n, "the runs")
            syncing.kill()
            assert syncing.wait() == -signal.SIGKILL
        assert len(runs(server.database, "killed")) < 25
    sync(ledger, plan, server.uri)
    assert len(runs(server.database, "killed")) == 25
    assert values(server.database, "killed") == expected(ledger, plan)


def test_server_that_dies_and_comes_back_misses_nothing(tmp_path, server):
    ledger, plan = make_sweep(tmp_path, "outage", cells=6)
    tracker = Tracker(ledger, plan, server.uri)
    keys = [cell.key for cell in plan.cells]
    tracker.note(keys[0], finish(ledger, keys[0]))
    tracker.note(keys[1], commit(ledger, keys[1], points_to(10)))
    wait_for(lambda: len(values(server.database, "outage")) == 4 * 3 + 2 * 3, "two cells")
    server.kill()
    for key in keys[1:]:
        tracker.note(key, finish(ledger, key))
    wait_for(lambda: tracker.trouble, "the trouble")
    server.start()
    assert tracker.close(30)
    assert values(server.database, "outage") == expected(ledger, plan)
    assert set(runs(server.database, "outage").values()) == {"FINISHED"}


def test_tracker_that_never_answers_holds_nobody_up(tmp_path):
    ledger, plan = make_sweep(tmp_path, "dead", cells=1)
    attempt = finish(ledger, "A-s0")
    with closing(socket.socket()) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        silent = f"http://127.0.0.1:{mute.getsockname()[1]}"
        for uri in (silent, "http://127.0.0.1:9"):
            began = time.monotonic()
            tracker = Tracker(ledger, plan, uri)
            for _ in range(1000):
                tracker.note("A-s0", attempt)
            assert time.monotonic() - began < 1.0
            assert not tracker.close(0.5)
            assert time.monotonic() - began < 3.0
            assert tracker.trouble and "\n" not in tracker.trouble
    with pytest.raises(TrackerDown, match="must answer, got .*`ablate sync sweep` again"):
        sync(ledger, plan, "http://127.0.0.1:9")
