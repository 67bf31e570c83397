"""Makes a reused worker process indistinguishable from a new one."""

import atexit
import ctypes
import gc
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from typing import Any

LOG_LIMIT = 1_000_000
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # names of glibc's mallopt
atexit.register(gc.unfreeze)  # so that libraries can let go of what they hold before the end


@contextmanager
def clean_slate(threads: int, seed: int) -> Iterator[None]:
    """Runs the body with a fixed environment, and undoes what it did to the process.

    Random streams, thread count, determinism flags, default dtype, numpy's error state, environment
    variables and the working directory are set before and restored after; memory is given back to
    the system.
    """
    import numpy
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    _keep_freed_memory()
    _set_torch(torch, threads)
    streams = global_streams()
    seed_global_streams(seed)
    paths = list(sys.path)
    environment, folder = dict(os.environ), os.getcwd()  # torch has set its variables by now
    with tempfile.TemporaryDirectory(prefix="ablate-cell-", ignore_cleanup_errors=True) as scratch:
        os.chdir(scratch)
        try:
            with numpy.errstate():
                yield
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.path[:] = paths
            _set_torch(torch, threads)
            restore_global_streams(streams)
            _give_memory_back(torch)


def _set_torch(torch: Any, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)
    torch.set_flush_denormal(False)
    torch.autograd.set_detect_anomaly(False)
    torch.backends.mkldnn.set_flags(True)
    _allow_every_attention(torch)
    torch.set_grad_enabled(True)
    for device in ("cpu", "cuda"):
        torch.set_autocast_enabled(device, False)
    _be_deterministic(torch)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, changes no result
    torch.backends.cudnn.benchmark = False
    torch.set_float32_matmul_precision("highest")
    if dynamo := sys.modules.get("torch._dynamo"):
        # What earlier cells compiled counts against a limit, beyond which torch runs eagerly.
        dynamo.reset()


def _allow_every_attention(torch: Any) -> None:
    """The switches of `torch.backends.cuda`, which rule attention on the CPU too."""
    for kind in ("flash", "mem_efficient", "math", "cudnn"):
        getattr(torch.backends.cuda, f"enable_{kind}_sdp")(True)


def _be_deterministic(torch: Any) -> None:
    """As `torch.use_deterministic_algorithms` does, which would import the compiler for it.

    That takes 1.5 s in every process; here the compiler hears of it when a run imports it.
    """
    torch.set_deterministic_debug_mode("warn")
    os.environ.setdefault("TORCHINDUCTOR_DETERMINISTIC", "1")
    compiler: Any = sys.modules.get("torch._inductor.config")
    if compiler:
        compiler.deterministic = True


def seed_global_streams(seed: int) -> None:
    """Runs key their own draws; should one use a global stream, it is at least the same."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def global_streams() -> tuple[Any, Any, Any, Any]:
    """Where Python's, numpy's and torch's streams are; those of GPUs where any is in use."""
    import numpy
    import torch

    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return random.getstate(), numpy.random.get_state(), torch.get_rng_state(), gpus


def restore_global_streams(streams: tuple[Any, Any, Any, Any]) -> None:
    """Puts Python's, numpy's and torch's streams where they were, as before a cell.

    Ray draws the names of its subscribers from Python's: two drivers that left it at one seed took
    each other's messages, and polled for them thousands of times a second.
    """
    import numpy
    import torch

    python, of_numpy, of_torch, gpus = streams
    random.setstate(python)
    numpy.random.set_state(of_numpy)
    torch.set_rng_state(of_torch)
    if gpus is not None:
        torch.cuda.set_rng_state_all(gpus)


def _give_memory_back(torch: Any) -> None:
    """Collects what the cell left; what outlives it is modules, which need no second look.

    Freezing those takes the next collection from 90 ms to 2.
    """
    gc.collect()
    gc.freeze()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        for device in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(device)
    if libc := _glibc():
        libc.malloc_trim(0)


def _keep_freed_memory() -> None:
    """Lets a step use again what the one before freed; `_give_memory_back` ends it with the cell.

    glibc maps and unmaps each large tensor, and its pages cost as much as their content: views of
    32 slices of 512 x 512 took .5 s so and take .2.
    """
    if libc := _glibc():
        libc.mallopt(_M_MMAP_THRESHOLD, 2**30)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libc.so.6")
    except OSError:
        return None  # another allocator, which keeps its memory


class _Tail(StringIO):
    """Text of which only the last `limit` characters are kept."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.tell() > 2 * self._limit:
            kept = self.getvalue()[-self._limit :]
            self.seek(0)
            self.truncate()
            super().write(kept)
        return written


class Capture:
    """Collects what a run prints and warns, the last megabyte of it."""

    def __init__(self, limit: int = LOG_LIMIT) -> None:
        self._buffer = _Tail(limit)
        self._limit = limit
        self.nondeterministic: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Sends stdout, stderr and warnings of the body here."""
        with (
            redirect_stdout(self._buffer),
            redirect_stderr(self._buffer),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("default")
            warnings.showwarning = self._show
            yield

    def text(self) -> str:
        """What was printed so far."""
        return self._buffer.getvalue()[-self._limit :]

    def add(self, text: str) -> None:
        """Puts a line of our own into the log."""
        self._buffer.write(text)

    def _show(
        self, message: Warning | str, category: type[Warning], file: str, line: int, *_: Any
    ) -> None:
        self.add(warnings.formatwarning(message, category, file, line))
        if "does not have a deterministic implementation" in str(message):
            self.nondeterministic.append(str(message).split(". ")[0])
