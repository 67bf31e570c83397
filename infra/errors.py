"""What goes wrong and is told in one line, and the exit statuses of the command line."""

import os
import sysconfig
from pathlib import Path
from traceback import extract_tb

from infra.root import ROOT

DONE, SOME_FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
# Files in which nobody mends what a study or a run did wrong: ours, and Python's own.
_NOT_THEIRS = (
    f"{ROOT / 'infra'}{os.sep}", f"{ROOT / 'ablate'}{os.sep}",
    f"{ROOT / 'search_spaces' / 'space.py'}", f"{sysconfig.get_path('stdlib')}{os.sep}", "<",
)  # fmt: skip


class Refused(ValueError):
    """Wrong usage, or something that must not be done; the text is one line with the remedy."""


class CellFailed(Exception):
    """The run failed in a way that trying again would repeat; the text is one line."""


def first_line(error: BaseException) -> str:
    """What was raised and where, as the end of a complaint."""
    text = " ".join(str(getattr(error, "msg", "") or error).split())[:300]
    if isinstance(error, CellFailed):
        return f"it breaks a law: {text}"
    where = f" at {place}" if (place := place_of(error)) else ""
    return f"it raises {type(error).__name__}{where}: {text}{hint(error)}"


def place_of(error: BaseException) -> str:
    """The last file and line of the user's on the way to an error, else of ours; "" for none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = [f for f in extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    theirs = [f for f in frames if not f.filename.startswith(_NOT_THEIRS)] or frames
    return f"{Path(theirs[-1].filename).name}:{theirs[-1].lineno}" if theirs else ""


def hint(error: BaseException) -> str:
    """What is likely to mend what a run raised, after a mark; "" where nothing is known."""
    name = getattr(error, "filename", None)
    if isinstance(error, FileNotFoundError) and name and not Path(str(name)).is_absolute():
        return "; cells run in an empty folder of their own, so name files by Path(__file__).parent"
    return ""
