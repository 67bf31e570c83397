"""Whether a run hangs on `hash()` of text or the order of a set, which are other in each process.

One arm takes its first steps here and, meanwhile, in a process with another PYTHONHASHSEED. Where
they differ, further processes tell hashing from whatever else may differ between two processes.
Workers share one seed (`infra/hash_seed.py`), but nobody else who repeats the run does.
"""

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.machinery import PathFinder
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra import hash_seed
from infra.cell.reported import weights_sha256
from infra.cell.worker import Capture, clean_slate
from infra.errors import first_line
from infra.preflight.complaint import Complaint
from infra.preflight.small import first_trained, small_config
from infra.preflight.trial import Trial
from infra.study.plan import Plan
from infra.study.study import Study

_STEPS = 2
_PATIENCE_S = 60.0  # that a process is waited for, or three times as long as all took meanwhile
_TASK, _ANSWER, _LOG = "task.pickle", "answer.json", "log.txt"
Told = Mapping[str, Any]


class Repeated:
    """One arm's first steps, here and in another process that is at work from now on."""

    def __init__(self, study: Study, plan: Plan) -> None:
        self._began, self.arm = time.monotonic(), first_trained(plan)
        self._stack, self._why, self._told = ExitStack(), "", {}
        self._asked = study.run, small_config(study, plan, self.arm, plan.seeds[0]), plan.threads
        try:
            self._task = _packed(*self._asked)
            self._other = self._process("1")
        except Exception as error:
            self._why = first_line(error)

    def compared(self, arms: Sequence[Trial]) -> Iterator[Complaint]:
        """What the other process says, unless the arm does not repeat here; waits for its end.

        Its steps are taken here after the trials, of which each run must be the first of its kind.
        """
        with self._stack:
            if any(t.name == self.arm and not (t.troubles or t.inexact) for t in arms):
                with suppress(Exception, SystemExit):  # which the trial of the arm told
                    self._told = first_steps(*self._asked)
            if self._told:
                yield from self._compared()

    def _compared(self) -> Iterator[Complaint]:
        try:
            if self._why:
                raise RuntimeError(self._why)
            other = self._other.told(self._patience_s)
            if other == self._told or not self._is_hashing(other):
                return
        except RuntimeError as error:
            yield Complaint(
                f"arm {self.arm!r}: not tried under another {hash_seed.NAME}, since {error}",
                fatal=False,
                unproven=True,
            )
            return
        what = next(name for name in self._told if other.get(name) != self._told[name])
        yield Complaint(
            f"arm {self.arm!r}: must do the same in every process, but another {hash_seed.NAME} "
            f"gives other {what}; key draws by numbers and not by hash() of text, and sort what a "
            "set holds before its order matters"
        )

    def _is_hashing(self, other: Told) -> bool:
        """Whether the same seed gives the same and another one does not, in further processes."""
        same, another = self._process("1"), self._process("2")
        repeats = same.told(self._patience_s) == other
        return repeats and another.told(self._patience_s) != other

    @property
    def _patience_s(self) -> float:
        return max(_PATIENCE_S, 3 * (time.monotonic() - self._began))

    def _process(self, seed: str) -> "_Process":
        folder = self._stack.enter_context(TemporaryDirectory(prefix="ablate-hash-"))
        return self._stack.enter_context(_Process(Path(folder), self._task, seed))


class _Process:
    """A process of its own with a seed for `hash()`; use as a context, which ends it."""

    def __init__(self, folder: Path, task: bytes, seed: str) -> None:
        self._folder = folder
        (folder / _TASK).write_bytes(task)
        paths = [str(Path(place or ".").absolute()) for place in sys.path]
        environment = {"PYTHONPATH": os.pathsep.join(paths), hash_seed.NAME: seed}
        with open(folder / _LOG, "w") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "infra.preflight.hashing", str(folder)],
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *exception: object) -> None:
        self._popen.kill()
        self._popen.wait()

    def told(self, patience_s: float) -> Told:
        """What `first_steps` gave there; RuntimeError with a reason where it gave nothing."""
        try:
            status = self._popen.wait(patience_s)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"its process took over {patience_s:.0f} s") from error
        if status:
            lines = (self._folder / _LOG).read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"its process ended with {(lines or [f'status {status}'])[-1]}")
        return json.loads((self._folder / _ANSWER).read_text())


def first_steps(build: Any, config: Any, threads: int) -> dict[str, str]:
    """What a run does in its first two steps, by name."""
    with Capture().listening(), clean_slate(threads, config.seed):
        run = build(config)
        told = {"initial weights": weights_sha256(run.state_dict()["model"])}
        if not run.done():
            run.advance(_STEPS)
            told[f"weights after {_STEPS} steps"] = weights_sha256(run.state_dict()["model"])
        scores = {n: repr(v) for n, v in run.evaluate().items() if not n.startswith("perf/")}
        return told | scores


def _packed(build: Any, config: Any, threads: int) -> bytes:
    """For a process that finds modules where this one does; others travel whole."""
    import cloudpickle

    classes = (*getattr(build, "__mro__", (build,)), *type(config).__mro__)
    names = {getattr(one, "__module__", None) or "builtins" for one in classes}
    lost = [sys.modules[name] for name in names if name in sys.modules and not _is_found(name)]
    for module in lost:
        cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps((build, config, threads))
    finally:
        for module in lost:
            cloudpickle.unregister_pickle_by_value(module)


def _is_found(name: str) -> bool:
    """Whether an import in another process would find the module; of `__main__` another one."""
    top = name.partition(".")[0]
    known = name in sys.builtin_module_names or name == "__main__"  # which cloudpickle knows itself
    return known or PathFinder.find_spec(top, sys.path) is not None


if __name__ == "__main__":
    place = Path(sys.argv[1])
    answer = first_steps(*pickle.loads((place / _TASK).read_bytes()))
    (place / _ANSWER).write_text(json.dumps(answer))
