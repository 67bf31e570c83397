"""Points out of files that a script writes while it runs: read on from where they were left.

A file of lines may be written anew, shorter than before, and is then read from its beginning. Event
files are TensorBoard's: framed records of protocol buffers, of which scalars are taken.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from trainables.script.events import events_from
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
        for path in sorted(self._folder.rglob("*tfevents*")):
            for end, event in events_from(path, self._read_bytes.get(path, 0)):
                self._read_bytes[path] = end
                if event.scalars:
                    yield {**event.scalars, self._step: float(event.step)}


def growing(points: Points, place: Path) -> Growing:
    """What reads the file or the folder at this place."""
    if points.kind == "tensorboard":
        return GrowingEvents(place, points.step)
    return GrowingLines(place, points)
