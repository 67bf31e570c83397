"""Labels of nodules beside a prepared CT folder: `nodules.csv`.

Its columns are series and z as in the folder, y and x of the center in pixels (row, column), and
malignancy, the median of the raters' 1 to 5. A nodule is malignant above 3, as documented (pylidc,
annotations clustered at 10 mm).
"""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.ct.slices import Slices

LABELS = "nodules.csv"
COLUMNS = ("series", "z", "y", "x", "malignancy")
MALIGNANT_ABOVE = 3.0
# Row of the central slice, y, x, number of the series, malignant, whether the series trains.
Nodule = tuple[int, int, int, int, bool, bool]


def read_labels(folder: str, slices: Slices) -> list[Nodule]:
    """All nodules of a prepared folder, at least one.

    Raises:
        ValueError: When a line is not of this folder, or the file is not such a file.
    """
    path = Path(folder, LABELS)
    rows, split = _rows_of(folder)
    names: dict[str, int] = {}
    found: list[Nodule] = []
    for line, entry in enumerate(_entries(path), 2):
        try:
            series = entry["series"]
            z, y, x = (int(entry[name]) for name in ("z", "y", "x"))
            rating = float(entry["malignancy"])
        except (TypeError, ValueError) as error:
            raise _wrong(path, line, f"whole z, y, x and a rating, got {entry}") from error
        if (series, z) not in rows:
            raise _wrong(path, line, f"a series and z of the data set, got {series!r}, {z}")
        row = rows[series, z]
        size = int(slices.height[row]), int(slices.width[row])
        if not (0 <= y < size[0] and 0 <= x < size[1] and 1 <= rating <= 5):
            raise _wrong(
                path, line, f"y, x within {size} and malignancy in [1, 5], got {y}, {x}, {rating}"
            )
        if len(split[series]) > 1:
            raise _wrong(path, line, f"a series that is on one side, got {series!r} split by z")
        index = names.setdefault(series, len(names))
        found.append((row, y, x, index, rating > MALIGNANT_ABOVE, split[series] == {"train"}))
    if not found:
        raise _wrong(path, 2, "at least one nodule, got none")
    return found


def _rows_of(folder: str) -> tuple[dict[tuple[str, int], int], dict[str, set[str]]]:
    """Row of each (series, z) in the order of `load_slices`, and the sides each series is on."""
    files = sorted(Path(folder).glob("slices-*.parquet"))
    tables = [pq.read_table(file, columns=["series", "split", "z"]) for file in files]
    series, split, z = (column.to_pylist() for column in pa.concat_tables(tables).columns)
    sides: dict[str, set[str]] = {}
    for name, side in zip(series, split, strict=True):
        sides.setdefault(name, set()).add(side)
    return {key: row for row, key in enumerate(zip(series, z, strict=True))}, sides


def _entries(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            entries, header = list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"labels {str(path)!r}: must be a readable file with columns {', '.join(COLUMNS)}, got "
            f"{error}; write it beside the slices"
        ) from error
    if missing := [name for name in COLUMNS if name not in header]:
        raise _wrong(path, 1, f"columns {', '.join(COLUMNS)}, got none named {missing[0]!r}")
    return entries


def _wrong(path: Path, line: int, law: str) -> ValueError:
    return ValueError(f"labels {str(path)!r}, line {line}: must have {law}; mend the file")
