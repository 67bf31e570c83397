"""What MLflow is to hold of a sweep, as a function of plan and ledger alone."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from infra.answer.diagnosis import diagnose_cell
from infra.answer.resumed import resumes
from infra.colors import arm_color
from infra.ledger.records import CellRecord, Point
from infra.study.plan import Cell, Plan
from infra.tracking.names import NAME_CHARS, PARAM_CHARS, TAG_CHARS, cut, safe_name

PARENT = ""  # its place among the keys of the cells
CELL_TAG, SWEEP_TAG, CREATED_TAG = "ablate.cell", "ablate.sweep", "ablate.created"
PARENT_TAG = "mlflow.parentRunId"
_COLOR_TAG = "mlflow.runColor"  # of a run's curves and bars in the UI
# By it the UI of 3.17 opens a parent's row by itself, and only runs of open rows are in its charts.
_UNFOLDED = {"mlflow.runType": "evaluation"}
_MLFLOW_STATUS = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}
_LAWS = ("scale", "metric", "mode", "baseline", "margin", "threads")
_LIST_CHARS = 5000  # of a tag that is read as a whole
_LONGEST = 2**63 - 1
_COLUMNS_FOR_CONFIG = 4


class Value(NamedTuple):
    """A metric's value at a step; equal values of two writes are one to MLflow."""

    name: str
    step: int
    value: float
    at_ms: int


@dataclass(frozen=True)
class Names:
    """What a sweep's metrics and the fields of its configs are called in MLflow."""

    metrics: Mapping[str, str]
    params: Mapping[str, str]

    @cached_property
    def apart(self) -> Mapping[str, str]:
        """Names that tell values apart, each with the one that those would share."""
        called = [*self.metrics.items(), *self.params.items()]
        return {own: safe_name(name) for name, own in called if own != safe_name(name)}


@dataclass(frozen=True)
class Wanted:
    """A run as it is to be; tags without a value yet are empty.

    Attributes:
        key: The cell's key, PARENT for the sweep's own run.
        status: running, finished, failed or interrupted.
        start_ms: When it began; one that exists keeps its own.
        duration_ms: Its length once it has ended.
        apart: As `Names.apart` says.
    """

    key: str
    name: str
    status: str
    start_ms: int
    duration_ms: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    values: Sequence[Value] = ()
    apart: Mapping[str, str] = field(default_factory=dict)

    @property
    def mlflow_status(self) -> str:
        """The status in MLflow's words."""
        return _MLFLOW_STATUS[self.status]


def created_ms(plan: Plan) -> int:
    """When the sweep was first planned."""
    return round(datetime.fromisoformat(plan.created).timestamp() * 1000)


def sweep_run(
    plan: Plan, sweep: str, status: str, end_ms: int = 0, verdicts: Mapping[str, str] | None = None
) -> Wanted:
    """The parent run; it ends with the last of its cells. `verdicts` are tags of it."""
    began_ms = created_ms(plan)
    laws = {law: _param(getattr(plan, law)) for law in _LAWS}
    said = {name: cut(text, _LIST_CHARS) for name, text in (verdicts or {}).items()}
    tags = _cut(_sweep_tags(plan, sweep, status) | said)
    name = cut(sweep, NAME_CHARS)
    return Wanted(PARENT, name, status, began_ms, max(0, end_ms - began_ms), tags, laws)


def cell_run(
    plan: Plan,
    sweep: str,
    record: CellRecord,
    parent_id: str,
    names: Names,
    *,
    live: bool = False,
) -> Wanted:
    """A cell's run, as long as what is billed; `live` when a worker may be at it."""
    cell = plan.cell(record.key)
    status = record.status
    if status not in ("finished", "failed"):
        status = "running" if live else "interrupted"
    started = record.start.get("started")
    seed = f" s{cell.seed}"
    return Wanted(
        key=record.key,
        name=cut(cell.arm, NAME_CHARS - len(seed)) + seed,
        status=status,
        start_ms=round(1000 * started) if started else created_ms(plan),
        duration_ms=round(1000 * record.billed_s),
        tags=_cut(_cell_tags(plan, sweep, cell, record, status)) | {PARENT_TAG: parent_id},
        params={names.params[name]: _param(value) for name, value in cell.config.items()},
        values=_values(plan, record.points, names.metrics),
        apart=names.apart,
    )


def _values(plan: Plan, points: Iterable[Point], names: Mapping[str, str]) -> list[Value]:
    """Every committed value, oldest first, each (name, step) once.

    They are dated by training seconds, which are committed too: so a repeated write repeats the
    date, and MLflow's axis of relative time is training time.
    """
    found: dict[tuple[str, int], Value] = {}
    began_ms = created_ms(plan)
    for point in points:
        trained_s = point.metrics.get("perf/train_s", point.step / 1000)
        at_ms = _moment(began_ms, trained_s)
        for name, value in point.metrics.items():
            name = names[name]
            found.setdefault((name, point.step), Value(name, point.step, float(value), at_ms))
    return list(found.values())


def _moment(began_ms: int, trained_s: float) -> int:
    """A date that MLflow takes, whatever a run says of its seconds."""
    late_ms = 1000 * trained_s
    return min(max(0, began_ms + round(late_ms)), _LONGEST) if math.isfinite(late_ms) else _LONGEST


def _param(value: Any) -> str:
    """A value of a config as MLflow takes it."""
    return cut(str(value), PARAM_CHARS)


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as MLflow takes them."""
    return {name: cut(text, TAG_CHARS) for name, text in tags.items()}


def _sweep_tags(plan: Plan, sweep: str, status: str) -> dict[str, str]:
    """Tags of the parent run; arms and seeds are tags since params are for ever and these grow."""
    return _shared_tags(plan, sweep, status) | {
        SWEEP_TAG: sweep,
        "mlflow.note.content": plan.question,
        "arms": cut(", ".join(plan.arms), _LIST_CHARS),
        "seeds": cut(", ".join(map(str, plan.seeds)), _LIST_CHARS),
    }


def _cell_tags(
    plan: Plan, sweep: str, cell: Cell, record: CellRecord, status: str
) -> dict[str, str]:
    """Tags of a cell's run; what is not known yet is empty."""
    code, machine = record.start.get("code", {}), record.start.get("machine", {})
    commit = code.get("commit", "")
    known = {
        "attempt": record.commit.attempt if record.commit else "",
        "commit": f"{commit}-dirty" if commit and code.get("dirty") else commit,
        "code": code.get("package_digest", "")[:12],
        "hardware": machine.get("device", ""),
        "host": machine.get("host", ""),
        "weights_sha256": record.commit.weights_sha256 if record.commit else "",
        "resume": resumes(plan, record),
        "error": cut(record.error, _LIST_CHARS),
        "label": cut(str(diagnose_cell(plan, record) or ""), _LIST_CHARS),
        "mlflow.source.git.commit": commit,
    }
    # The UI's columns come in this order.
    name = {"arm": cell.arm, "seed": str(cell.seed)}
    looks = {_COLOR_TAG: arm_color(plan.arms.index(cell.arm)), **_UNFOLDED}
    place = {"cell": cell.key, CELL_TAG: f"{sweep}/{cell.key}"}
    return name | _shared_tags(plan, sweep, status) | place | known | looks


def view_key(sweep: str, metric: str, mode: str) -> str:
    """Under what name MLflow's UI finds the sweep's table."""
    return hashlib.sha256(f"{sweep}|{metric}|{mode}".encode()).hexdigest()[:16]


def table_view(plan: Plan, parent_id: str, names: Names) -> str:
    """State of the UI's runs table: this sweep's cells sorted by the metric, with its columns.

    The UI takes sorting from an address, but columns only from a state that was shared before.
    """
    columns = [f"metrics.`{names.metrics[plan.metric]}`"]
    shown = ("arm", "seed", "status", "label", "hardware", "error")
    columns += [f"tags.`{name}`" for name in shown]
    columns += [f"params.`{names.params[n]}`" for n in _differing(plan)[:_COLUMNS_FOR_CONFIG]]
    state = {
        "searchFilter": f"tags.`{PARENT_TAG}` = '{parent_id}'",
        "orderByKey": columns[0],
        "orderByAsc": plan.mode == "min",
        "selectedColumns": [*columns, "attributes.`Duration`"],
    }
    return json.dumps(state)


def _shared_tags(plan: Plan, sweep: str, status: str) -> dict[str, str]:
    return {
        CREATED_TAG: plan.created,
        "study": plan.study,
        "sweep": sweep,
        "scale": plan.scale,
        "status": status,
    }


def _differing(plan: Plan) -> list[str]:
    """Config fields in which the arms differ."""
    seen: dict[str, set[str]] = {}
    for cell in plan.cells:
        for name, value in cell.config.items():
            seen.setdefault(name, set()).add(str(value))
    return [name for name, found in seen.items() if len(found) > 1 and name != "seed"]
