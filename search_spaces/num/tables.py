"""The recorded tables of the Neural Universal Machine; see `recorded/README.md`."""

from pathlib import Path

from search_spaces.record import Record

_FOLDER = Path(__file__).parent / "recorded"
GRID = Record(_FOLDER / "grid.csv")
EPOCHS = Record(_FOLDER / "epochs.csv")
REPAIR = Record(_FOLDER / "repair.csv")
