"""MLflow as a view of the ledger.

The ledger is the outbox: what MLflow has not got yet stands there and can be read again, so nothing
is queued on disk for it and nothing is lost while it is down. `sync` rebuilds it from nothing.
"""

import logging
import shlex
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from infra.ledger.lease import is_alive, read_lease
from infra.ledger.ledger import Ledger
from infra.study.plan import Plan
from infra.tracking.database import BadDatabase, alone_at, default_tracking_uri
from infra.tracking.rows import view_key
from infra.tracking.view import View, import_mlflow

__all__ = [
    "Summary", "Tracker", "TrackerDown", "default_tracking_uri", "leaderboard_address", "sync",
]  # fmt: skip

log = logging.getLogger(__name__)

_PAUSE_S, _LONGEST_PAUSE_S, _CLOSING_PAUSE_S = 0.2, 15.0, 0.5
_UI = "http://127.0.0.1:5000"


class TrackerDown(RuntimeError):
    """MLflow does not take what the ledger has; one line with the remedy."""


@dataclass(frozen=True)
class Summary:
    """What `sync` found and did.

    Attributes:
        experiment_id: The study's experiment.
        cells: How many cells have a run in MLflow now.
        new_values: How many metric values were new.
    """

    experiment_id: str
    cells: int
    new_values: int

    def __str__(self) -> str:
        return (
            f"{self.cells} cells in MLflow experiment {self.experiment_id}, "
            f"{self.new_values} metric values new"
        )


class Tracker:
    """Keeps MLflow up to the ledger from one thread that alone touches it, import included.

    The driver never waits for MLflow: it notes which cell has news, and the thread reads the cell's
    record and logs what is missing. A server that is dead, hangs or refuses is tried again for
    ever, with growing pauses; notes of one cell fall together meanwhile. After any fault the thread
    looks up anew what MLflow holds, so that an answer that got lost does no harm. Start it before
    Ray: importing MLflow and creating its database take 2.5 s, which then overlap.

    Attributes:
        experiment_id: The study's experiment, "" until MLflow has answered once.
        trouble: What is wrong with MLflow in one line, "" while nothing is.
    """

    def __init__(self, ledger: Ledger, plan: Plan, uri: str) -> None:
        self._ledger, self._plan, self._uri = ledger, plan, uri
        self._news = threading.Condition()
        self._noted: dict[str, None] = {}
        self._live: set[str] = set()  # cells that this driver is or was at
        self._folders: list[Path] = []
        self._verdicts: Mapping[str, str] = {}
        self._closing, self._imported = threading.Event(), threading.Event()
        self._shaken = self._complete = False
        self._view: View | None = None
        self.experiment_id = ""
        self.trouble = ""
        self._thread = threading.Thread(target=self._work, name="tracker", daemon=True)
        self._thread.start()

    def wait_for_import(self) -> None:
        """Until the thread has imported MLflow, or failed to.

        A second thread that imports it meanwhile gets half of it, or each waits for the other; Tune
        imports it to count its callbacks.
        """
        self._imported.wait()

    def note(self, key: str, attempt: str = "") -> None:
        """Say that a cell has a new commit, or ended; which attempt counts, the ledger says."""
        with self._news:
            self._live.add(key)
            self._noted[key] = None
            self._news.notify()

    def log_artifacts(self, folder: Path, verdicts: Mapping[str, str]) -> None:
        """Have files and tags put onto the sweep's run; the folder must stay until `close`."""
        with self._news:
            self._folders.append(folder)
            self._verdicts = verdicts
            self._news.notify()

    def close(self, timeout_s: float = 30.0) -> bool:
        """End the sweep's runs; False when MLflow lacks something, and `trouble` says why."""
        if self._closing.is_set():
            return self._complete
        with self._news:
            self._closing.set()
            self._news.notify()
        self._thread.join(timeout_s)
        if not self._complete:
            self.trouble = self.trouble or f"MLflow was still at it after {timeout_s:.0f} s"
        return self._complete

    def _work(self) -> None:
        """Bring in what is there, then what is noted, until closed and nothing is left."""
        with suppress(Exception):  # which `_open` meets again, and is told of
            import_mlflow()
        self._imported.set()
        pause_s = _PAUSE_S
        while not self._complete:
            try:
                if self._view is None:
                    self._view = self._open()
                self._put_noted(self._view)
                pause_s, self.trouble = _PAUSE_S, ""
            except Exception as error:  # whatever MLflow raises, the sweep goes on; close tells
                self._suffer(error)
                if self._closing.wait(pause_s):
                    time.sleep(min(pause_s, _CLOSING_PAUSE_S))
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _open(self) -> View:
        """What MLflow holds; every cell that was tried is to be compared with it."""
        with alone_at(self._uri):
            view = View(self._plan, self._ledger.sweep, self._uri)
        self.experiment_id = view.experiment_id
        view.put_sweep(live=True)
        self._note_again(_tried(self._ledger, self._plan))
        return view

    def _put_noted(self, view: View) -> None:
        with self._news:
            self._news.wait_for(lambda: self._noted or self._folders or self._closing.is_set())
            closing = self._closing.is_set()
        refused = self._put_all(view)
        while self._folders:
            view.put_artifacts(self._folders[0])
            self._folders.pop(0)
        if closing:
            refused |= _put_cells(view, self._ledger, view.running)[1]
            view.put_sweep(verdicts=self._verdicts)
        if refused:
            raise TrackerDown(_refusals(refused))
        if self._put_renamed(view):
            return
        if closing and self._shaken:
            # A call that timed out may have been obeyed late: look once more.
            self._shaken, self._view = False, None
        elif closing:
            self._complete = True

    def _put_all(self, view: View) -> dict[str, str]:
        """Log every noted cell once; says why of each that MLflow refuses, which stays noted."""
        refused: dict[str, str] = {}
        while key := self._next_noted(refused):
            try:
                refused |= _put_cells(view, self._ledger, [key], live=key in self._live)[1]
            except Exception:
                self._note_again([key])
                raise
            self._put_renamed(view)
        self._note_again(refused)
        return refused

    def _put_renamed(self, view: View) -> bool:
        """Note every cell again if a metric is called otherwise since some were put."""
        if found := view.renamed:
            view.renamed = False
            self._note_again(_tried(self._ledger, self._plan))
        return found

    def _next_noted(self, passed: Collection[str]) -> str:
        with self._news:
            key = next((key for key in self._noted if key not in passed), "")
            self._noted.pop(key, None)
            return key

    def _note_again(self, keys: Iterable[str]) -> None:
        with self._news:
            self._noted |= dict.fromkeys(keys)

    def _suffer(self, error: Exception) -> None:
        line = _one_line(error)
        if not self.trouble:
            log.warning("tracker %s: does not take it, trying on: %s", self._uri, line)
        self._view, self._shaken, self.trouble = None, True, line


def sync(
    ledger: Ledger,
    plan: Plan,
    uri: str,
    artifacts: Path | None = None,
    verdicts: Mapping[str, str] | None = None,
) -> Summary:
    """Bring MLflow up to the ledger, creating what is missing; a second call changes nothing.

    Raises:
        TrackerDown: When MLflow does not answer or refuses.
    """
    lease = read_lease(ledger.storage, ledger.sweep)
    driven = lease is not None and is_alive(lease)
    again = f"`ablate sync {ledger.sweep}` again"
    try:
        with alone_at(uri):
            view = View(plan, ledger.sweep, uri)
            keys = _tried(ledger, plan)
            new, refused = _put_cells(view, ledger, keys, live=driven)
            while view.renamed:
                view.renamed = False
                more, refused = _put_cells(view, ledger, keys, live=driven)
                new += more
            view.put_sweep(live=driven, verdicts=verdicts)
            if artifacts:
                view.put_artifacts(artifacts)
    except BadDatabase as error:
        raise TrackerDown(f"{error} by {again}") from error
    except Exception as error:
        raise TrackerDown(
            f"tracker {uri}: must answer, got {_one_line(error)}; start it and run {again}"
        ) from error
    if refused:
        raise TrackerDown(
            f"tracker {uri}: {_refusals(refused)}; {len(keys) - len(refused)} cells are there; "
            f"correct that and run {again}"
        )
    return Summary(view.experiment_id, len(keys), new)


def leaderboard_address(
    uri: str, experiment_id: str, sweep: str, metric: str, mode: str
) -> tuple[str, str]:
    """The address of the sweep's table, sorted by the metric, and the command that serves it.

    It opens a state of the table that the tracker put into MLflow. The command is "" where a server
    runs already.
    """
    served = uri.startswith(("http://", "https://"))
    query = {
        "workflowType": "machine_learning",
        "viewStateShareKey": view_key(sweep, metric, mode),
    }
    base = uri.rstrip("/") if served else _UI
    address = f"{base}/#/experiments/{experiment_id}/runs?{urlencode(query)}"
    command = f"mlflow server --backend-store-uri {shlex.quote(uri)} --host 127.0.0.1 --port 5000"
    return address, "" if served else command


def _tried(ledger: Ledger, plan: Plan) -> list[str]:
    """Planned cells that left any file, in the plan's order."""
    prefix = f"{ledger.sweep}/cells"
    found = {p.removeprefix(prefix + "/").split("/")[0] for p in ledger.storage.list(prefix)}
    return [cell.key for cell in plan.cells if cell.key in found]


def _put_cells(
    view: View, ledger: Ledger, keys: Iterable[str], *, live: bool = False
) -> tuple[int, dict[str, str]]:
    """How many values were new, and why MLflow refused which cells, which holds up no other."""
    new, refused = 0, {}
    for key in keys:
        try:
            record = ledger.record(key)
            new += view.put_cell(record, live=live)
            view.put_pictures(record, ledger.read_picture)
        except Exception as error:  # whatever MLflow raises
            if not view.answers():
                raise
            refused[key] = _one_line(error)
    return new, refused


def _refusals(refused: Mapping[str, str]) -> str:
    key, why = next(iter(refused.items()))
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return f"must take every cell, refuses {key}{more}: {why}"


def _one_line(error: Exception) -> str:
    if isinstance(error, BadDatabase | TrackerDown):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
