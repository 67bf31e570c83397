"""Runs of an MLflow experiment: on a server, in a SQLite database, or in a folder of files."""

import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.errors import Refused
from infra.execution.recorded.runs import Recorded, RecordedRun, State
from infra.ledger.records import Point
from infra.tracking.database import database_file
from infra.tracking.view import import_mlflow
from infra.words import choices

_LARGEST = 1.797e308  # what MLflow's databases hold for infinity
_OF_MACHINE = "system/"  # samples of the machine, with a step of their own
_STATES: dict[str, State] = {
    "FINISHED": "finished", "FAILED": "failed", "KILLED": "failed", "RUNNING": "running",
    "SCHEDULED": "running",
}  # fmt: skip
_PARENT = "mlflow.parentRunId"
_PAGE = 500


def read_experiment(address: str, experiment: str) -> Recorded:
    """Every run of an experiment that was not deleted; "" takes the only one that has runs.

    Raises:
        Refused: Where there is no MLflow, or no such experiment.
    """
    import_mlflow()
    _check_database(address)
    with _files_allowed():
        try:
            from mlflow import MlflowClient

            client = MlflowClient(address)
            name, number = _experiment(client, experiment)
            runs, left = _runs(client, number)
        except Refused as error:
            raise Refused(f"{_shown(address)}: {error}") from error
        except Exception as error:  # whatever MLflow and its databases raise
            told = str(error).replace(
                urlsplit(address).netloc or address, urlsplit(_shown(address)).netloc
            )
            why = f"{type(error).__name__}: {' '.join(told.split())}"[:300]
            raise Refused(
                f"{_shown(address)}: must be an MLflow that answers, got {why}"
            ) from error
    return Recorded(
        source=f"MLflow experiment {name!r}",
        name=name,
        runs=runs,
        notes=[f"{n} {what}" for what, n in left.items() if n],
        command=(_shown(address), "--from", "mlflow", "--experiment", name),
    )


def _experiment(client: Any, wanted: str) -> tuple[str, str]:
    """Name and number of the experiment."""
    known = {one.name: one.experiment_id for one in _pages(client.search_experiments)}
    if wanted in known:
        return wanted, known[wanted]
    held = [n for n, number in known.items() if client.search_runs([number], max_results=1)]
    if not wanted and len(held) == 1:
        return held[0], known[held[0]]
    told = choices(sorted(held or known), wanted)
    raise Refused(
        f"experiment must be one of {told or 'none'}, got {wanted or 'none'}; choose with "
        "--experiment"
    )


def _runs(client: Any, number: str) -> tuple[list[RecordedRun], Counter[str]]:
    found = list(_pages(lambda **page: client.search_runs([number], **page)))
    parents = {run.data.tags.get(_PARENT) for run in found}
    left: Counter[str] = Counter()
    told = [
        RecordedRun(
            name=run.info.run_name or run.info.run_id,
            fields={
                **{n: v for n, v in run.data.tags.items() if not n.startswith("mlflow.")},
                **run.data.params,
                "run_name": run.info.run_name or "",
                "run_id": run.info.run_id,
                "status": run.info.status,
            },
            points=_points(client, run, left),
            state=_STATES.get(run.info.status, "running"),
            told=run.info.status,
            kin=run.info.run_id in parents,
        )
        for run in reversed(found)  # oldest first
    ]
    return told, left


def _points(client: Any, run: Any, left: Counter[str]) -> Sequence[Point]:
    """All metrics by step; of values at one step the last counts."""
    steps: dict[int, dict[str, float]] = {}
    for name in sorted(run.data.metrics):
        if name.startswith(_OF_MACHINE):
            left["metrics of machines (system/) left out"] += 1
            continue
        history = client.get_metric_history(run.info.run_id, name)
        for one in sorted(history, key=lambda m: m.timestamp):
            own, value = steps.setdefault(one.step, {}), _number(one.value)
            if name in own and own[name] != value:
                left["values that were logged again at their step: the last one counts"] += 1
            own[name] = value
    return [Point(step, steps[step]) for step in sorted(steps)]


def _number(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) >= _LARGEST else value


def _pages(search: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(max_results=_PAGE, page_token=token)
        yield from page
        if not (token := page.token):
            return


def _check_database(address: str) -> None:
    """A SQLite file that is there and MLflow's: MLflow would make one of any."""
    file = database_file(address)
    if file is None:
        return
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("select 1 from experiments limit 1")
    except sqlite3.Error as error:
        raise Refused(f"{file}: must be a SQLite database of MLflow, got: {error}") from error


def _shown(address: str) -> str:
    """The address without a password."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host).geturl() if parts.password else address


@contextmanager
def _files_allowed() -> Iterator[None]:
    """MLflow reads folders of files only where this is set."""
    name = "MLFLOW_ALLOW_FILE_STORE"
    before = os.environ.get(name)
    os.environ[name] = "true"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name)
        else:
            os.environ[name] = before


def is_file_store(folder: Path) -> bool:
    """Whether a folder holds experiments as MLflow's files."""
    return any(folder.glob("*/meta.yaml"))
