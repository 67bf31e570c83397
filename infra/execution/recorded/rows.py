"""Files of rows, each a mapping from columns to values: CSV, JSON, JSON lines, Parquet."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.errors import Refused

Rows = list[Mapping[str, Any]]


def read_rows(file: Path) -> Rows:
    """The rows of a file by its ending.

    Raises:
        Refused: Where it cannot be read as that, or has no rows.
    """
    try:
        rows = READERS[file.suffix.lower()](file)
        if not all(isinstance(row, Mapping) for row in rows):
            raise ValueError("its rows are no objects")
    except KeyError:
        raise Refused(f"{file}: must end in one of {', '.join(READERS)}") from None
    except OSError as error:
        raise Refused(f"{file}: must be a file that can be read, got: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        kind, why = file.suffix.lstrip(".").upper(), " ".join(str(error).split())[:200]
        raise Refused(f"{file}: must be {kind} of rows, got: {why}") from error
    if not rows:
        raise Refused(f"{file}: must have rows, has none; export it again or take it out")
    return rows


def _csv(file: Path) -> Rows:
    """Without columns that have no heading, as pandas' index."""
    text = file.read_bytes().decode("utf-8-sig")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(lines, [])
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise ValueError(f"column {twice[0]!r} is there {header.count(twice[0])} times")
    rows = []
    for line in lines:
        if len(line) > len(header):
            raise ValueError(f"line {lines.line_num} has {len(line)} columns of {len(header)}")
        if line:
            rows.append({n: v for n, v in zip(header, line, strict=False) if n and v != ""})
    return rows


def _json(file: Path) -> Rows:
    """A list of rows; or, as pandas writes a table, columns of values by row."""
    told = json.loads(file.read_bytes())
    if isinstance(told, Mapping) and told and all(isinstance(v, Mapping) for v in told.values()):
        columns = told.items()
        keys = dict.fromkeys(key for _, column in columns for key in column)
        return [{n: c[key] for n, c in columns if c.get(key) is not None} for key in keys]
    if not isinstance(told, list):
        raise ValueError("it is no list of rows")
    return told


def _lines(file: Path) -> Rows:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def _parquet(file: Path) -> Rows:
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(file).to_pylist()
    return [{name: v for name, v in row.items() if v is not None} for row in rows]


READERS: Mapping[str, Callable[[Path], Rows]] = {
    ".csv": _csv, ".json": _json, ".jsonl": _lines, ".ndjson": _lines, ".parquet": _parquet,
}  # fmt: skip
