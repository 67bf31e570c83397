"""The interpreter that a command runs its script by, which may not be this one: its versions."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PATIENCE_S = 60.0
_ASKS = """
import json, platform
from importlib.metadata import PackageNotFoundError, version
def of(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
names = ("torch", "numpy", "torchvision")
print(json.dumps([platform.python_version(), {name: of(name) for name in names}]))
"""


def with_this_python(words: Sequence[str]) -> list[str]:
    """`python` is this one where no environment names another."""
    ours = words[0] == "python" and not shutil.which("python")
    return [sys.executable if ours else words[0], *words[1:]]


def interpreter_of(words: Sequence[str], folder: Path) -> list[str]:
    """The words that begin an interpreter: `python`, `uv run python`, what a script names; or none.

    Args:
        words: Of the command.
        folder: Where it runs.
    """
    for place, word in enumerate(words):
        if re.fullmatch(r"python[\d.]*", Path(word).name):
            return with_this_python(words[: place + 1])
    program = shutil.which(words[0]) or shutil.which(folder / words[0])
    if program is None:
        return []
    with open(program, "rb") as file:
        first = file.readline(4096).decode(errors="replace")
    return shlex.split(first[2:]) if first.startswith("#!") and "python" in first else []


def versions_of(words: Sequence[str], folder: Path) -> tuple[str, dict[str, str]]:
    """The version of the command's Python, and of packages, "" and none where it has no Python."""
    asked = interpreter_of(words, folder)
    if not asked or not folder.is_dir():
        return "", {}
    try:
        done = subprocess.run(
            [*asked, "-c", _ASKS], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
            check=True, timeout=_PATIENCE_S,
        )  # fmt: skip
        python, versions = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return "", {}  # which the trial of the arms says better
    return python, versions
