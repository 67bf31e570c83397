"""What MLflow servers go through: same rows as SQLite, kills, outages, silence."""

import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from conftest import process, wait_for
from tracked import (
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

from infra.ledger.records import Point
from infra.tracking.tracking import Tracker, TrackerDown, default_tracking_uri, sync


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
