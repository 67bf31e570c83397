"""Pictures of cells are artifacts of their runs in MLflow, once, however often they are told."""

from pathlib import Path

from pictured import png
from tracked import dump, make_sweep, points_to, query

from infra.ledger.ledger import Ledger, attempt_name
from infra.ledger.records import Commit
from infra.tracking.tracking import sync


def shown(ledger: Ledger, key: str, steps: list[int]) -> None:
    """A commit with the pictures of these steps."""
    attempt = attempt_name(1, "token")
    ledger.start_attempt(key, attempt, {"started": 1767323045.7})
    paths = [ledger.write_picture(key, attempt, "graph", step, png(step)) for step in steps]
    head = Commit(attempt, steps[-1], 12.5, "", "", "", "", pictures=paths)
    ledger.write_commit(key, head, None, points_to(steps[-1]))


def artifacts(folder: Path) -> dict[str, dict[str, bytes]]:
    """Name to bytes of each run's pictures."""
    found = query(folder / "mlflow.db", "select name, artifact_uri from runs")
    places = {name: Path(uri.removeprefix("file://"), "pictures") for name, uri in found}
    return {
        name: {file.name: file.read_bytes() for file in place.iterdir()}
        for name, place in places.items()
        if place.exists()
    }


def test_a_runs_pictures_come_with_its_commits_and_a_second_sync_writes_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger, plan = make_sweep(tmp_path / "runs", "shown", cells=2)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    shown(ledger, "A-s0", [10])
    sync(ledger, plan, uri)
    assert artifacts(tmp_path) == {"A s0": {"graph-000000010.png": png(10)}}
    shown(ledger, "A-s0", [10, 30])
    sync(ledger, plan, uri)
    both = {"graph-000000010.png": png(10), "graph-000000030.png": png(30)}
    assert artifacts(tmp_path) == {"A s0": both}
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("graph-*.png")}
    before = dump(tmp_path / "mlflow.db")
    sync(ledger, plan, uri)
    assert dump(tmp_path / "mlflow.db") == before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("graph-*.png")} == files


def test_a_picture_that_is_gone_from_the_storage_holds_nothing_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger, plan = make_sweep(tmp_path / "runs", "gone", cells=1)
    shown(ledger, "A-s0", [10, 20])
    next((tmp_path / "runs").rglob("graph-000000010.png")).unlink()
    sync(ledger, plan, f"sqlite:///{tmp_path}/mlflow.db")
    assert artifacts(tmp_path) == {"A s0": {"graph-000000020.png": png(20)}}
