"""Sweeps made up for MLflow, a real server to hold them, and what its database then holds."""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from conftest import answers, free_port, process, wait_for

from infra.ledger.ledger import Ledger, attempt_name
from infra.ledger.records import Commit, Point
from infra.ledger.storage import open_storage
from infra.study.plan import Cell, Plan

STARTED_S = 1767323045.7
METRIC = "val/loss_nats"
LAST_STEP = 30
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
SYNC = """
import sys
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.tracking.tracking import sync
ledger = Ledger(open_storage(sys.argv[1]), "sweep")
sync(ledger, ledger.read_plan(), sys.argv[2])
"""


class Server:
    """A real MLflow server over a SQLite database, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.folder, self.database = folder, folder / "server.db"
        self._running = ExitStack()

    def start(self) -> None:
        store = ["--backend-store-uri", f"sqlite:///{self.database}", "--workers", "1"]
        place = ["--host", "127.0.0.1", "--port", str(self.port)]
        self._running.enter_context(
            process(
                [sys.executable, "-m", "mlflow", "server", *store, *place],
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **QUIET},
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        wait_for(lambda: answers(f"{self.uri}/health"), "the MLflow server")

    def kill(self) -> None:
        self._running.close()


def make_sweep(
    folder: Path, study: str, cells: int = 4, name: str = "sweep"
) -> tuple[Ledger, Plan]:
    """A planned sweep without any attempt."""
    ledger = Ledger(open_storage(str(folder)), name)
    plan = Plan(
        study=study,
        question="Does it matter?",
        scale="smoke",
        metric=METRIC,
        mode="min",
        baseline="A",
        margin=None,
        usd_per_gpu_hour=None,
        created="2026-01-02T03:04:05.678+00:00",
        cells=tuple(
            Cell(f"{'AB'[i % 2]}-s{i // 2}", "AB"[i % 2], i // 2, {"rate": 0.1 * (i % 2), "d.w": 3})
            for i in range(cells)
        ),
    )
    ledger.write_plan(plan)
    return ledger, plan


def points_to(step: int, offset: float = 0.0) -> list[Point]:
    return [
        Point(s, {METRIC: 1 / (1 + s), "acc@1": s / 100, "perf/train_s": offset + 0.5 * s})
        for s in range(0, step + 1, 10)
    ]


def commit(ledger: Ledger, key: str, points: Sequence[Point], number: int = 1, done=False) -> str:
    """What a worker leaves: an attempt and its commit; returns the attempt."""
    attempt = attempt_name(number, "token")
    start = {
        "started": STARTED_S + number,
        "code": {"commit": "c0ffee", "dirty": True, "package_digest": "d" * 64},
        "machine": {"host": "here", "device": "cpu x86_64"},
    }
    ledger.start_attempt(key, attempt, start)
    sha = "5" * 64 if done else ""
    step = points[-1].step
    head = Commit(attempt, step, 12.5, "", "", "", "", finished=done, weights_sha256=sha)
    ledger.write_commit(key, head, b"state", points)
    return attempt


def finish(ledger: Ledger, key: str, number: int = 1, error: str = "") -> str:
    attempt = commit(ledger, key, points_to(LAST_STEP), number, done=not error)
    status = "failed" if error else "finished"
    seconds = {attempt: 12.5}
    ledger.finish(
        key, {"status": status, "attempt": attempt, "error": error, "attempt_seconds": seconds}
    )
    return attempt


def finish_all(ledger: Ledger, plan: Plan) -> None:
    for cell in plan.cells:
        finish(ledger, cell.key)


def query(database: Path, sql: str, *values: str) -> list[tuple]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, values).fetchall()


def runs(database: Path, study: str) -> dict[str, str]:
    """Status by name of the study's runs; a name that occurs twice fails."""
    found = query(
        database,
        "select name, status from runs where lifecycle_stage = 'active' and experiment_id = "
        "(select experiment_id from experiments where name = ?)",
        study,
    )
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


def values(database: Path, study: str) -> Counter:
    """How often each (run, metric, step, value) of active runs is there."""
    found = query(
        database,
        "select r.name, m.key, m.step, m.value from metrics m join runs r using (run_uuid) "
        "join experiments e using (experiment_id) "
        "where e.name = ? and r.lifecycle_stage = 'active'",
        study,
    )
    return Counter(found)


def tags(database: Path, study: str, run: str) -> dict[str, str]:
    found = query(
        database,
        "select t.key, t.value from tags t join runs r using (run_uuid) "
        "join experiments e using (experiment_id) "
        "where e.name = ? and r.name = ? and r.lifecycle_stage = 'active'",
        study,
        run,
    )
    return dict(found)


def expected(ledger: Ledger, plan: Plan) -> Counter:
    """The same from the ledger."""
    names = {cell.key: f"{cell.arm} s{cell.seed}" for cell in plan.cells}
    return Counter(
        (names[key], name.replace("@", "_"), point.step, float(value))
        for key, record in ledger.records().items()
        for point in record.points
        for name, value in point.metrics.items()
    )


def dump(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def content(database: Path, study: str) -> set[tuple]:
    """All that is there of a study, with names for MLflow's random identities."""
    of = f"from runs r join experiments e using (experiment_id) where e.name = '{study}'"
    names = dict(query(database, f"select r.run_uuid, r.name {of}"))
    found = set(query(database, f"select r.name, status, start_time, end_time, source_type {of}"))
    for table, columns in (
        ("tags", "key, value"),
        ("params", "key, value"),
        ("metrics", "key, value, timestamp, step, is_nan"),
        ("latest_metrics", "key, value, timestamp, step, is_nan"),
    ):
        for run, *rest in query(database, f"select run_uuid, {columns} from {table}"):
            if run in names:
                found.add((table, names[run], *(names.get(value, value) for value in rest)))
    return found
