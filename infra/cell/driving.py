"""What a driver does around each cell, on Ray or in this process: lease, job, attempts, ends."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from infra.answer.diagnosis import diagnosis
from infra.cell.cell import Job
from infra.cell.code import Code, changed_files
from infra.errors import Refused
from infra.ledger.code import SCRIPT, read_files
from infra.ledger.lease import Lease, LeaseHeld
from infra.ledger.ledger import Ledger
from infra.ledger.modules import MODULES, digest_now, own_modules, recorded_modules
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.study.study import Study
from infra.words import joined

_SCRIPT = "the digest of the script's code"


@contextmanager
def driving(ledger: Ledger) -> Iterator[Lease]:
    """Holds the sweep's lease; Refused when another driver does."""
    lease = Lease(ledger.storage, ledger.sweep)
    try:
        lease.acquire()
    except LeaseHeld as error:
        raise Refused(str(error)) from error
    try:
        yield lease
    finally:
        lease.release()


def make_job(
    study: Study,
    plan: Plan,
    ledger: Ledger,
    gpus: float,
    code: Mapping[str, Any],
    modules: Mapping[str, set[str]] | None = None,
    files: Mapping[str, str] | None = None,
    accepted: bool = False,
) -> Job:
    """What every attempt at the plan's cells needs to know; `modules` see `earlier_modules`.

    `files` are those of code that no process imports, to which cells are held unless a change is
    `accepted`.
    """
    return Job(
        ledger=ledger,
        build=study.run,
        metric=plan.metric,
        diagnosis=diagnosis(plan),
        threads=plan.threads,
        gpus=gpus,
        keep_checkpoints=plan.keep_checkpoints,
        code=code,
        modules=modules or {},
        files=files or {},
        accepted=accepted,
        prepared_data=bool(plan.data),
    )


def refuse_changed_code(records: Iterable[CellRecord], code: Code, ledger: Ledger) -> list[str]:
    """Cells of one sweep are compared, so all must come from one code.

    Gives back what a reader must know: modules that only earlier cells had, or only this process.

    Args:
        records: Of all cells.
        code: As this process finds it.
        ledger: Where the files of code that no process imports are on record.

    Raises:
        Refused: When a begun cell ran under other packages, study file, modules or torch than this
            process.
    """
    begun = [record for record in records if record.commit]
    now, had = own_modules(), set[str]()
    for record in begun:
        modules = recorded_modules(record.commit.realised.get(MODULES, ()) if record.commit else ())
        had |= modules.keys()
        for name, before, after in _laws(record, modules, code.told):
            if before != after:
                files = changed_files(read_files(ledger), code.files)
                told = f" ({files})" if name == _SCRIPT else ""
                raise Refused(
                    f"cell {record.key}: must be joined by cells of the same code, but {name} "
                    f"was {before[:12]} and is now {after[:12] or 'none'}{told}; go back, choose "
                    "another --name, give --accept-code-change to put the mix on record, or delete "
                    "the sweep if it was only tried"
                )
    gone = [name for name in sorted(had) if not digest_now(name)]
    new = sorted(now.keys() - had) if had else []
    notes = []
    if begun and code.new:
        notes.append(f"{joined(code.new)}: not there when earlier cells ran, so not counted")
    if gone:
        notes.append(f"earlier cells had loaded {joined(gone)}, which is not found now")
    return notes + ([f"earlier cells had not loaded {joined(new)}"] if new else [])


def earlier_modules(records: Iterable[CellRecord], accepted: bool) -> dict[str, set[str]]:
    """Digests of the user's modules that begun cells ran, by name; none where a change is accepted.

    What only a run's own steps can find is compared by the worker that has loaded it.
    """
    commits = [] if accepted else [record.commit for record in records if record.commit]
    return recorded_modules(text for one in commits for text in one.realised.get(MODULES, ()))


def _laws(
    record: CellRecord, modules: Mapping[str, set[str]], now: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """What must be the same, with its name; of a module that both know one of its digests."""
    if not (was := record.start.get("code")):
        return
    yield "the digest of the packages", was["package_digest"], now["package_digest"]
    # Ledgers of before modules were told by name have one digest over the study and its neighbours.
    by_name = bool(modules) or "study_file_sha256" in was
    study = "study_file_sha256" if by_name else "study_sha256"
    yield "the digest of the study's file", was.get(study, ""), now[study]
    for name, digests in modules.items():
        if after := digest_now(name):
            told = after if after in digests else min(digests)
            yield f"the digest of its module {name!r}", told, after
    if was.get(SCRIPT):  # a cell whose arm has code of its own tells none
        yield _SCRIPT, was[SCRIPT], now.get(SCRIPT, "")
    torch_was, torch_now = (_torch(code) for code in (was, now))
    yield "the version of torch", torch_was, torch_now


def _torch(code: Mapping[str, Any]) -> str:
    """The version without its build; "" where cells run without it."""
    return code["versions"].get("torch", "").split("+")[0]


def record_end(
    ledger: Ledger,
    key: str,
    attempt: str,
    status: str,
    seconds: Mapping[str, float],
    error: str = "",
) -> None:
    """Record how a cell ended, with the wall seconds of the attempts this driver saw."""
    ledger.finish(
        key,
        {
            "schema": 1,
            "status": status,
            "attempt": attempt,
            "error": error,
            "attempt_seconds": dict(seconds),
            "ended": time.time(),
        },
    )


def next_number(ledger: Ledger, key: str) -> int:
    """Number of the next attempt at a cell."""
    return max((int(a.split("-")[0]) for a in ledger.attempts(key)), default=0) + 1
