"""With what code, on what machine: recorded per attempt."""

import hashlib
import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from infra.ledger.study_code import study_code_digest
from infra.root import PACKAGES, ROOT, real_file

_VERSIONS = ("torch", "ray", "numpy", "timm", "torchvision")


def code_provenance(study_file: str = "") -> dict[str, Any]:
    """Digests of the packages and of a study given by path, git commit, versions.

    Args:
        study_file: The study's own file, "" where it is one of the packages'.
    """
    commit, dirty = _git()
    return {
        "package_digest": package_digest(),
        "study_sha256": study_digest(study_file) if study_file else "",
        "study_file_sha256": study_code_digest(Path(study_file)) if study_file else "",
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "argv": without_passwords(sys.argv),
        "versions": {name: _version(name) for name in _VERSIONS},
    }


@lru_cache(maxsize=1)
def machine_provenance() -> dict[str, Any]:
    """Host, processor, GPU, and thread settings of this process."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "host": socket.gethostname(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if cuda else "",
        "cuda": torch.version.cuda or "" if cuda else "",
        "device": torch.cuda.get_device_name() if cuda else f"cpu {platform.machine()}",
    }


def package_digest() -> str:
    """SHA-256 over the Python files of the packages as this process finds them, by name."""
    return code_digest(*PACKAGES)


@cache
def code_digest(*folders: str) -> str:
    """SHA-256 over the Python files of some folders of the code, at any depth, by name.

    Raises:
        FileNotFoundError: When a folder has none, as one that has moved.
    """
    digest = hashlib.sha256()
    files = []
    for folder in folders:
        found = [(p.relative_to(ROOT).as_posix(), p) for p in (ROOT / folder).rglob("*.py")]
        if not found:
            raise FileNotFoundError(f"{ROOT / folder}: must hold Python files to be digested")
        files += found
    for name, path in sorted(files):
        digest.update(f"{name} {_sha256(path)}\n".encode())
    return digest.hexdigest()


def study_digest(study_file: str) -> str:
    """SHA-256 of the code of a study given by path and of what was imported from beside it."""
    own = Path(study_file).resolve()
    files, beside = {own}, os.path.join(own.parent, "")
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None) or ""
        if not (name.startswith(os.sep) and name.endswith(".py")):
            continue  # a name that stands for no file, as torch gives some modules
        real = real_file(name)
        if real.startswith(beside) and _is_users(path := Path(real)) and path.is_file():
            files.add(path)  # in an archive it is none
    digests = {path: _sha256(path) for path in files} | {own: study_code_digest(own)}
    if files == {own}:
        return digests[own]
    lines = (f"{path.relative_to(own.parent).as_posix()} {digests[path]}\n" for path in files)
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _is_users(path: Path) -> bool:
    """Neither installed nor of the packages, which have a digest of their own."""
    ours = (ROOT / name for name in PACKAGES)
    return "site-packages" not in path.parts and not any(map(path.is_relative_to, ours))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def without_passwords(argv: Sequence[str]) -> list[str]:
    """A command line that can be pasted, without what stands before an @ in addresses."""
    program = Path(argv[0])
    begins = [program.name]
    if program.name == "__main__.py":
        begins = ["python", "-m", program.parent.name]
    elif program.suffix == ".py":
        begins = ["python", argv[0]]
    return [*begins, *(re.sub(r"//[^/@\s]+@", "//***@", one) for one in argv[1:])]


def _git() -> tuple[str, bool]:
    """Commit and whether the tree differs from it; ("", False) outside a checkout."""
    if not (ROOT / ".git").exists():
        return "", False
    try:
        run = ["git", "-C", str(ROOT)]
        commit = subprocess.run(
            [*run, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        status = subprocess.run(
            [*run, "status", "--porcelain"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return commit.stdout.strip(), bool(status.stdout.strip())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
