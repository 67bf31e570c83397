"""git asked about a repository, which is read and never written, not even its index."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

_OF_OTHERS = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")  # as a hook of another repository has


class NoGit(ValueError):
    """What git said, in a line; "" where it said nothing."""


def git(folder: Path, *words: str, told: str = "") -> bytes:
    """What git prints.

    Args:
        folder: In the repository.
        words: Of the command.
        told: What it reads.

    Raises:
        NoGit: When there is none, or it failed.
    """
    around = {name: value for name, value in os.environ.items() if name not in _OF_OTHERS}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *words],
            input=os.fsencode(told), capture_output=True, check=True, env=around,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise NoGit("no git on this machine") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        raise NoGit((lines or [""])[0]) from error
    return done.stdout


def line_of(folder: Path, *words: str) -> str:
    """What it prints, which is a line."""
    return os.fsdecode(git(folder, *words)).strip("\n")


def names_of(folder: Path, *words: str) -> Sequence[str]:
    """What it prints with -z."""
    return [name for name in os.fsdecode(git(folder, *words)).split("\0") if name]
