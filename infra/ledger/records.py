"""What the ledger holds: points, commits, and all that is known of a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

STEM_S = "perf/stem_s"  # what the training of a stem that cells share took, wherever that was
STEM_OWN_S = "perf/stem_own_s"  # what the cell itself spent to have it
INITIAL_WEIGHTS = "initial_weights"  # their digest, among what a commit says that a cell realised
RATES = "rates"  # what stood in its optimizers, among the same
Status = Literal["finished", "failed", "interrupted", "pending"]


class Damaged(ValueError):
    """A ledger file that is not what its digest says."""


@dataclass(frozen=True)
class Point:
    """One report of a run.

    Attributes:
        step: Optimizer steps done.
        metrics: Values that two exact executions share, and `perf/...` ones that they need not.
    """

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Commit:
    """What head.json says of an attempt's newest commit.

    Attributes:
        attempt: Four digits, a dash and the driver's token; later attempts sort later.
        step: Steps done at the commit.
        elapsed_s: Wall seconds of this attempt so far; what is billed.
        state: Name of the state file, "" when it was not kept, and its SHA-256.
        points: Name of the points file and its SHA-256.
        finished: Whether the run is done.
        weights_sha256: Digest of the trained weights, when finished.
        inexact: Operations without a deterministic kernel that make a resume inexact.
        unsound: Tensors of the state that hold NaN or infinity, see infra/cell/weighed.py.
        realised: What the cell computed with so far, see infra/cell/realised.py.
        pictures: Paths in the cell's folder of all pictures so far, oldest first.
    """

    attempt: str
    step: int
    elapsed_s: float
    state: str
    state_sha256: str
    points: str
    points_sha256: str
    finished: bool = False
    weights_sha256: str = ""
    inexact: Sequence[str] = ()
    unsound: Sequence[str] = ()
    realised: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pictures: Sequence[str] = ()


LISTS = ("inexact", "unsound", "pictures")  # fields of a commit that files hold as lists


class Shown(NamedTuple):
    """A picture of a run at a step, and its path in the cell's folder."""

    name: str
    step: int
    path: str


def shared_s(metrics: Mapping[str, float]) -> float:
    """Seconds of a stem beyond what the cell spent to have it, by its point at step 0."""
    return max(0.0, metrics.get(STEM_S, 0.0) - metrics.get(STEM_OWN_S, 0.0))


class Indexed(NamedTuple):
    """What is derived from an ended cell's points under the laws of its plan.

    Attributes:
        label: What is wrong with the run, as `answer/diagnosis.py` tells it; None where nothing is.
    """

    label: Mapping[str, Any] | None


class Seen(NamedTuple):
    """What the trial of the arms before the sweep saw of one arm.

    Attributes:
        device: That it was tried on.
        moved: Realised quantity to how it differs from the baseline's, "" where it was looked at
            and does not.
    """

    device: str
    moved: Mapping[str, str]


@dataclass(frozen=True)
class CellRecord:
    """All that is known of one cell.

    Attributes:
        status: finished or failed as the driver recorded it, else interrupted or pending.
        commit: The highest complete commit, None before the first.
        points: Its points.
        error: One line saying why the cell failed, "" otherwise.
        start: start.json of the commit's attempt.
        origins: Those of the attempts whose states it went on from, newest first.
        billed_s: Wall seconds of all attempts, and `shared_s`.
        attempts: How many left any file.
        damage: What was found broken while reading, "" if nothing.
        shared_s: Seconds of a stem that another cell trained, as far as this one did not wait for
            it: they are booked to each cell that has it.
        files: Digest of the listing of its files, "" where they were not listed before.
        indexed: What the index holds besides of it; None where its own files were read.
        seen: Of its arm, before the sweep; None where nothing is on record.
    """

    key: str
    status: Status
    commit: Commit | None
    points: Sequence[Point]
    error: str
    start: Mapping[str, Any]
    billed_s: float
    attempts: int = 0
    damage: str = ""
    origins: tuple[Mapping[str, Any], ...] = ()
    shared_s: float = 0.0
    files: str = field(default="", compare=False)
    indexed: Indexed | None = field(default=None, compare=False)
    seen: Seen | None = field(default=None, compare=False)

    @property
    def has_ended(self) -> bool:
        """Whether the driver recorded its end."""
        return self.status in ("finished", "failed")

    @property
    def spent_s(self) -> float:
        """Wall seconds of all attempts, without what another cell spent for this one."""
        return self.billed_s - self.shared_s

    @property
    def starts(self) -> tuple[Mapping[str, Any], ...]:
        """Of all attempts that the points come from, newest first."""
        return (self.start, *self.origins)


def pictures_of(record: CellRecord) -> list[Shown]:
    """All pictures of a cell that its newest commit knows of, oldest first."""
    paths = record.commit.pictures if record.commit else ()
    told = ((path, path.rpartition("/")[2].removesuffix(".png")) for path in paths)
    return [Shown(name[:-10], int(name[-9:]), path) for path, name in told]


def newest_pictures(record: CellRecord) -> list[Shown]:
    """The newest of each name."""
    return list({shown.name: shown for shown in pictures_of(record)}.values())
