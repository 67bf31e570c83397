"""What SIGINT, SIGTERM and SIGHUP do to a driver."""

import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from infra.errors import INTERRUPTED


@contextmanager
def obeying_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """In the body the first of these signals tells `stop` its name; the second ends the process.

    What stops in its own time has its cells committed and the sweep resumable. `nohup` keeps
    SIGHUP ignored; a second SIGHUP is, since a shell and the kernel each send one.
    """
    told = False

    def handle(number: int, frame: Any) -> None:
        nonlocal told
        if told and number == signal.SIGHUP:
            return
        if told:
            os._exit(INTERRUPTED)
        told = True
        if number == signal.SIGHUP:
            _leave_terminal()
        stop(signal.Signals(number).name)

    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    heeded = (signal.SIGINT, signal.SIGTERM, *(() if nohup else (signal.SIGHUP,)))
    before = {s: signal.signal(s, handle) for s in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_terminal() -> None:
    """What is printed from now on goes nowhere, but to files.

    To write to a terminal that hung up is an error, and so it is to a pipe whose reader did.
    """
    for descriptor in (1, 2):
        with suppress(OSError):  # closed: nowhere too
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                continue
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        if nowhere != descriptor:
            os.close(nowhere)
