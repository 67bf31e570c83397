"""Curves that somebody else recorded, read from a CSV.

A row is a point: `arm`, `seed`, `step` and a column per metric, empty where it has none, as in the
`curves.csv` of an export. Or a row is one value: `arm`, `seed`, `step`, `metric`, `value`. Columns
without a heading are an index and not read.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infra.errors import Refused
from infra.execution.recorded.table import Curves, RecordedTable
from infra.ledger.records import Point
from infra.study.study import check_seed
from infra.writeup.columns import metric_of

PLACE = ("arm", "seed", "step")
_ONE_VALUE = {"metric", "value"}


class _Row(NamedTuple):
    """A row as it is written; its number is that of its first line."""

    number: int
    texts: list[str]


def read_table(path: Path) -> RecordedTable:
    """The curves in a file.

    Raises:
        Refused: Where file, column, row or value is not what it must be, naming it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: must be a file that can be read, got: {error.strerror}") from error
    try:
        header, *rows = _texts(data)
        curves = _curves(_columns(header), rows)
    except ValueError as error:
        raise Refused(f"{path.name}: {' '.join(str(error).split())}") from error
    return RecordedTable(
        source=path.name,
        name=path.stem,
        sha256=hashlib.sha256(data).hexdigest(),
        curves=curves,
        command=(path.name,),
    )


def _texts(data: bytes) -> list[_Row]:
    """The rows that are not blank, as they are written, numbered as an editor does."""
    try:
        rows = [
            row for row in _numbered(data.decode("utf-8-sig")) if any(map(str.strip, row.texts))
        ]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"must be a CSV in UTF-8, got: {error}") from error
    if not rows:
        raise ValueError(f"must have a row of headings {', '.join(PLACE)}, is empty")
    first = ",".join(rows[0].texts)
    if "," not in first and (other := next((c for c in ";\t|" if c in first), "")):
        raise ValueError(
            f"must have commas between its columns, has {other!r}; write it with commas"
        )
    if len(rows) < 2:
        raise ValueError("must have rows below its headings, has none")
    return [_filled(row, len(rows[0].texts)) for row in rows]


def _numbered(text: str) -> Iterator[_Row]:
    lines, number = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    for texts in lines:
        yield _Row(number, texts)
        number = lines.line_num + 1


def _filled(row: _Row, columns: int) -> _Row:
    """A row with empty texts for what it leaves out at its end."""
    if any(text.strip() for text in row.texts[columns:]):
        raise ValueError(
            f"row {row.number}: must have {columns} columns as the headings do, has "
            f"{len(row.texts)}; quote what has a comma"
        )
    return _Row(row.number, [*row.texts, *[""] * columns][:columns])


def _columns(header: _Row) -> dict[str, int]:
    """Headings with their places."""
    names = [name.strip() for name in header.texts]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise ValueError(f"column {twice[0]!r}: must be there once, is {names.count(twice[0])} x")
    columns = {name: index for index, name in enumerate(names) if name}
    if any(_is_number(name) for name in columns):
        raise ValueError(
            f"row {header.number}: must be headings, {', '.join(PLACE)} and metrics, got "
            f"{', '.join(names)}; put them above"
        )
    if lacking := [name for name in PLACE if name not in columns]:
        raise ValueError(
            f"must have the columns {', '.join(PLACE)}, lacks {', '.join(lacking)}; it has "
            f"{', '.join(columns)}: name those that tell arms, seeds and steps with --arm-field, "
            "--seed-field and --step-field"
        )
    for name in columns:
        if metric_of(name) != name and metric_of(name) in columns and metric_of(name) not in PLACE:
            raise ValueError(f"columns {name!r} and {metric_of(name)!r}: are one metric; drop one")
    if len(columns) == len(PLACE):
        raise ValueError(f"must have a column per metric beside {', '.join(PLACE)}, has none")
    return columns


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _curves(columns: Mapping[str, int], rows: Sequence[_Row]) -> Curves:
    points: dict[tuple[str, int], dict[int, dict[str, float]]] = {}
    first: dict[tuple[Any, ...], int] = {}
    one_value = set(columns) == {*PLACE, *_ONE_VALUE}
    metrics = {metric_of(n): index for n, index in columns.items() if n not in PLACE}
    for number, row in rows:
        arm, seed, step = _place(number, *(row[columns[name]] for name in PLACE))
        given = row[columns["metric"]].strip() if one_value else ""
        if (other := first.setdefault((arm, seed, step, given), number)) != number:
            raise ValueError(
                f"rows {other} and {number}: must differ in {', '.join(PLACE)}"
                f"{' or metric' if one_value else ''}, are both "
                f"{', '.join(filter(None, map(str, (arm, seed, step, given))))}"
            )
        told = _value(number, row, columns) if one_value else _values(number, row, metrics)
        points.setdefault((arm, seed), {}).setdefault(step, {}).update(told)
    return {
        cell: tuple(Point(step, steps[step]) for step in sorted(steps))
        for cell, steps in points.items()
    }


def _place(number: int, arm: str, seed: str, step: str) -> tuple[str, int, int]:
    if not arm.strip():
        raise ValueError(f"row {number}: arm must be a name, is empty")
    try:
        return arm.strip(), check_seed(_whole(seed)), _whole(step)
    except ValueError:
        raise ValueError(
            f"row {number}: seed and step must be whole numbers from 0, got {seed!r} and {step!r}"
        ) from None


def _whole(text: str) -> int:
    """Also 500.0, as pandas writes whole numbers beside an empty one."""
    value = float(text)
    if not value.is_integer() or not 0 <= value < 2**63:
        raise ValueError(text)
    return int(text) if text.strip().isdecimal() else int(value)


def _value(number: int, row: Sequence[str], columns: Mapping[str, int]) -> dict[str, float]:
    name = row[columns["metric"]].strip()
    if not name:
        raise ValueError(f"row {number}: metric must be a name, is empty")
    text = row[columns["value"]]
    return {name: _number(number, "value", text)} if text.strip() else {}


def _values(number: int, row: Sequence[str], metrics: Mapping[str, int]) -> dict[str, float]:
    told = ((name, row[index]) for name, index in metrics.items())
    return {name: _number(number, name, text) for name, text in told if text.strip()}


def _number(number: int, column: str, text: str) -> float:
    """Whole numbers stay whole, so that an export writes them as it did."""
    try:
        value = int(text) if text.lstrip("-").isdecimal() else float(text)
        float(value)  # which has no room for all whole numbers
        return value
    except (ValueError, OverflowError):
        told = text if len(text) < 40 else f"{text[:20]}... of {len(text)} characters"
        raise ValueError(f"row {number}: {column} must be a number, got {told!r}") from None
