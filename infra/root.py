"""The folder that holds the packages: the checkout, Ray's copy of it, or site-packages.

And that of the user's cache.
"""

import os
from functools import cache
from pathlib import Path

PACKAGES = ("ablate", "infra", "search_spaces", "sweeps", "trainables")
ROOT = Path(__file__).parent.parent


def user_cache() -> Path:
    """Where this user's copies lie that can be made again; RuntimeError for a user without home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "ablate")


def real_file(file: str) -> str:
    """Its path without links, quick for the many files of few folders that a process has loaded."""
    folder, name = os.path.split(file)
    return os.path.realpath(file) if os.path.islink(file) else os.path.join(_real(folder), name)


@cache
def _real(folder: str) -> str:
    return os.path.realpath(folder)
