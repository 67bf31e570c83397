"""What MLflow holds of one sweep, and how it is brought up to the ledger.

One experiment per study, a parent run per sweep, a child run per cell. Runs are found again by tag.
Whatever is written is a function of the ledger, timestamps included, and is compared with what is
there first; so a second write of the same changes nothing, and asks the server for nothing.
"""

import json
import logging
import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from infra.ledger.records import CellRecord, pictures_of
from infra.study.plan import Plan
from infra.tracking import rows
from infra.tracking.database import artifact_folder, open_store
from infra.tracking.names import (
    EXPERIMENT_CHARS,
    NOTE_CHARS,
    VERDICT,
    cut,
    mlflow_names,
    safe_name,
)
from infra.tracking.rows import PARENT, Names, Value, Wanted
from infra.tracking.sql import insert_run, is_database

# Older UIs open the runs table by it, the one of 3.17 goes by the address.
_EXPERIMENT_KIND = {"mlflow.experimentKind": "custom_model_development"}
_SHARED_VIEW = "mlflow.sharedViewState."
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # We try again for ever ourselves; a request that hangs must not hold the thread for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # A folder may have 4096 bytes, of which an address makes three characters each.
    "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH": "16384",
}
_TAGS_PER_CALL = _PARAMS_PER_CALL = 100
_METRICS_PER_CALL = 800  # with the others at most 1000
_BYTES_PER_CALL, _BYTES_PER_ITEM = 900_000, 120  # a server takes 1 MB; keys and numbers of an item
_PICTURES = "pictures"  # the folder of a run's artifacts that has them
_CASE_BLIND = ("mysql", "mssql")


@dataclass
class _Held:
    """A run as MLflow has it; `latest` is the newest (step, value) per metric."""

    run_id: str
    start_ms: int
    status: str
    end_ms: int | None
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    latest: dict[str, tuple[int, float]] = field(default_factory=dict)
    pictures: set[str] | None = None  # names of their files, None until they are looked up

    def lacking(self, wanted: Wanted) -> list[Value]:
        """Values that MLflow has not got, oldest first."""
        return [v for v in wanted.values if v.step > self.latest.get(v.name, (-math.inf, 0.0))[0]]

    def hold(self, wanted: Wanted) -> None:
        """Note that all of it was sent."""
        self.tags |= wanted.tags
        self.params |= set(wanted.params)
        self.latest |= {v.name: (v.step, v.value) for v in self.lacking(wanted)}


def import_mlflow() -> None:
    """All of it at once, set up as the view wants it."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    import mlflow  # noqa: F401


class View:
    """One sweep in MLflow; every method raises when MLflow does not answer, and can be repeated.

    Attributes:
        renamed: Whether a metric that was put is called otherwise since, because of one that was
            first seen later: then the cells must be put again. Whoever does that sets it back.
    """

    def __init__(self, plan: Plan, sweep: str, uri: str) -> None:
        import_mlflow()
        self._plan, self._sweep, self._uri = plan, sweep, uri
        # The store and not MlflowClient, which asks for each run again before ending it.
        self._store = open_store(uri)
        self._case_blind = getattr(self._store, "db_type", "") in _CASE_BLIND
        self.renamed = False
        self._metrics: set[str] = set()
        self._names = Names({}, self._named({n for cell in plan.cells for n in cell.config}))
        self._learn({plan.metric})
        self._experiment = self._find_experiment()
        self._runs = self._find_runs()
        if PARENT not in self._runs:
            self._put(rows.sweep_run(plan, sweep, "running"))
        self._share_table()

    @property
    def experiment_id(self) -> str:
        """The study's experiment."""
        return self._experiment.experiment_id

    @property
    def running(self) -> list[str]:
        """Cells whose run is not ended in MLflow."""
        return [k for k, r in self._runs.items() if r.status == "RUNNING" and k != PARENT]

    def answers(self) -> bool:
        """Whether MLflow is there, so that what it does not take it refuses."""
        try:
            self._store.get_experiment(self.experiment_id)
        except Exception:  # whatever MLflow raises; the caller has the one that counts
            return False
        return True

    def put_cell(self, record: CellRecord, *, live: bool = False) -> int:
        """Bring a cell's run up to its record and say how many metric values were new.

        Args:
            record: What the ledger says of the cell.
            live: Whether a worker may be at it, so that without an end it is running.
        """
        self._learn({name for point in record.points for name in point.metrics})
        parent_id = self._runs[PARENT].run_id
        wanted = rows.cell_run(self._plan, self._sweep, record, parent_id, self._names, live=live)
        held = self._runs.get(record.key)
        if held and _contradicts(held, wanted):
            self._store.delete_run(held.run_id)
            del self._runs[record.key]
        return self._put(wanted)

    def put_sweep(self, *, live: bool = False, verdicts: Mapping[str, str] | None = None) -> None:
        """Bring the parent run up to the cells that were put, and to what is said of the arms."""
        status = "running" if live else self._sweep_status()
        end_ms = max((r.end_ms or 0 for k, r in self._runs.items() if k != PARENT), default=0)
        names = self._named(verdicts or {})
        said = {names[tag]: text for tag, text in (verdicts or {}).items()}
        self._put(rows.sweep_run(self._plan, self._sweep, status, end_ms, said))
        self._share_table()
        if said:
            self._drop_shared_verdicts(said)

    def put_artifacts(self, folder: Path) -> None:
        """Copy a folder's files onto the parent run."""
        self._artifacts(self._runs[PARENT]).log_artifacts(str(folder))

    def put_pictures(self, record: CellRecord, read: Callable[[str, str], bytes]) -> None:
        """Copy onto a cell's run the pictures that it lacks.

        Args:
            record: What the ledger says of the cell, whose run is there.
            read: Gives the bytes of a picture by the cell's key and its path.
        """
        shown = {Path(picture.path).name: picture.path for picture in pictures_of(record)}
        run = self._runs[record.key]
        if shown.keys() <= (run.pictures or set()):
            return
        place = self._artifacts(run)
        if run.pictures is None:
            run.pictures = {Path(info.path).name for info in place.list_artifacts(_PICTURES)}
        with TemporaryDirectory(prefix="ablate-pictures-") as folder:
            for name in shown.keys() - run.pictures:
                with suppress(FileNotFoundError):
                    Path(folder, name).write_bytes(read(record.key, shown[name]))
            if any(Path(folder).iterdir()):
                place.log_artifacts(folder, _PICTURES)
        run.pictures |= shown.keys()

    def _artifacts(self, run: _Held) -> Any:
        """Where a run's files are."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        place = self._store.get_run(run.run_id).info.artifact_uri
        return get_artifact_repository(place, tracking_uri=self._uri)

    # Naming

    def _named(self, names: Collection[str]) -> Mapping[str, str]:
        return mlflow_names(names, case_blind=self._case_blind)

    def _learn(self, metrics: set[str]) -> None:
        """Name metrics; what a new one does to the others is noted in `renamed`."""
        if metrics <= self._metrics:
            return
        before = self._names.metrics
        self._metrics |= metrics
        self._names = Names(self._named(self._metrics), self._names.params)
        self.renamed |= any(self._names.metrics[name] != own for name, own in before.items())

    def _drop_shared_verdicts(self, said: Mapping[str, str]) -> None:
        """Take a verdict away that stands under what several arms would share."""
        held = self._runs[PARENT]
        for tag in {VERDICT + safe_name(arm) for arm in self._plan.arms} - set(said):
            if held.tags.pop(tag, None) is not None:
                self._store.delete_tag(held.run_id, tag)

    # Finding

    def _find_experiment(self) -> Any:
        plan, store = self._plan, self._store
        name = cut(plan.study, EXPERIMENT_CHARS)
        wanted = {**_EXPERIMENT_KIND, "mlflow.note.content": cut(plan.question, NOTE_CHARS)}
        found = store.get_experiment_by_name(name)
        if found is None:
            found = self._create_experiment(name)
        elif found.lifecycle_stage == "deleted":
            store.restore_experiment(found.experiment_id)
        for tag, value in wanted.items():
            self._tag_experiment(found, tag, value)
        return found

    def _create_experiment(self, name: str) -> Any:
        """A new experiment, or the one that another sweep of the study made meanwhile."""
        from mlflow.exceptions import MlflowException

        root = artifact_folder(self._uri)
        try:
            self._store.create_experiment(name, f"{root}/{quote(name)}" if root else None, [])
        except MlflowException:
            found = self._store.get_experiment_by_name(name)
            if found is None:
                raise
            return found
        return self._store.get_experiment_by_name(name)

    def _tag_experiment(self, experiment: Any, name: str, value: str) -> None:
        from mlflow.entities import ExperimentTag

        if experiment.tags.get(name) != value:
            self._store.set_experiment_tag(experiment.experiment_id, ExperimentTag(name, value))
            experiment.tags[name] = value

    def _find_runs(self) -> dict[str, _Held]:
        """The sweep's runs by cell; of two for one, which a lost answer can leave, one stays."""
        runs: dict[str, _Held] = {}
        for run in list(self._search()):  # all pages, before a deletion shifts them
            key = run.data.tags.get(rows.CELL_TAG, "").removeprefix(f"{self._sweep}/")
            if key in runs:
                self._store.delete_run(run.info.run_id)
            else:
                runs[key] = _held(run)
        return runs

    def _search(self) -> Iterator[Any]:
        """Runs of this sweep, and not of one of its name that was planned at another time."""
        mine = (
            f"tags.sweep = '{self._sweep}' and tags.`{rows.CREATED_TAG}` = '{self._plan.created}'"
        )
        token, order = None, ["attributes.start_time ASC"]
        while True:
            page = self._store.search_runs([self.experiment_id], mine, 1, 1000, order, token)
            yield from page
            token = page.token
            if not token:
                return

    def _share_table(self) -> None:
        plan = self._plan
        name = _SHARED_VIEW + rows.view_key(self._sweep, plan.metric, plan.mode)
        view = rows.table_view(plan, self._runs[PARENT].run_id, self._names)
        self._tag_experiment(self._experiment, name, view)

    # Writing

    def _put(self, wanted: Wanted) -> int:
        """Send what MLflow lacks of a run, in as few calls as may be; says how many values."""
        run = self._runs.get(wanted.key)
        lacking = len(run.lacking(wanted)) if run else len(wanted.values)
        if run is None:
            run = self._runs[wanted.key] = self._create(wanted)
        self._log(run, wanted)
        self._set_status(run, wanted)
        return lacking

    def _create(self, wanted: Wanted) -> _Held:
        """A run with its tags from its first moment on, so that it is always found again."""
        from mlflow.entities import RunTag

        if is_database(self._store):
            return _held_whole(insert_run(self._store, self._experiment, wanted), wanted)
        run = self._store.create_run(
            self.experiment_id,
            user_id="",
            start_time=wanted.start_ms,
            tags=[RunTag(*item) for item in wanted.tags.items() if item[1]][:_TAGS_PER_CALL],
            run_name=wanted.name,
        )
        return _held(run)

    def _log(self, run: _Held, wanted: Wanted) -> None:
        from mlflow.entities import Metric, Param, RunTag

        tags = [RunTag(*i) for i in wanted.tags.items() if run.tags.get(i[0], "") != i[1]]
        params = [Param(*item) for item in wanted.params.items() if item[0] not in run.params]
        values = run.lacking(wanted)
        metrics = [Metric(v.name, v.value, v.at_ms, v.step) for v in values]
        while tags or params or metrics:
            room = _BYTES_PER_CALL
            some, params, room = _portion(params, _PARAMS_PER_CALL, room)
            said, tags, room = _portion(tags, _TAGS_PER_CALL, room)
            batch, metrics, room = _portion(metrics, _METRICS_PER_CALL, room)
            self._store.log_batch(run.run_id, batch, some, said)
        run.hold(wanted)

    def _set_status(self, run: _Held, wanted: Wanted) -> None:
        from mlflow.entities import RunStatus

        name = wanted.mlflow_status
        end_ms = None if name == "RUNNING" else run.start_ms + wanted.duration_ms
        if run.status == name and end_ms in (None, run.end_ms):
            return
        self._store.update_run_info(run.run_id, RunStatus.from_string(name), end_ms, None)
        run.status, run.end_ms = name, end_ms or run.end_ms

    def _sweep_status(self) -> str:
        runs = (self._runs.get(cell.key) for cell in self._plan.cells)
        statuses = {run.tags["status"] if run else "pending" for run in runs}
        if statuses - {"finished", "failed"}:
            return "interrupted"
        return "failed" if "failed" in statuses else "finished"


def _held(run: Any) -> _Held:
    return _Held(
        run_id=run.info.run_id,
        start_ms=run.info.start_time,
        status=run.info.status,
        end_ms=run.info.end_time,
        tags=dict(run.data.tags),
        params=set(run.data.params),
        # The client's dict of metrics has no steps.
        latest={m.key: (m.step, m.value) for m in run.data._metric_objs},
    )


def _held_whole(run_id: str, wanted: Wanted) -> _Held:
    end_ms = None if wanted.status == "running" else wanted.start_ms + wanted.duration_ms
    run = _Held(run_id, wanted.start_ms, wanted.mlflow_status, end_ms)
    run.hold(wanted)
    return run


def _contradicts(run: _Held, wanted: Wanted) -> bool:
    """Whether the ledger now says otherwise, as when a cell had to begin again at step 0.

    Or whether one name holds what several have now, of which it is not known whose it is.
    """
    named = {value.name for value in wanted.values}
    for held, asked in ((run.latest, named), (run.params, wanted.params)):
        if any(n in asked and n not in held and n0 in held for n, n0 in wanted.apart.items()):
            return True
    known = {(v.name, v.step): v.value for v in wanted.values}
    return any(
        not math.isclose(known.get((name, step), value), value, rel_tol=1e-9)
        for name, (step, value) in run.latest.items()
    )


def _portion(items: list[Any], count: int, room: int) -> tuple[list[Any], list[Any], int]:
    """As many of the first items as fit into a call, the rest, and the bytes that are left."""
    taken = 0
    for item in items[:count]:
        room -= len(json.dumps([item.key, item.value])) + _BYTES_PER_ITEM
        if room < 0:
            break
        taken += 1
    return items[:taken], items[taken:], room
