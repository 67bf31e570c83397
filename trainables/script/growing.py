"""Points out of files that a script writes while it runs: read on from where they were left.

A file of lines may be written anew, shorter than before, and is then read from its beginning. Event
files are TensorBoard's: framed records of protocol buffers, of which scalars are taken.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from trainables.script.lines import Lines
from trainables.script.points import Points, Told, reader_of


@runtime_checkable
class Growing(Protocol):
    """A file, or a folder of files, that tells more as time goes on."""

    def more(self) -> Iterator[Told]:
        """What was told since it was last asked."""
        ...


class GrowingLines:
    """A file of lines."""

    def __init__(self, path: Path, points: Points) -> None:
        self._path, self._points = path, points
        self._begin()

    def more(self) -> Iterator[Told]:
        """Of the lines that are whole by now."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        if size < self._read_bytes:
            self._begin()
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            data = file.read(size - self._read_bytes)
        self._read_bytes += len(data)
        for line in self._lines.of(data):
            if told := self._read(line):
                yield told

    def _begin(self) -> None:
        self._read, self._lines, self._read_bytes = reader_of(self._points), Lines(), 0


class GrowingEvents:
    """A folder of TensorBoard's event files."""

    def __init__(self, folder: Path, step: str) -> None:
        self._folder, self._step = folder, step
        self._read_bytes: dict[Path, int] = {}

    def more(self) -> Iterator[Told]:
        """Of the records that are whole by now; scalars of one step may come apart."""
        from tensorboardX.proto.event_pb2 import Event

        for path in sorted(self._folder.rglob("*tfevents*")):
            for record in self._records(path):
                event = Event.FromString(record)
                told = {one.tag: _scalar(one) for one in event.summary.value if _has_scalar(one)}
                if told:
                    yield {**told, self._step: float(event.step)}

    def _records(self, path: Path) -> Iterator[bytes]:
        at = self._read_bytes.get(path, 0)
        with path.open("rb") as file:
            file.seek(at)
            while len(head := file.read(12)) == 12:
                (length,) = struct.unpack("<Q", head[:8])
                body = file.read(length + 4)  # and its checksum
                if len(body) < length + 4:
                    break
                at += 12 + length + 4
                self._read_bytes[path] = at
                yield body[:length]


def _has_scalar(value) -> bool:
    return value.WhichOneof("value") == "simple_value" or bool(value.tensor.float_val)


def _scalar(value) -> float:
    return float(value.tensor.float_val[0] if value.tensor.float_val else value.simple_value)


def growing(points: Points, place: Path) -> Growing:
    """What reads the file or the folder at this place."""
    if points.kind == "tensorboard":
        return GrowingEvents(place, points.step)
    return GrowingLines(place, points)
