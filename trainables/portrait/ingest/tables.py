"""Features of many pictures in one file, which its ids join to the pictures; its order does not.

A file features.npz has `ids`, as the pictures' (see `sources`), `whole` and `patches`, a row each.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainables.portrait.ingest.beside import Known, checked_features
from trainables.portrait.ingest.pictures import Unreadable
from trainables.skips import Skip


@dataclass
class Table:
    """Features by id; empty where there is no such file.

    Attributes:
        rows: Id to row.
        whole: Of the pictures.
        patches: Of their patches.
        used: Ids that a picture had.
    """

    rows: dict[str, int] = field(default_factory=dict)
    whole: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    patches: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    used: set[str] = field(default_factory=set)

    def join(self, id: str, known: Known) -> None:
        """Adds the features of a picture that has none of its own."""
        row = self.rows.get(id)
        if row is None:
            return
        self.used.add(id)
        if known.whole is not None:
            return
        try:
            features = checked_features(self.whole[row], self.patches[row], None)
        except Unreadable as reason:
            known.faults.append(str(reason))
            return
        known.whole, known.patches, known.grid = features


def read_table(path: Path | None, faults: list[Skip]) -> Table:
    """The table; tells why where it cannot be used."""
    if path is None:
        return Table()
    try:
        return _read(path)
    except Unreadable as reason:
        faults.append(Skip(path.name, str(reason)))
        return Table()


def _read(path: Path) -> Table:
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in ("ids", "whole", "patches")}
    except KeyError as error:
        raise Unreadable("it must have ids, whole and patches; rows are not joined by order") from (
            error
        )
    except Exception as error:  # numpy and zipfile raise whatever they like on damaged files
        raise Unreadable("it is no readable .npz") from error
    ids, whole, patches = arrays["ids"], arrays["whole"], arrays["patches"]
    if ids.dtype.kind != "U" or ids.ndim != 1 or whole.ndim != 2 or patches.ndim != 3:
        raise Unreadable(
            f"ids of {ids.dtype} {ids.shape}, whole of {whole.shape}, patches of {patches.shape}, "
            "not texts (n), (n, D) and (n, patches, D)"
        )
    if not len(ids) == len(whole) == len(patches):
        raise Unreadable(
            f"{len(ids)} ids, {len(whole)} rows of whole, {len(patches)} of patches, not as many"
        )
    rows = {str(id): row for row, id in enumerate(ids)}
    if len(rows) < len(ids):
        raise Unreadable(f"{len(ids) - len(rows)} of its ids stand there twice")
    return Table(rows, whole, patches)
