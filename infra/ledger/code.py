"""Code that no process of ours imports, as a sweep keeps it in its storage.

<sweep>/code/files.json          the files that cells ran, by path, each with its id
<sweep>/code/<name>.tar.gz       the code of an arm that has its own
<sweep>/code/arms.json           what each such arm runs, and how it differs from the baseline
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from infra.ledger.ledger import Ledger
from infra.ledger.storage import Storage, open_storage

SCRIPT = "script_sha256"  # the digest's name among what an attempt began with


class ArmCode(NamedTuple):
    """What is on record of an arm's own code.

    Attributes:
        title: What people call it.
        diff: How it differs from the baseline's.
    """

    title: str
    diff: str


def digest_of(files: Mapping[str, str]) -> str:
    """One for all of them, "" for none."""
    told = json.dumps(files, sort_keys=True).encode()
    return hashlib.sha256(told).hexdigest() if files else ""


def apart(storage: Storage) -> list[Path]:
    """What is no code wherever it lies: the storage's own files."""
    return [] if "://" in storage.uri else [Path(storage.uri).resolve()]


def write_files(ledger: Ledger, files: Mapping[str, str]) -> None:
    """Put on record which files count, as they are now."""
    if files:
        ledger.storage.write(_path(ledger, "files.json"), json.dumps(files, indent=1).encode())


def read_files(ledger: Ledger) -> dict[str, str]:
    """The files that count; none where that is not on record."""
    try:
        return dict(json.loads(ledger.storage.read(_path(ledger, "files.json"))))
    except (FileNotFoundError, ValueError):
        return {}


def write_arm_codes(ledger: Ledger, arms: Mapping[str, ArmCode]) -> None:
    """Put on record what arms with code of their own run, besides those that are on record."""
    if arms:
        told = {arm: own._asdict() for arm, own in {**read_arm_codes(ledger), **arms}.items()}
        ledger.storage.write(_path(ledger, "arms.json"), json.dumps(told, indent=1).encode())


def read_arm_codes(ledger: Ledger) -> dict[str, ArmCode]:
    """What is on record of arms with code of their own, by name."""
    try:
        told = json.loads(ledger.storage.read(_path(ledger, "arms.json")))
        return {arm: ArmCode(str(own["title"]), str(own["diff"])) for arm, own in told.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_archive(ledger: Ledger, name: str, archive: bytes) -> None:
    """Put an arm's code into the storage, unless it is there."""
    ledger.storage.create(_path(ledger, f"{name}.tar.gz"), archive)


def archive_of(ledger: Ledger, name: str) -> bytes:
    """An arm's code, brought to this process once; FileNotFoundError where the storage has none."""
    return _brought(ledger.storage.uri, _path(ledger, f"{name}.tar.gz"))


@lru_cache(maxsize=4)
def _brought(uri: str, path: str) -> bytes:
    return open_storage(uri).read(path)


def _path(ledger: Ledger, name: str) -> str:
    return f"{ledger.sweep}/code/{name}"
