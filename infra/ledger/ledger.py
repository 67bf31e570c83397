"""The truth about a sweep: its plan, and per cell the commits of its attempts and how it ended.

    <sweep>/plan.json
    <sweep>/preflight.json                  what the trial of the arms told, and what each moved
    <sweep>/cells/<cell>/<attempt>/start.json             who tries it, with what code and machine
                                  /state-<step>.pt        everything that resuming needs
                                  /points-<step>.json     every point so far, earlier attempts' too
                                  /head.json              names both with digests, and what was used
                                  /log.txt                what the run printed
                                  /pictures/<name>-<step>.png     how it looked, where it tells
    <sweep>/cells/<cell>/done.json          how the cell ended; the driver alone writes it
    <sweep>/code/                           of scripts, see infra/ledger/code.py
    <sweep>/index/                          what ended cells' files say, to be read at once

A commit is complete when head.json names files with the right digests. The reader takes the highest
complete (attempt, step), so that a late write of a dead attempt changes nothing.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from infra.ledger.index import files_digest, read_index, write_index
from infra.ledger.points import Points
from infra.ledger.records import (
    LISTS,
    CellRecord,
    Commit,
    Damaged,
    Point,
    Seen,
    Status,
    shared_s,
)
from infra.ledger.storage import Storage
from infra.study.plan import PLAN_FILE, Plan

SCHEMA = 1
_PREFLIGHT = "preflight.json"
_ATTEMPT = re.compile(r"\d{4,}-.+")


class Ledger:
    """Reads and writes one sweep's folder in a storage."""

    def __init__(self, storage: Storage, sweep: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=-]*", sweep):
            raise ValueError(
                f"sweep name {sweep!r}: must be letters, digits, '.', '_', '=' or '-'; choose "
                "with --name"
            )
        self.storage = storage
        self.sweep = sweep

    # The plan

    def read_plan(self) -> Plan | None:
        """The sweep's plan, None when there is no such sweep."""
        try:
            return Plan.from_json(self.storage.read(f"{self.sweep}/{PLAN_FILE}"))
        except FileNotFoundError:
            return None

    def write_plan(self, plan: Plan) -> None:
        """Put the plan on record."""
        self.storage.write(f"{self.sweep}/{PLAN_FILE}", plan.to_json())

    def write_preflight(self, notes: Iterable[str], seen: Mapping[str, Seen] | None = None) -> None:
        """Put on record what the trial of the arms told and saw of each, or that there was none."""
        arms = {arm: own._asdict() for arm, own in (seen or {}).items()}
        body = _dump({"schema": SCHEMA, "notes": list(notes), "arms": arms})
        self.storage.write(f"{self.sweep}/{_PREFLIGHT}", body)

    def read_preflight(self) -> list[str] | None:
        """What is on record of the trial of the arms, None where nothing readable is."""
        try:
            return list(json.loads(self.storage.read(f"{self.sweep}/{_PREFLIGHT}"))["notes"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def read_seen(self) -> dict[str, Seen]:
        """What is on record of each arm from its trial, by name."""
        try:
            arms = json.loads(self.storage.read(f"{self.sweep}/{_PREFLIGHT}"))["arms"]
            return {arm: Seen(str(own["device"]), dict(own["moved"])) for arm, own in arms.items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    # Written by the worker

    def start_attempt(self, key: str, attempt: str, start: Mapping[str, Any]) -> None:
        """Put on record who tries a cell."""
        self.storage.write(self._path(key, attempt, "start.json"), _dump(start))

    def write_commit(
        self,
        key: str,
        commit: Commit,
        state: bytes | None,
        points: Iterable[Point],
        ends_anew: bool = False,
    ) -> Commit:
        """State, points, head, in that order; `commit` comes back with names and digests filled in.

        Without `state` the head names none: the cell can be read but not continued.

        Args:
            key: The cell.
            commit: What the head says.
            state: The bytes of the state.
            points: All of the cell's.
            ends_anew: Whether this step was committed before by an attempt that had not ended; its
                files stay as they are until the head names others.
        """
        body = _dump([asdict(point) for point in points])
        name = f"{commit.step:09d}{'-end' if ends_anew else ''}"
        filled = {
            **asdict(commit),
            "points": f"points-{name}.json",
            "points_sha256": _sha256(body),
        }
        if state is not None:
            filled |= {"state": f"state-{name}.pt", "state_sha256": _sha256(state)}
            self.storage.write(self._path(key, commit.attempt, filled["state"]), state)
        self.storage.write(self._path(key, commit.attempt, filled["points"]), body)
        told = {name: value for name, value in filled.items() if value or name != "pictures"}
        self.storage.write(self._path(key, commit.attempt, "head.json"), _dump(told))
        return Commit(**filled)

    def write_picture(self, key: str, attempt: str, name: str, step: int, png: bytes) -> str:
        """Put a picture beside the attempt's commits, before the one that knows of it; its path."""
        path = f"{attempt}/pictures/{name}-{step:09d}.png"
        self.storage.write(f"{self.sweep}/cells/{key}/{path}", png)
        return path

    def read_picture(self, key: str, path: str) -> bytes:
        """A picture that a commit knows of."""
        return self.storage.read(f"{self.sweep}/cells/{key}/{path}")

    def write_log(self, key: str, attempt: str, text: str) -> None:
        """Put what the run printed beside its commits."""
        self.storage.write(self._path(key, attempt, "log.txt"), text.encode())

    def drop(self, key: str, commit: Commit, *, state: bool, points: bool) -> None:
        """Remove files of a commit that a later head no longer names."""
        if state and commit.state:
            self.storage.delete(self._path(key, commit.attempt, commit.state))
        if points:
            self.storage.delete(self._path(key, commit.attempt, commit.points))

    # Written by the driver

    def finish(self, key: str, done: Mapping[str, Any]) -> None:
        """Record how the cell ended: status, attempt, step, error, seconds per attempt."""
        self.storage.write(f"{self.sweep}/cells/{key}/done.json", _dump(done))

    def reopen(self, key: str) -> None:
        """Forget how the cell ended, so that it is run again; what it took stays on the bill."""
        try:
            seconds = (self.read_done(key) or {}).get("attempt_seconds", {})
        except Damaged:
            seconds = {}
        for attempt, spent in seconds.items():
            self.storage.write(self._path(key, attempt, "bill.json"), _dump({"seconds": spent}))
        self.storage.delete(f"{self.sweep}/cells/{key}/done.json")

    def collect(self, key: str, *, weights: bool) -> list[str]:
        """Delete state files that no resume needs, all but the newest; gives back the paths.

        With `weights` also the newest one of a finished cell.
        """
        record = self.record(key)
        newest = record.commit
        kept = f"{newest.attempt}/{newest.state}" if newest else ""
        if weights and record.status == "finished":
            kept = ""
        prefix = f"{self.sweep}/cells/{key}"
        states = [p for p in self.storage.list(prefix) if re.search(r"/state-\d+\.pt$", p)]
        dropped = [p for p in states if p != f"{prefix}/{kept}"]
        for path in dropped:
            self.storage.delete(path)
        return dropped

    # Read by everyone

    def attempts(self, key: str) -> list[str]:
        """Attempts that left any file, oldest first."""
        return _attempts(self._files(key))

    def newest(
        self, key: str, attempts: Iterable[str]
    ) -> tuple[Commit | None, Sequence[Point], str]:
        """The newest complete commit, its points, and what was found damaged on the way."""
        damage = ""
        for attempt in sorted(attempts, reverse=True):
            try:
                commit = self.read_head(key, attempt)
                return commit, self.read_points(key, commit), damage
            except FileNotFoundError:
                continue
            except Damaged as error:
                damage = str(error)
        return None, Points(()), damage

    def read_head(self, key: str, attempt: str) -> Commit:
        """An attempt's newest commit; FileNotFoundError before its first."""
        try:
            head = json.loads(self.storage.read(self._path(key, attempt, "head.json")))
            tuples = {name: tuple(head.get(name, ())) for name in LISTS}
            return Commit(**head | tuples)
        except (ValueError, TypeError, KeyError) as error:
            raise Damaged(
                f"cell {key}, attempt {attempt}: head.json is damaged: {error}"
            ) from error

    def read_points(self, key: str, commit: Commit) -> Points:
        """The commit's points; Damaged when they are not what the head says."""
        body = self._checked(key, commit.attempt, commit.points, commit.points_sha256)
        return Points(Point(**point) for point in json.loads(body))

    def read_state(self, key: str, commit: Commit) -> bytes:
        """The commit's state file; Damaged when it is not what the head says."""
        return self._checked(key, commit.attempt, commit.state, commit.state_sha256)

    def read_log(self, key: str, attempt: str) -> str:
        """What the run printed in an attempt, "" if nothing yet."""
        return self._read_text(key, attempt, "log.txt")

    def read_done(self, key: str) -> dict[str, Any] | None:
        """How the cell ended, None while it has not."""
        try:
            done = json.loads(self.storage.read(f"{self.sweep}/cells/{key}/done.json"))
            if done["status"] not in ("finished", "failed"):
                raise ValueError(f"status must be finished or failed, got {done['status']!r}")
            return done
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(
                f"cell {key}: done.json is damaged ({error}); resume runs the cell's end again"
            ) from error

    def record(self, key: str) -> CellRecord:
        """Everything known of a cell, read from its files alone."""
        return self._record(key, self._files(key))

    def records(self, plan: Plan | None = None) -> dict[str, CellRecord]:
        """The record of every planned cell, those of ended ones from the index where it has them.

        Args:
            plan: The cells; None takes the plan on record.
        """
        plan = plan or self.read_plan()
        if plan is None:
            return {}
        listed = self.storage.list(self.sweep)
        own = _by_cell(self.sweep, listed)
        digests = {key: files_digest(files) for key, files in own.items()}
        known = read_index(self.storage, self.sweep, plan, listed, digests)
        seen = self.read_seen() if f"{self.sweep}/{_PREFLIGHT}" in listed else {}
        found = {
            cell.key: known.get(cell.key) or self._record(cell.key, own.get(cell.key, {}))
            for cell in plan.cells
        }
        arms = {cell.key: seen[cell.arm] for cell in plan.cells if cell.arm in seen}
        return found | {key: replace(found[key], seen=own) for key, own in arms.items()}

    def write_index(
        self, plan: Plan, new: Iterable[CellRecord], held: Sequence[CellRecord] | None = None
    ) -> None:
        """Puts ended cells into the index, see `write_index` of infra/ledger/index.py."""
        write_index(self.storage, self.sweep, plan, new, held)

    def _files(self, key: str) -> dict[str, str]:
        """What a listing shows of a cell, by path in its folder."""
        folder = f"{self.sweep}/cells/{key}"
        return _by_cell(self.sweep, self.storage.list(folder)).get(key, {})

    def _record(self, key: str, files: Mapping[str, str]) -> CellRecord:
        """From those of its files that a listing shows."""
        if not files:
            return CellRecord(key, "pending", None, Points(()), "", {}, 0)
        damage = ""
        try:
            done = self.read_done(key)
        except Damaged as error:
            done, damage = None, str(error)
        attempts = _attempts(files)
        commit, points, broken = self.newest(key, attempts)
        status = _status(done, commit, bool(attempts))
        if done and done["status"] == "finished" and status != "finished":
            why = broken or "its last commit is gone"
            damage = damage or f"cell {key}: finished, but {why}; resume runs it again"
        newest = commit.attempt if commit else (attempts[-1] if attempts else "")
        start, *origins = self._starts(key, newest)
        shared = shared_s(points[0].metrics) if points else 0.0
        return CellRecord(
            key=key,
            status=status,
            commit=commit,
            points=points,
            error=(done or {}).get("error", "") if status == "failed" else "",
            start=start,
            billed_s=self._billed_s(key, attempts, done) + shared,
            attempts=len(attempts),
            damage=damage or broken or start.get("damage", ""),
            origins=tuple(origins),
            shared_s=shared,
            files=files_digest(files),
        )

    def _starts(self, key: str, attempt: str) -> list[dict[str, Any]]:
        """Of an attempt and of those whose states it went on from."""
        found = [self._start(key, attempt)]
        while (before := found[-1].get("from_attempt", "")) and before < attempt:
            found.append(self._start(key, attempt := before))
        return found

    def _start(self, key: str, attempt: str) -> dict[str, Any]:
        text = self._read_text(key, attempt, "start.json") if attempt else ""
        try:
            return json.loads(text or "{}")
        except ValueError as error:
            return {"damage": f"cell {key}, attempt {attempt}: start.json is damaged: {error}"}

    def _billed_s(self, key: str, attempts: list[str], done: Mapping[str, Any] | None) -> float:
        """Seconds as the driver measured them, else as far as the attempt's last commit got."""
        measured = (done or {}).get("attempt_seconds", {})
        tried = {*attempts, *measured}  # some die before they leave a file
        return sum(measured.get(a) or self._elapsed_s(key, a) for a in sorted(tried))

    def _elapsed_s(self, key: str, attempt: str) -> float:
        with suppress(ValueError, KeyError, TypeError):
            return float(json.loads(self._read_text(key, attempt, "bill.json"))["seconds"])
        try:
            return self.read_head(key, attempt).elapsed_s
        except (FileNotFoundError, Damaged):
            return 0.0

    def _checked(self, key: str, attempt: str, name: str, sha256: str) -> bytes:
        data = self.storage.read(self._path(key, attempt, name))
        if _sha256(data) != sha256:
            raise Damaged(
                f"cell {key}, attempt {attempt}: {name} must have digest {sha256[:12]}, got "
                f"{_sha256(data)[:12]}"
            )
        return data

    def _read_text(self, key: str, attempt: str, name: str) -> str:
        try:
            return self.storage.read(self._path(key, attempt, name)).decode()
        except FileNotFoundError:
            return ""

    def _path(self, key: str, attempt: str, name: str) -> str:
        return f"{self.sweep}/cells/{key}/{attempt}/{name}"


def list_sweeps(storage: Storage) -> dict[str, int]:
    """Names of the sweeps in a storage, each with how many of its cells have ended."""
    paths = [path.split("/") for path in storage.list("")]
    ended = Counter(p[0] for p in paths if p[-1] == "done.json")
    return {p[0]: ended[p[0]] for p in sorted(paths) if p[1:] == [PLAN_FILE]}


def _by_cell(sweep: str, listed: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a listing of the sweep shows of each cell that has any file, by path in its folder."""
    own: dict[str, dict[str, str]] = {}
    prefix = f"{sweep}/cells/"
    for path, version in listed.items():
        key, slash, name = path[len(prefix) :].partition("/")
        if slash and path.startswith(prefix):
            own.setdefault(key, {})[name] = version
    return own


def _attempts(files: Iterable[str]) -> list[str]:
    """The attempts among a cell's files; what else lies there is not ours."""
    folders = {folder for folder, slash, _ in (path.partition("/") for path in files) if slash}
    return sorted(folder for folder in folders if _ATTEMPT.fullmatch(folder))


def attempt_name(number: int, token: str) -> str:
    """How an attempt is called: a number that grows per cell, and the token of its driver."""
    return f"{number:04d}-{token}"


def _status(done: Mapping[str, Any] | None, commit: Commit | None, tried: bool) -> Status:
    if done and done["status"] == "failed":
        return "failed"
    if done and commit and commit.finished:
        return "finished"
    return "interrupted" if tried else "pending"


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
