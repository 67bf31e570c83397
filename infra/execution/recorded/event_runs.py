"""Runs of TensorBoard: each folder with event files is one, as it is there."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from infra.errors import Refused
from infra.execution.recorded.fields import Fields, beside
from infra.execution.recorded.runs import Recorded, RecordedRun
from infra.ledger.records import Point

EVENTS = "*tfevents*"


class Event(NamedTuple):
    """What one record of an event file tells."""

    step: int
    wall_time: float
    scalars: Mapping[str, float]
    hparams: Mapping[str, str]


# Reads a file; EOFError after its last whole record where it was cut off, ValueError where a record
# is none.
ReadEvents = Callable[[Path], Iterable[Event]]


def read_events(top: Path, read: ReadEvents) -> Recorded:
    """The runs below a folder.

    Raises:
        Refused: Where there are none, or a file cannot be read.
    """
    folders = sorted({file.parent for file in top.rglob(EVENTS)})
    if not folders:
        raise Refused(f"{top}: must hold event files of TensorBoard, has none; name their folder")
    notes: list[str] = []
    left: Counter[str] = Counter()
    inner = {f for f in folders if any(other in f.parents for other in folders)}
    points, hparams = {}, {}
    for folder in folders:
        points[folder], hparams[folder] = _read(folder, read, notes, left)
    runs = [
        RecordedRun(
            name=folder.relative_to(top).as_posix() if folder != top else top.name,
            fields=_fields(folder, top, hparams, notes),
            points=points[folder],
            kin=folder in inner,
        )
        for folder in folders
    ]
    notes += [f"{n} {what}" for what, n in left.items()]
    return Recorded(
        source=top.name,
        name=top.name,
        runs=runs,
        notes=list(dict.fromkeys(notes)),
        command=(top.name, "--from", "tensorboard"),
    )


def _fields(
    folder: Path, top: Path, hparams: Mapping[Path, Fields], notes: list[str]
) -> dict[str, str]:
    """Of files beside, of the folder's own events, and of those in folders of it (add_hparams)."""
    inner = (told for place, told in hparams.items() if folder in place.parents)
    own = {name: value for told in inner for name, value in told.items()}
    name = folder.relative_to(top).as_posix() if folder != top else top.name
    return {**beside(folder, top, notes), **own, **hparams[folder], "run_name": name}


def _read(
    folder: Path, read: ReadEvents, notes: list[str], left: Counter[str]
) -> tuple[Sequence[Point], Fields]:
    """All scalars by step; of values at one step the one that was written last counts."""
    steps: dict[int, dict[str, float]] = {}
    hparams: Fields = {}
    for event in sorted(_events(folder, read, notes), key=lambda e: e.wall_time):
        hparams |= event.hparams
        own = steps.setdefault(event.step, {}) if event.scalars else {}
        for name, value in event.scalars.items():
            if name in own and own[name] != value:
                left["values that were written again at their step: the last one counts"] += 1
            own[name] = value
    return [Point(step, steps[step]) for step in sorted(steps)], hparams


def _events(folder: Path, read: ReadEvents, notes: list[str]) -> Iterable[Event]:
    for file in sorted(folder.glob(EVENTS)):
        try:
            yield from read(file)
        except EOFError:
            notes.append(f"{file.name} is cut off: what stands before counts")
        except (OSError, ValueError) as error:
            why = " ".join(str(error).split())
            raise Refused(f"{file}: must be an event file of TensorBoard, got: {why}") from error
