"""A script's process as the worker has it: begun, listened to, asked to stop, never left behind."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainables.script import parent
from trainables.script.lines import Lines

KEPT_LINES = 200  # of what was printed last, for the message of a failure
_CHUNK = 2**16
_MOST_WAITING = 2**12  # lines that are not read yet, before the script is made to wait
_OURS = ("RAY_", "ABLATE_")


class ScriptProcess:
    """Its lines come as they are printed; it ends with all that came of it when this is closed.

    Attributes:
        began: When, of `time.monotonic`.
        spoke: When it last printed anything.
        tail: The last lines that it printed.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        stop: str = "SIGTERM",
        grace_s: float = 2.0,
    ) -> None:
        """Begins it.

        Args:
            command: Program and arguments; no shell reads them.
            folder: Where it runs.
            environment: Variables, all of them.
            stop: The signal that asks it to end.
            grace_s: Seconds from then until it is killed.
        """
        asked = [sys.executable, "-S", "-E", parent.__file__, stop, str(grace_s), *command]
        self.began = self.spoke = time.monotonic()
        self.tail: deque[str] = deque(maxlen=KEPT_LINES)
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._grace_s, self._over = grace_s, False
        self._process = subprocess.Popen(
            asked, cwd=folder, env=dict(environment), start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._source = self._process.stdout.fileno() if self._process.stdout else -1
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def line(self, seconds: float) -> str | None:
        """The next line, waited for so long; None where there is none, see `over`."""
        if self._over:
            return None
        try:
            line = self._lines.get(timeout=seconds) if seconds > 0 else self._lines.get_nowait()
        except queue.Empty:
            return None
        self._over = line is None
        return line

    @property
    def over(self) -> bool:
        """Whether the last line was read."""
        return self._over

    def status(self) -> int | None:
        """Its exit status, 128 and more where a signal ended it; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Its exit status, once it has printed its last."""
        return self._process.wait()

    def ask_to_stop(self) -> None:
        """By its signal; it is killed once its grace is over."""
        if self._process.stdin and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass

    def close(self) -> None:
        """It and all that came of it have ended when this returns."""
        self.ask_to_stop()
        try:
            self._process.wait(self._grace_s + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._over = True
        while not self._lines.empty():  # so that the listener, waiting for room, may end
            self._lines.get_nowait()
        self._listener.join(1.0)
        if self._process.stdout:
            self._process.stdout.close()

    def _listen(self) -> None:
        lines = Lines()
        while data := os.read(self._source, _CHUNK):
            self.spoke = time.monotonic()
            for line in lines.of(data):
                self._tell(line)
        for line in lines.last():
            self._tell(line)
        self._lines.put(None)

    def _tell(self, line: str) -> None:
        if line.strip():
            self.tail.append(line)
        self._lines.put(line)


def environment_of(threads: int, more: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without Ray's and ours, what a script needs, and the arm's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    threaded = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    return {**kept, "PYTHONUNBUFFERED": "1", **threaded, **more}


def signal_name(status: int) -> str:
    """How a status is told: `exit status 3`, or the signal that ended it."""
    if status <= 128:
        return f"exit status {status}"
    try:
        return signal.Signals(status - 128).name
    except ValueError:
        return f"exit status {status}"
