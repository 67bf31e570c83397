"""A file of what was looked at, one record a portrait, that a broken-off ingestion is gone on from.

A record is the lengths of its two halves, their checksum, a line of JSON, and arrays one behind the
other. When the file is opened, one that was not written to its end is cut off, and one that is
damaged is passed over, so that its portrait is looked at again.
"""

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

SPOOL = "looked.spool"
_LENGTH = 8  # bytes of the length of either half, and of the checksum
_HEAD = 3 * _LENGTH
_NUMBERS = range(0, _HEAD, _LENGTH)
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
        while (length := self._length(self._end, size)) is not None:
            if (key := self._key(self._end, length)) is not None:
                self.places[key] = self._end
            self._end += length
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
        numbers = (len(text), len(body), zlib.crc32(body, zlib.crc32(text)))
        head = (number.to_bytes(_LENGTH, "little") for number in numbers)
        self._file.seek(self._end)
        self._file.write(b"".join((*head, text, body)))
        self._file.flush()
        place = self.places[key] = self._end
        self._end += _HEAD + len(text) + len(body)
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
        text, _, _ = self._head(place)
        return json.loads(self._file.read(text))

    def _head(self, place: int) -> tuple[int, ...]:
        """Lengths of the halves of the record that begins here, and their checksum."""
        self._file.seek(place)
        head = self._file.read(_HEAD)
        return tuple(int.from_bytes(head[at : at + _LENGTH], "little") for at in _NUMBERS)

    def _length(self, place: int, size: int) -> int | None:
        """Bytes of the record that begins here; None where there is none to its end."""
        if place + _HEAD > size:
            return None
        text, body, _ = self._head(place)
        whole = _HEAD + text + body
        return whole if text and place + whole <= size else None

    def _key(self, place: int, length: int) -> str | None:
        """The key of the record that begins here; None where it is damaged."""
        text, _, checksum = self._head(place)
        halves = self._file.read(length - _HEAD)
        return json.loads(halves[:text])["key"] if zlib.crc32(halves) == checksum else None
