"""What the files of ended cells say, kept together, so that ten thousand cells are read at once.

    <sweep>/index/<digest>-<time>-<token>.parquet     a row per ended cell

The cells' folders stay the truth. A row counts while a listing shows the very files that it was
read from, and under the code and the laws that it was derived by, whose digest its part is named
by; of every other cell the files themselves are read. A part is written once a tenth of the cells
lack a row, and sixteen parts are made one, so that bytes written grow as the cells do.
"""

import hashlib
import json
import logging
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from infra.ledger.patience import StorageError
from infra.ledger.points import Points
from infra.ledger.provenance import code_digest
from infra.ledger.records import CellRecord, Commit, Indexed
from infra.ledger.storage import Storage, write_now
from infra.study.plan import Plan

log = logging.getLogger(__name__)

_DERIVED_BY = ("infra/study", "infra/ledger", "infra/answer")
_COLUMNS = ["cell", "files", "status", "score", "label", "record", "points"]
_REST = ("error", "start", "billed_s", "attempts", "damage", "origins")
_AS_PLANNED = "as planned"  # in the place of a config that the plan has too
_MOST_PARTS, _WORTH_A_PART = 16, 0.1
_NOT_READ = re.compile(r"/(?:state-\d+\.pt|log\.txt)$")  # what no record is read from


def files_digest(files: Mapping[str, str]) -> str:
    """Of the files that a cell's record is read from, as a listing of the storage has them."""
    told = (f"{path} {version}\n" for path, version in files.items() if not _NOT_READ.search(path))
    return hashlib.sha256("".join(sorted(told)).encode()).hexdigest()


def read_index(
    storage: Storage, sweep: str, plan: Plan, paths: Iterable[str], files: Mapping[str, str]
) -> dict[str, CellRecord]:
    """The records of cells whose files are still those that were read, by key.

    Args:
        storage: Where the sweep is.
        sweep: Its name.
        plan: Its laws.
        paths: Every path of the sweep, as a listing has them.
        files: `files_digest` of each cell, by key.
    """
    own = _prefix(sweep, plan)
    rows = {}
    for path in sorted(path for path in paths if path.startswith(own)):
        for row in _rows(storage, path):
            if files.get(row["cell"]) == row["files"]:
                rows[row["cell"]] = row
    return {key: _record(row, plan) for key, row in rows.items()}


def lacking(records: Iterable[CellRecord]) -> list[CellRecord]:
    """The ended cells without a row, once they are worth a part."""
    ended = [record for record in records if record.has_ended and not record.damage]
    new = [record for record in ended if record.indexed is None]
    return new if worth_a_part(len(new), len(ended) - len(new)) else []


def worth_a_part(new: int, held: int) -> bool:
    """Whether so many further rows are enough beside those that there are."""
    return new >= _WORTH_A_PART * held


def write_index(
    storage: Storage,
    sweep: str,
    plan: Plan,
    new: Iterable[CellRecord],
    held: Sequence[CellRecord] | None = None,
) -> None:
    """Adds rows; where that cannot be written, the cells' own files go on being read.

    Args:
        storage: Where the sweep is.
        sweep: Its name.
        plan: Its laws.
        new: Records whose rows are missing, with what is derived from them.
        held: All that have a row, where they are at hand: of many parts one is made then.
    """
    own = _prefix(sweep, plan)
    try:
        there = list(storage.list(f"{sweep}/index"))
        gone = [path for path in there if not path.startswith(own)]
        if held is not None and len(there) - len(gone) >= _MOST_PARTS:
            new, gone = [*held, *new], there
        name = f"{own}{time.time_ns()}-{secrets.token_hex(3)}.parquet"
        write_now(storage, name, _part(new, plan))
        for path in gone:
            storage.delete(path)
    except (OSError, StorageError) as error:
        log.info("sweep %s: its index stays as it is: %s", sweep, error)


def _prefix(sweep: str, plan: Plan) -> str:
    """How the parts begin that were derived by this code under these laws."""
    laws = [plan.metric, plan.mode, plan.chance, plan.margin, code_digest(*_DERIVED_BY)]
    return f"{sweep}/index/{hashlib.sha256(json.dumps(laws).encode()).hexdigest()[:12]}-"


def _part(records: Iterable[CellRecord], plan: Plan) -> bytes:
    from pyarrow import Table
    from pyarrow.parquet import write_table

    body = BytesIO()
    write_table(
        Table.from_pylist([_row(record, plan) for record in records]), body, compression="zstd"
    )
    return body.getvalue()


def _rows(storage: Storage, path: str) -> Iterator[dict[str, Any]]:
    """The rows of a part, none where it is gone or damaged."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        # read_table would import pyarrow's datasets, a tenth of a second.
        table = ParquetFile(BytesIO(storage.read(path))).read(_COLUMNS)
        for values in zip(*(column.to_pylist() for column in table.columns), strict=True):
            yield dict(zip(_COLUMNS, values, strict=True))
    except (FileNotFoundError, ArrowException, OSError) as error:
        log.info("%s is not read: %s", path, error)


def _row(record: CellRecord, plan: Plan) -> dict[str, Any]:
    """A record as columns; what `_record` makes of them is equal to it."""
    if record.indexed is None:
        raise ValueError(f"cell {record.key}: must have what the index derives; derive it first")
    rest = {name: getattr(record, name) for name in _REST}
    if record.start.get("config") == plan.configs.get(record.key):
        rest["start"] = {**record.start, "config": _AS_PLANNED}
    commit = record.commit and vars(record.commit)
    score, label = record.indexed
    return dict(
        zip(
            _COLUMNS,
            (record.key, record.files, record.status, score, json.dumps(label),
             json.dumps({"commit": commit, **rest}), Points(record.points).packed()),
            strict=True,
        )
    )  # fmt: skip


def _record(row: Mapping[str, Any], plan: Plan) -> CellRecord:
    rest = json.loads(row["record"])
    if rest["start"].get("config") == _AS_PLANNED:
        rest["start"]["config"] = plan.configs[row["cell"]]
    commit = rest.pop("commit")
    if commit is not None:
        commit = Commit(**{**commit, "inexact": tuple(commit["inexact"])})
    return CellRecord(
        key=row["cell"],
        status=row["status"],
        commit=commit,
        points=Points(packed=row["points"]),
        **{**rest, "origins": tuple(rest["origins"])},
        files=row["files"],
        indexed=Indexed(row["score"], json.loads(row["label"])),
    )
