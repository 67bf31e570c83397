"""Where recorded results are read from, and by what."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.errors import Refused
from infra.execution.recorded.cells import table_of
from infra.execution.recorded.curves_csv import PLACE, read_table
from infra.execution.recorded.event_runs import EVENTS, ReadEvents, read_events
from infra.execution.recorded.rows import READERS
from infra.execution.recorded.runs import Choice, Recorded
from infra.execution.recorded.table import RecordedTable

KINDS = ("csv", "mlflow", "wandb", "tensorboard")
_DATABASES = (".db", ".sqlite", ".sqlite3")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is asked to be read.

    Attributes:
        place: Path or address.
        kind: One of `KINDS`; "" goes by the place.
        experiment: MLflow's.
        step_field: Column of the step in W&B's histories.
        runs_file: W&B's table of runs.
        last_step: Points beyond it are left out; None reads all.
    """

    place: str
    kind: str = ""
    experiment: str = ""
    step_field: str = ""
    runs_file: Path | None = None
    last_step: int | None = None


def read_source(source: Source, choice: Choice, read: ReadEvents) -> RecordedTable:
    """The cells that a source has.

    Raises:
        Refused: Where it is not what it must be, or a run in it is no cell.
    """
    kind = source.kind or _kind(source.place, choice)
    if kind == "csv":
        table = read_table(Path(source.place))
    else:
        table = table_of(_recorded(source, kind, choice, read), choice)
    return table if source.last_step is None else table.until(source.last_step)


def _recorded(source: Source, kind: str, choice: Choice, read: ReadEvents) -> Recorded:
    if kind == "mlflow":
        from infra.execution.recorded.mlflow_runs import read_experiment

        return read_experiment(_address(source.place), source.experiment)
    place = Path(source.place).absolute()
    if kind == "tensorboard":
        return read_events(place, read)
    from infra.execution.recorded.wandb_runs import read_export

    return read_export(place, choice, source.step_field, source.runs_file)


def _kind(place: str, choice: Choice) -> str:
    """What the place looks like; a CSV with arm, seed and step as its columns is a plain one."""
    if "://" in place or Path(place).suffix in _DATABASES:
        return "mlflow"
    path = Path(place)
    if path.is_dir():
        if any(path.glob("*/meta.yaml")):
            return "mlflow"
        return "tensorboard" if any(path.rglob(EVENTS)) else "wandb"
    if path.suffix.lower() != ".csv" and path.suffix.lower() in READERS:
        return "wandb"
    is_plain = (choice.arm_fields, choice.seed_field, choice.run_name, choice.where) == (
        (PLACE[0],), PLACE[1], "", (),
    )  # fmt: skip
    return "csv" if is_plain and not _is_export(path) else "wandb"


def _is_export(path: Path) -> bool:
    """Whether a CSV's headings are W&B's: steps of its own, bounds of a chart, a run's state."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            heading = file.readline()
    except OSError:
        return False
    names = {name.strip().strip('"') for name in heading.split(",")}
    return "_step" in names or "__MIN" in heading or {"Name", "State"} <= names


def _address(place: str) -> str:
    """As MLflow takes it: an address as it is, a database's file and a folder by theirs."""
    scheme = urlsplit(place).scheme
    if "://" in place:
        if scheme.partition("+")[0] not in (
            "http", "https", "sqlite", "postgresql", "mysql", "mssql", "file",
        ):  # fmt: skip
            raise Refused(
                f"{place}: must be an MLflow by http://, https:// or sqlite:///, a file or a "
                f"folder, got {scheme}://; copy it here"
            )
        return place
    path = Path(place).absolute()
    if path.is_dir():
        return path.as_uri()
    return f"sqlite:///{path}"
