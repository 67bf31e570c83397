"""Where runs find the stems that cells share, and under what code: told them by the environment.

A trainable knows nothing of infra; `trainables/stem.py` reads these variables. The folder is one of
this node and this user, `ABLATE_STEMS` where that is set.
"""

import hashlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from infra.ledger.modules import own_modules
from infra.ledger.provenance import package_digest

FOLDER, CODE = "ABLATE_STEMS", "ABLATE_STEMS_CODE"


@contextmanager
def sharing_stems(study_sha256: str) -> Iterator[None]:
    """Has runs in the body share stems with other runs of the same code on this node.

    Args:
        study_sha256: Digest of a study's own file, "" where it is one of the packages'.
    """
    before = {name: os.environ.get(name) for name in (FOLDER, CODE)}
    os.environ[FOLDER] = os.environ.get(FOLDER) or _own_folder()
    os.environ[CODE] = _code(study_sha256, len(sys.modules))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@lru_cache(maxsize=4)
def _code(study_sha256: str, modules: int) -> str:
    """Of the packages, the study and the user's modules; looked up anew once there are more."""
    told = json.dumps([package_digest(), study_sha256, own_modules()])
    return hashlib.sha256(told.encode()).hexdigest()


def _own_folder() -> str:
    """A folder for temporary files that nobody else can write to; "" where the name is taken."""
    folder = Path(tempfile.gettempdir(), f"ablate-stems-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return ""
    private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
    return str(folder) if private and found.st_uid == os.getuid() else ""
