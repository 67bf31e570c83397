"""A file of what was looked at, one record a portrait, that a broken-off ingestion is gone on from.

A record is the lengths of its two halves, a line of JSON, and arrays one behind the other. One that
was not written to its end is cut off when the file is opened.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

SPOOL = "looked.spool"
_LENGTH = 8  # bytes of the length of either half
Record = tuple[dict[str, Any], dict[str, np.ndarray]]


class Spool:
    """Records by key.

    Attributes:
        places: Key to where its record begins.
    """

    def __init__(self, path: Path):
        self.places: dict[str, int] = {}
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._end = 0
        size = path.stat().st_size
        while (said := self._said(self._end, size)) is not None:
            self.places[said["key"]] = self._end
            self._end += said["bytes"]
        self._file.truncate(self._end)

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, key: str, said: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> int:
        """Writes a record and gives back where it begins."""
        shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
        text = json.dumps({"key": key, "said": said, "arrays": shapes}).encode()
        body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
        lengths = (len(part).to_bytes(_LENGTH, "little") for part in (text, body))
        self._file.seek(self._end)
        self._file.write(b"".join((*lengths, text, body)))
        self._file.flush()
        place = self.places[key] = self._end
        self._end += 2 * _LENGTH + len(text) + len(body)
        return place

    def said(self, place: int) -> dict[str, Any]:
        """What a record says, without its arrays."""
        return self._line(place)["said"]

    def shapes(self, place: int) -> dict[str, tuple[int, ...]]:
        """Of its arrays, by name."""
        kept = self._line(place)["arrays"]
        return {name: tuple(shape) for name, (_, shape) in kept.items()}

    def read(self, place: int) -> Record:
        """A record with its arrays."""
        line = self._line(place)  # behind which the arrays stand
        arrays = {}
        for name, (kind, shape) in line["arrays"].items():
            dtype = np.dtype(kind)
            body = self._file.read(dtype.itemsize * math.prod(shape))
            arrays[name] = np.frombuffer(body, dtype).reshape(shape)
        return line["said"], arrays

    def _line(self, place: int) -> dict[str, Any]:
        self._file.seek(place)
        length = int.from_bytes(self._file.read(_LENGTH), "little")
        self._file.seek(_LENGTH, 1)
        return json.loads(self._file.read(length))

    def _said(self, place: int, size: int) -> dict[str, Any] | None:
        """Key and bytes of the record that begins here; None where none is whole."""
        self._file.seek(place)
        lengths = self._file.read(2 * _LENGTH)
        text, body = (int.from_bytes(lengths[i : i + _LENGTH], "little") for i in (0, _LENGTH))
        whole = 2 * _LENGTH + text + body
        if len(lengths) < 2 * _LENGTH or place + whole > size:
            return None
        try:
            return {"key": self._line(place)["key"], "bytes": whole}
        except (ValueError, KeyError, TypeError):  # what a machine that went down left there
            return None
