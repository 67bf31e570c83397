"""A table with a row per run, as W&B's page shows and exports it: names, states, configs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.errors import Refused
from infra.execution.recorded.fields import Fields, unpacked
from infra.execution.recorded.rows import read_rows
from infra.words import joined

NAMES = ("Name", "name", "run_name", "ID", "id", "run_id")


def name_in(fields: Mapping[str, str]) -> str:
    """What a row calls its run, "" where it does not."""
    return next((fields[name] for name in NAMES if fields.get(name)), "")


class RunsTable:
    """Rows that are found by the name or id of a run; no file has none."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._rows = [unpacked(row) for row in read_rows(file)] if file else []
        self._met: set[int] = set()

    def of(self, run: str, fields: Fields) -> Fields:
        """The fields of a run, {} where it has no row.

        Raises:
            Refused: Where two rows are called so.
        """
        called = {run, run.rpartition("/")[2], *(fields[name] for name in NAMES if name in fields)}
        found = [
            index
            for index, row in enumerate(self._rows)
            if called & {row[name] for name in NAMES if name in row}
        ]
        if len(found) > 1:
            raise Refused(
                f"{self._file}: must have one row for run {run!r}, has {len(found)}; take the "
                "others out, or call the files of histories by ids"
            )
        self._met |= set(found)
        return self._rows[found[0]] if found else {}

    def unmet(self) -> Iterator[str]:
        """A note of the rows whose run has no history."""
        left = [row for index, row in enumerate(self._rows) if index not in self._met]
        if left and self._file:
            names = joined(name_in(row) for row in left)
            yield f"{len(left)} runs of {self._file.name} have no history: {names}"
