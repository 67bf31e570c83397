"""What infra asks of a run that trains on its own, such as a script's process; all of it optional.

A run that has these methods is never told to train: its points come when they come, and `advance`
takes the one that was awaited, however many steps it is ahead. Such a run can be broken off while
it is waited for, and must be closed, as a process is behind it.
"""

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
