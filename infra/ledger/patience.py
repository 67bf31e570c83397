"""Waits for a storage that is away or full: a sweep loses time, not results."""

import logging
import os
import time
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

WAIT_LIMIT_S = float(os.environ.get("ABLATE_STORAGE_WAIT_S", 24 * 3600))
T = TypeVar("T")


class StorageError(RuntimeError):
    """A storage that will not work however long one waits."""


def wait_out(
    attempt: Callable[[], T],
    uri: str,
    passing: Callable[[Exception], bool],
    limit_s: float = WAIT_LIMIT_S,
) -> T:
    """Repeat `attempt` through passing faults, with pauses up to 15 s, for at most `limit_s`."""
    began, pause_s = time.monotonic(), 0.2
    while True:
        try:
            return attempt()
        except Exception as error:
            if not passing(error):
                raise
            waited = time.monotonic() - began
            if waited + pause_s > limit_s:
                raise StorageError(
                    f"storage {uri}: must answer, but failed for {waited:.0f} s: {error}; mend it "
                    "and resume"
                ) from error
            log.warning("storage %s: waiting for it since %.0f s: %s", uri, waited, error)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 15.0)
