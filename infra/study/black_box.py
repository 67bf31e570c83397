"""What infra asks of a run that trains on its own, such as a script's process; all of it optional.

A run that has these methods is never told to train: its points come when they come, and `advance`
takes the one that was awaited, however many steps it is ahead. Such a run can be broken off while
it is waited for, and must be closed, as a process is behind it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

Resumes = Literal["exact", "checkpoint", "again"]


@runtime_checkable
class TrainsAlone(Protocol):
    """A run whose points are waited for.

    Attributes:
        resumes: What a next attempt can do with the state of this one: go on to the bit, go on from
            the script's own checkpoint, or begin again and only be compared.
    """

    resumes: Resumes

    def awaits(self, metric: str, seconds: float) -> bool:
        """Whether a point with this metric is there, waited for so long."""
        ...

    def close(self) -> None:
        """End all that trains for it."""
        ...


@runtime_checkable
class BuildsBlackBoxes(Protocol):
    """A study's `run` whose runs train alone, so that an arm is tried by short starts of it.

    Attributes:
        shared: The folder that all cells run in and must not write to; None where each has a copy.
    """

    shared: Path | None

    def with_nonsense(self, config: Any) -> Any:
        """The config with a flag more that nothing knows; None where there is no such thing."""
        ...

    def resumes(self, config: Mapping[str, Any]) -> Resumes:
        """What a next attempt at a cell can do, by its config as the plan has it."""
        ...


@runtime_checkable
class BringsCode(Protocol):
    """A study's `run` whose cells run code that no process of ours imports; configs are the plan's.

    An arm may have code of its own in place of that which lies there: it is kept in the storage as
    an archive, and the run of such a cell has `take_code(archive)`.
    """

    def code_files(self, apart: Sequence[Path] = ()) -> Mapping[str, str]:
        """An id of each file that cells run where their arm has none, without those of `apart`."""
        ...

    def code_facts(self, config: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """What `code_provenance` tells of code: commit, dirty, python, versions."""
        ...

    def own_code(self, config: Mapping[str, Any]) -> tuple[str, str] | None:
        """The name of the code of the cell's arm, and what people call it; None without any."""
        ...

    def packed(self, config: Mapping[str, Any]) -> bytes:
        """That code as an archive; ValueError where it cannot be had."""
        ...

    def left_out(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Files that lie there changed, of which that code has the state before."""
        ...

    def code_diff(
        self, one: Mapping[str, Any], other: Mapping[str, Any], apart: Sequence[Path] = ()
    ) -> str:
        """What is other in the code of the second config; ValueError where it cannot be had."""
        ...
