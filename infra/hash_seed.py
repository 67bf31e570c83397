"""One seed for `hash()` of text and the order of sets, which Python draws anew for every process.

Workers get it with their environment. A process that trains itself, under `--here`, is started over
in its place: the interpreter reads the seed only as it begins. It keeps its number, terminal and
files, so that whoever waits for it or signals it finds it. A debugger would not, so there it stays.
"""

import os
import sys
from pathlib import Path

NAME, FIXED = "PYTHONHASHSEED", "0"
RANDOM = "random"
_AT_START = os.environ.get(NAME, "")
_DEBUGGERS = ("pydevd", "debugpy")


def wanted() -> str:
    """The seed of all processes that train: the user's own, else ours."""
    return _AT_START if _AT_START.isdecimal() else FIXED


def own() -> str:
    """The seed that this process began with, a number or "random"."""
    if not sys.flags.hash_randomization:
        return FIXED
    is_read = _AT_START.isdecimal() and not sys.flags.ignore_environment
    return _AT_START if is_read else RANDOM


def start_over() -> None:
    """Starts this process again under the seed, where it has none and that would disturb nobody."""
    if own() == RANDOM and _is_plain():
        sys.stdout.flush()
        sys.stderr.flush()
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, NAME: FIXED})


def _is_plain() -> bool:
    """Whether the command line that began the process is the one that is at work in it."""
    main = getattr(sys.modules["__main__"], "__file__", None)
    at_work = main and sys.argv and Path(main).absolute() == Path(sys.argv[0]).absolute()
    debugged = sys.gettrace() or any(name in sys.modules for name in _DEBUGGERS)
    return bool(at_work and not debugged and not sys.flags.ignore_environment)
