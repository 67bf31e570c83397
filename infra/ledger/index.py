"""What the files of ended cells say, kept together, so that ten thousand cells are read at once.

    <sweep>/index/<digest of code and laws>-<digest of the part>.parquet     a row per ended cell

The cells' folders stay the truth. A row counts while a listing shows the files that it was read
from, by size and times or ETag, and under the code and the laws that it was derived by; of every
other cell the files themselves are read. A part is written once a tenth of the cells lack a row,
and who reads them all makes one of sixteen, so that bytes written grow as the cells do.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from infra.ledger.points import Points
from infra.ledger.provenance import code_digest
from infra.ledger.records import LISTS, CellRecord, Commit, Indexed
from infra.ledger.storage import Storage, write_now
from infra.study.plan import Plan

log = logging.getLogger(__name__)

_DERIVED_BY = "infra"  # what is derived is so by the rooms above too
_COLUMNS = ["cell", "files", "status", "label", "record", "points"]
_REST = ("error", "start", "billed_s", "attempts", "damage", "origins", "shared_s")
_AS_PLANNED = "as planned"  # in the place of a config that the plan has too
_MOST_PARTS, _WORTH_A_PART = 16, 0.1
_PART = re.compile(r"/index/[0-9a-f]{12}-[0-9a-f]{32}\.parquet$")
_NOT_READ = re.compile(
    r"/(?:state-\d+\.pt|log\.txt|pictures/[^/]+)$"
)  # what no record is read from


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
    own, found = _prefix(sweep, plan), {}
    for path in paths:
        if path.startswith(own) and _PART.search(path):
            try:
                for row in _rows(storage.read(path), path):
                    if row["cell"] in plan.configs and files.get(row["cell"]) == row["files"]:
                        found[row["cell"]] = _record(row, plan)
            except FileNotFoundError:
                pass  # another reader has made one of many parts
            except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
                log.warning("%s: is not read, the cells' files are: %s", path, error)
    return found


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
        there = [path for path in storage.list(f"{sweep}/index") if _PART.search(path)]
        ours = [path for path in there if path.startswith(own)]
        others = [path for path in there if path not in ours]
        gone = others if len(others) > _MOST_PARTS else []
        if held is not None and len(ours) >= _MOST_PARTS:
            new, gone = [*held, *new], [*gone, *ours]
        part = _part(new, plan)
        write_now(storage, f"{own}{_digest(part)}.parquet", part)
        for path in gone:
            storage.delete(path)
    except Exception as error:  # an index saves time, and must not cost a sweep or an answer
        log.warning("sweep %s: its index could not be written: %s", sweep, error)


def _prefix(sweep: str, plan: Plan) -> str:
    """How the parts begin that were derived by this code under these laws."""
    laws = [plan.metric, plan.mode, plan.chance, plan.margin, code_digest(_DERIVED_BY)]
    return f"{sweep}/index/{hashlib.sha256(json.dumps(laws).encode()).hexdigest()[:12]}-"


def _part(records: Iterable[CellRecord], plan: Plan) -> bytes:
    from pyarrow import Table
    from pyarrow.parquet import write_table

    body = BytesIO()
    write_table(
        Table.from_pylist([_row(record, plan) for record in records]), body, compression="zstd"
    )
    return body.getvalue()


def _rows(part: bytes, path: str) -> Iterator[dict[str, Any]]:
    """The rows of a part; ValueError where its bytes are not those that its name tells."""
    from pyarrow.parquet import ParquetFile

    if _digest(part) not in path:
        raise ValueError(f"must have the digest in its name, has {_digest(part)}")
    # read_table would import pyarrow's datasets, a tenth of a second.
    table = ParquetFile(BytesIO(part)).read(_COLUMNS)
    for values in zip(*(column.to_pylist() for column in table.columns), strict=True):
        yield dict(zip(_COLUMNS, values, strict=True))


def _digest(part: bytes) -> str:
    return hashlib.sha256(part).hexdigest()[:32]


def _row(record: CellRecord, plan: Plan) -> dict[str, Any]:
    """A record as columns; what `_record` makes of them is equal to it."""
    if record.indexed is None:
        raise ValueError(f"cell {record.key}: must have what the index derives; derive it first")
    rest = {name: getattr(record, name) for name in _REST}
    if record.start.get("config") == plan.configs.get(record.key):
        rest["start"] = {**record.start, "config": _AS_PLANNED}
    commit = record.commit and vars(record.commit)
    return dict(
        zip(
            _COLUMNS,
            (record.key, record.files, record.status, json.dumps(record.indexed.label),
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
        commit = Commit(**commit | {name: tuple(commit[name]) for name in LISTS})
    return CellRecord(
        key=row["cell"],
        status=row["status"],
        commit=commit,
        points=Points.unpacked(row["points"]),
        **{**rest, "origins": tuple(rest["origins"])},
        files=row["files"],
        indexed=Indexed(json.loads(row["label"])),
    )
