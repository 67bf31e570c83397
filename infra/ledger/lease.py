"""One driver per sweep: a lease in the sweep's folder, renewed while the driver lives."""

import json
import logging
import os
import secrets
import socket
import sys
import threading
import time
from typing import Any

import psutil

from infra.ledger.patience import StorageError
from infra.ledger.provenance import without_passwords
from infra.ledger.storage import Storage

log = logging.getLogger(__name__)

LEASE_FILE = "lease.json"
RENEW_S = 10.0
STALE_S = 60.0
_DEAD = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)  # a container may have nobody who reaps


class LeaseHeld(RuntimeError):
    """Another driver runs this sweep."""


class Lease:
    """Held from `acquire` to `release`; its token marks the attempts that this driver hands out."""

    def __init__(self, storage: Storage, sweep: str) -> None:
        self._storage = storage
        self._sweep = sweep
        self._path = f"{sweep}/{LEASE_FILE}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True, name="lease")
        self.token = secrets.token_hex(3)
        self.lost = False

    def acquire(self) -> "Lease":
        """Take the lease, also from a driver that is dead or silent for a minute.

        Raises:
            LeaseHeld: When another driver lives, with its host, pid and the age of its last sign.
        """
        taken_over = False
        while not self._storage.create(self._path, self._record()):
            holder = read_lease(self._storage, self._sweep)
            if holder and is_alive(holder):
                raise LeaseHeld(_refusal(self._sweep, holder))
            if holder:
                self._storage.delete(self._path)
                taken_over = True
        if taken_over:
            self._check_still_ours()
        self._thread.start()
        return self

    def _check_still_ours(self) -> None:
        """Two drivers may find the same dead one; the later write stands, the other gives way."""
        time.sleep(1.0)
        holder = read_lease(self._storage, self._sweep)
        if holder and holder["token"] != self.token:
            raise LeaseHeld(_refusal(self._sweep, holder))

    def release(self) -> None:
        """Stop renewing and remove the lease if it is still ours."""
        self._stop.set()
        self._thread.join()
        holder = read_lease(self._storage, self._sweep)
        if holder and holder["token"] == self.token:
            self._storage.delete(self._path)

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self._stop.wait(RENEW_S) and not self.lost:
            try:
                holder = read_lease(self._storage, self._sweep)
                self.lost = bool(holder) and holder["token"] != self.token
                if not self.lost:
                    self._storage.write(self._path, self._record())
                    renewed = time.monotonic()
            except (OSError, StorageError) as error:
                log.warning("lease of sweep %s: not renewed: %s", self._sweep, error)
                self.lost = time.monotonic() - renewed > STALE_S

    def _record(self) -> bytes:
        me = psutil.Process()
        return json.dumps(
            {
                "host": socket.gethostname(),
                "pid": me.pid,
                "started": me.create_time(),
                "token": self.token,
                "renewed": time.time(),
                "command": without_passwords(sys.argv),
            }
        ).encode()


def read_lease(storage: Storage, sweep: str) -> dict[str, Any] | None:
    """Who drives the sweep, or None; a damaged lease counts as long dead."""
    try:
        holder = json.loads(storage.read(f"{sweep}/{LEASE_FILE}"))
    except FileNotFoundError:
        return None
    except ValueError:
        holder = None
    if isinstance(holder, dict) and set(holder) >= {"host", "pid", "started", "token", "renewed"}:
        return holder
    return {"host": "", "pid": 0, "started": 0.0, "token": "", "renewed": 0.0}


def is_alive(holder: dict[str, Any]) -> bool:
    """Whether the holder's process exists, or, on another host, gave a sign within a minute."""
    if holder["host"] == socket.gethostname():
        try:
            process = psutil.Process(holder["pid"])
            return (
                abs(process.create_time() - holder["started"]) < 1.0
                and process.status() not in _DEAD
                and holder["pid"] != os.getpid()
            )
        except psutil.NoSuchProcess:
            return False
    return age_s(holder) < STALE_S


def age_s(holder: dict[str, Any]) -> float:
    """Seconds since the holder's last sign."""
    return max(0.0, time.time() - holder["renewed"])


def _refusal(sweep: str, holder: dict[str, Any]) -> str:
    return (
        f"sweep {sweep!r}: one driver at a time, and pid {holder['pid']} on host "
        f"{holder['host']!r} renewed its lease {age_s(holder):.0f} s ago; stop it, or wait"
    )
