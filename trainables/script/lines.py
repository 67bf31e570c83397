"""What a script prints, as lines of text: without colours, and the last state of a redrawn line."""

import re
from collections.abc import Iterator

LONGEST = 2**16  # bytes of a line, of which more is let go
_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Lines:
    """Bytes as they come to lines; a progress bar's carriage returns leave its last state."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def of(self, data: bytes) -> Iterator[str]:
        """The lines that are whole with these bytes."""
        first, *others = data.split(b"\n")
        self._rest += first
        for other in others:
            yield text_of(bytes(self._rest[-LONGEST:]))
            self._rest = bytearray(other)
        if len(self._rest) > 2 * LONGEST:
            del self._rest[:-LONGEST]

    def last(self) -> Iterator[str]:
        """What stands behind the last end of a line."""
        rest, self._rest = bytes(self._rest[-LONGEST:]), bytearray()
        if rest:
            yield text_of(rest)


def text_of(line: bytes) -> str:
    """A line as it stands on a screen in the end; bytes that are no UTF-8 are marked."""
    return _ANSI.sub(b"", _drawn(line)).decode("utf-8", "replace")


def _drawn(line: bytes) -> bytes:
    """What is left of a line that was drawn over from its beginning."""
    parts = [part for part in line.split(b"\r") if part]
    return parts[-1] if parts else b""
