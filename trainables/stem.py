"""A stem that several cells train alike: the first on a node trains it, the others have its bits.

Arms that differ in what they do with one trained network need it trained once. It lies in the
folder that the environment names (`ABLATE_STEMS`), under a digest of all that may change it: the
key, the data, the code (`ABLATE_STEMS_CODE`, from whoever starts the run), torch, threads, device.
Without the two variables it is trained each time. A stem that is lost or damaged is trained again,
which costs time and nothing else; so a run's own state must hold what it took from it.
"""

import fcntl
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

FOLDER, CODE = "ABLATE_STEMS", "ABLATE_STEMS_CODE"
_DIGEST = 32  # bytes of SHA-256 before the content
_KEPT_S = 14 * 86400  # that a stem is kept after it was last had


@dataclass(frozen=True)
class Stem:
    """A trained stem.

    Attributes:
        state: What `train` gave back, its tensors on the CPU.
        seconds: That its training took, wherever that was.
        own_s: That this process spent to have it, be it by training, by waiting or by reading.
        reused: Whether another run trained it.
    """

    state: Mapping[str, Any]
    seconds: float
    own_s: float
    reused: bool

    @property
    def metrics(self) -> dict[str, float]:
        """What a run with a stem reports at step 0; its seconds are then booked to the cell."""
        return {
            "perf/stem_s": self.seconds,
            "perf/stem_own_s": self.own_s,
            "perf/stem_reused": float(self.reused),
        }


def stem(
    key: Mapping[str, Any], train: Callable[[], Mapping[str, Any]], data: str | Path = ""
) -> Stem:
    """The stem of this key, trained here unless another process has done so or is at it.

    Args:
        key: Its config and seed, and whatever else its training depends on, as JSON knows it.
        train: Trains it and gives back tensors and Python numbers; every draw of it is keyed.
        data: The folder of prepared data that it is trained on, which counts by its manifest.

    Raises:
        TypeError: When the key holds what JSON does not know.
    """
    began = time.perf_counter()
    name, folder = _name(key, data), os.environ.get(FOLDER, "")
    if folder and os.environ.get(CODE):
        try:
            return _shared(Path(folder), name, train, began)
        except _Unshared as error:
            print(f"stem {name[:8]}: not shared, since {folder} is of no use: {error}", flush=True)
    body, seconds = _trained(train)
    return Stem(_load(body)["state"], seconds, time.perf_counter() - began, False)


def _shared(folder: Path, name: str, train: Callable[[], Mapping[str, Any]], began: float) -> Stem:
    path = folder / f"{name}.pt"
    with _of_use():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = _read(path)
    if found is None:
        with _alone(folder / f"{name}.lock", name):
            with _of_use():
                found = _read(path)  # whoever was before us may have left it
            if found is None:
                body, seconds = _trained(train)
                _keep(path, body)
                return Stem(_load(body)["state"], seconds, time.perf_counter() - began, False)
    with suppress(OSError):
        os.utime(path)
    return Stem(found["state"], found["seconds"], time.perf_counter() - began, True)


def _name(key: Mapping[str, Any], data: str | Path) -> str:
    manifest = Path(data, "manifest.json").read_bytes() if data else b""
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else torch.backends.cpu.get_cpu_capability()
    told = {
        "key": dict(key),
        "data": hashlib.sha256(manifest).hexdigest(),
        "code": os.environ.get(CODE, ""),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": f"{platform.machine()} {device}",
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _trained(train: Callable[[], Mapping[str, Any]]) -> tuple[bytes, float]:
    """The content of a stem's file, and the seconds of its training.

    Who trains it reads it from there too, so that nothing tells it from one that was had.
    """
    began = time.perf_counter()
    state = train()
    seconds = time.perf_counter() - began
    buffer = BytesIO()
    torch.save({"state": dict(state), "seconds": seconds}, buffer)
    return buffer.getvalue(), seconds


def _load(body: bytes) -> Mapping[str, Any]:
    """Executes nothing that the bytes hold."""
    return torch.load(BytesIO(body), weights_only=True, map_location="cpu")


def _read(path: Path) -> Mapping[str, Any] | None:
    """What the file holds; None where there is none, or not the bytes that were written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    return _load(body) if hashlib.sha256(body).digest() == digest else None


def _keep(path: Path, body: bytes) -> None:
    """Puts it there whole or not at all, and clears away what nobody has had for long.

    What a killed process left half written goes too, since it is older than the next stem; locks
    stay, since one that is held may be old.
    """
    temporary = ""
    try:
        number, temporary = tempfile.mkstemp(prefix=f".{path.stem}.", dir=path.parent)
        with os.fdopen(number, "wb") as file:
            file.write(hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
        for other in path.parent.iterdir():
            with suppress(OSError):
                if other.suffix != ".lock" and time.time() - other.stat().st_mtime > _KEPT_S:
                    other.unlink()
    except OSError as error:
        print(f"stem {path.stem[:8]}: trained, and not kept for others: {error}", flush=True)
        with suppress(OSError):
            os.unlink(temporary)


class _Unshared(Exception):
    """The folder of stems cannot be used, which an error of a training does not say."""


@contextmanager
def _of_use() -> Iterator[None]:
    """Takes an error of the file system in the body for one of the folder of stems."""
    try:
        yield
    except OSError as error:
        raise _Unshared(str(error)) from error


@contextmanager
def _alone(lock: Path, name: str) -> Iterator[None]:
    """Holds the lock for the body; it dies with its process."""
    with _of_use():
        file = open(os.open(lock, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"stem {name[:8]}: another process trains it; waiting", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        yield
