"""What a trial found, kept until something that it rests on changes.

It lies in the user's cache and not beside the sweep: a dry run leaves nothing in a storage, one
trial serves all sweeps that ask the same, and it is true of this machine's kernels alone. What is
refused raises, and so is never kept.
"""

import hashlib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cell.stems import FOLDER
from infra.ledger.modules import digest_now, own_modules
from infra.ledger.provenance import code_provenance, machine_provenance
from infra.preflight.opened import are_still, opened, versions
from infra.root import PACKAGES, ROOT, user_cache
from infra.study.plan import Plan
from infra.study.study import Study

_MOST = 200  # entries
_OF_NO_MATTER = ("question", "usd_per_gpu_hour", "keep_checkpoints", "looked", "created")


@dataclass(frozen=True)
class Kept:
    """What was found, as plain data.

    Attributes:
        value: What the trial gave back.
        seconds: What it took.
        age_s: Seconds since then, 0 where it was made just now.
    """

    value: Any
    seconds: float
    age_s: float = 0.0


def kept(asked: str, find: Callable[[], Any], most_s: float = float("inf")) -> Kept:
    """What `find` gives back, or gave at most `most_s` ago when the same was asked.

    Args:
        asked: Digest of all that the answer hangs on, see `asked`; "" where that is not known.
        find: Gives plain data; what it loads and opens is held to be the same later.
        most_s: How long the answer is good.
    """
    file = _place(asked)
    if file and (known := _read(file)) and 0 <= (age_s := time.time() - known["made"]) <= most_s:
        return Kept(known["value"], known["seconds"], max(age_s, 1e-3))
    began = time.monotonic()
    with opened() as paths:
        value = json.loads(json.dumps(find()))  # as it would come back
    seconds = time.monotonic() - began
    if file:
        files = versions(paths, os.environ.get(FOLDER, ""), str(user_cache()))
        told = {"made": time.time(), "seconds": seconds, "value": value, "files": files}
        _write(file, {**told, "modules": own_modules()})
    return Kept(value, seconds)


def asked(study: Study, plan: Plan, *further: Any) -> str:
    """Digest of plan, code, what is installed, and machine; "" where the code is not known.

    Args:
        study: Whose run is tried.
        plan: Arms, configs, seeds, data, steps and threads.
        further: What else the answer hangs on.
    """
    if not (plan.study_file or _is_ours(study.run)):
        return ""  # made in a process, and so in no file whose digest would tell
    laws = {k: v for k, v in json.loads(plan.to_json()).items() if k not in _OF_NO_MATTER}
    code = code_provenance(plan.study_file)
    digests = [code[name] for name in ("package_digest", "study_file_sha256", "python")]
    told = [laws, digests, _installed(), machine_provenance(), further]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _place(asked: str) -> Path | None:
    try:
        return user_cache() / "preflight" / f"{asked}.json" if asked else None
    except RuntimeError:
        return None


def _is_ours(run: Any) -> bool:
    """Whether a run's code lies in the packages."""
    try:
        file = Path(inspect.getfile(getattr(run, "func", run))).resolve()
    except TypeError:
        return False
    return any(file.is_relative_to(ROOT / name) for name in PACKAGES)


def _installed() -> list[str]:
    """Names of distributions with their versions, torch's among them, by their folders."""
    found = set[str]()
    for place in sys.path:
        with suppress(OSError):
            found |= {name for name in os.listdir(place or ".") if name.endswith(".dist-info")}
    return sorted(found)


def _read(file: Path) -> Mapping[str, Any] | None:
    """An entry whose modules and files are what they were, None where there is none."""
    try:
        known = json.loads(file.read_bytes())
        modules = all(digest_now(name) == digest for name, digest in known["modules"].items())
        return known if modules and are_still(known["files"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, entry: Mapping[str, Any]) -> None:
    """Whole or not at all; the oldest entries go. Where nothing can be written, nothing is kept."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(entry))
        os.replace(temporary, file)
        entries = sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
        for old in entries[:-_MOST]:
            old.unlink()
