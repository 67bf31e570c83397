"""Six cells on a real Ray, and what two exact executions of them share."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage

# Six cells that take as long as the test wants, and so would a trial of their arms.
SIX = ["--scale", "paper", "--seeds", "0,1", "--no-preflight"]
SLOW = {"LINE_SECONDS_PER_STEP": "0.06"}
QUICK = ["--scale", "smoke"]
LOCAL = ["--address", "local"]


def ledger(storage: Path | str, name: str) -> Ledger:
    return Ledger(open_storage(str(storage)), name)


def truth(storage: Path | str, name: str) -> dict:
    """Everything that two exact executions share."""
    cells = {}
    for key, record in ledger(storage, name).records().items():
        points = [
            (p.step, {k: v for k, v in p.metrics.items() if not k.startswith("perf/")})
            for p in record.points
        ]
        cells[key] = (record.status, points, record.commit.weights_sha256 if record.commit else "")
    return cells


def start(*arguments: object, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sweeps", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, **environment}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def heads(storage: Path) -> list[Path]:
    return list(storage.rglob("head.json"))


def mlflow_rows(storage: Path, query: str) -> list[tuple]:
    with sqlite3.connect(f"file:{storage / 'mlflow.db'}?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()
