"""Looks at everything a sweep needs and says what is missing."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from infra.ledger.patience import StorageError
from infra.ledger.storage import open_storage, probe

_PACKAGES = ("torch", "torchvision", "ray", "mlflow", "timm", "pyarrow", "boto3", "rich", "scipy")


@dataclass(frozen=True)
class Check:
    """One thing looked at: what, whether it is well, and what was found or is to be done."""

    what: str
    ok: bool
    found: str


def examine(storage: str) -> Iterator[Check]:
    """Every check, one after the other."""
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("python", fits, platform.python_version() + ("" if fits else "; use 3.11 to 3.13"))
    for package in _PACKAGES:
        yield _package(package)
    yield _try("gpu", _gpu)
    yield _try(
        "ray address", lambda: os.environ.get("RAY_ADDRESS", "none set: a private Ray is started")
    )
    yield _try("ray token", _token)
    yield _try("storage", lambda: _storage(storage))


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, f"is missing; run `pip install {name}`")


def _try(what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(what, True, look())
    except (StorageError, ValueError, OSError, ImportError) as error:
        return Check(what, False, str(error))


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none: cells run on CPU"
    return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def _token() -> str:
    path = os.path.expanduser("~/.ray/auth_token")
    mode = os.environ.get("RAY_AUTH_MODE", "unset")
    if os.path.exists(path) and mode == "unset":
        return f"{path} exists: export RAY_AUTH_MODE=token before `ray start` and `ray job submit`"
    return f"RAY_AUTH_MODE {mode}"


def _storage(uri: str) -> str:
    storage = open_storage(uri)
    probe(storage)
    return f"{storage.uri} is writable"
