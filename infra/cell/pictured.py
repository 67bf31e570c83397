"""Pictures that a run offers at its commits: bounded, told where they are not, never fatal.

A run may offer `pictures()`: a name to the bytes of a PNG, of where it stands, such as samples
drawn in the evaluation before. It changes no state, as `evaluate` does not.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

from infra.cell.worker import Capture
from infra.errors import first_line
from infra.study.study import Run

MOST, MOST_BYTES = 8, 2**19  # pictures of a commit, and of each
_ALL_OF, _FURTHER = 16, 1.25  # commits with pictures, and then the growth in steps to the next
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_PNG = b"\x89PNG\r\n\x1a\n"


@runtime_checkable
class OffersPictures(Protocol):
    """A run that can be looked at."""

    def pictures(self) -> Mapping[str, bytes]:
        """PNG by name, in the order of their worth."""
        ...


class Gallery:
    """What an attempt has shown; so many commits that long runs stay small."""

    def __init__(self) -> None:
        self._steps: list[int] = []

    def offered(self, run: Run, finished: bool, log: Capture) -> dict[str, bytes]:
        """The pictures of this commit, as far as they keep the bounds; the log has the others."""
        if not isinstance(run, OffersPictures) or not (finished or self._due(run.step)):
            return {}
        self._steps.append(run.step)
        try:
            with log.listening():
                found = dict(run.pictures())
        except Exception as error:  # a picture is no result
            log.add(f"pictures at step {run.step}: none, since {first_line(error)}\n")
            return {}
        broken = {name: law for name, law in _broken(found)}
        for name, law in broken.items():
            log.add(f"picture {name!r} at step {run.step}: left out, since {law}\n")
        return {name: data for name, data in found.items() if name not in broken}

    def _due(self, step: int) -> bool:
        return len(self._steps) < _ALL_OF or step >= _FURTHER * self._steps[-1]


def _broken(found: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Pictures that break a law, each with the first that it breaks."""
    kept = 0
    for name, data in found.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield name, "a name must be up to 60 letters, digits, '.', '_' or '-'"
        elif not isinstance(data, bytes) or not data.startswith(_PNG):
            yield name, f"it must be the bytes of a PNG, got {type(data).__name__}"
        elif len(data) > MOST_BYTES:
            yield name, f"it must have at most {MOST_BYTES} bytes, got {len(data)}"
        elif kept >= MOST:
            yield name, f"a commit must have at most {MOST} pictures, got {len(found)}"
        else:
            kept += 1
