"""What SIGINT and SIGTERM do to a driver."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from infra.errors import INTERRUPTED


@contextmanager
def obeying_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """In the body the first SIGINT or SIGTERM tells `stop` its name; the second ends the process.

    What stops in its own time has its cells committed and the sweep resumable.
    """
    told = False

    def handle(number: int, frame: Any) -> None:
        nonlocal told
        if told:
            os._exit(INTERRUPTED)
        told = True
        stop(signal.Signals(number).name)

    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
