"""What a driver does around each cell, on Ray or in this process: lease, job, attempts, ends."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from infra.answer.diagnosis import diagnosis
from infra.cell.cell import Job
from infra.errors import Refused
from infra.ledger.lease import Lease, LeaseHeld
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord
from infra.root import ROOT
from infra.study.plan import Plan
from infra.study.study import Study


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


def make_job(study: Study, plan: Plan, ledger: Ledger, gpus: float, code: Mapping[str, Any]) -> Job:
    """What every attempt at the plan's cells needs to know."""
    return Job(
        ledger=ledger,
        build=study.run,
        metric=plan.metric,
        diagnosis=diagnosis(plan),
        threads=plan.threads,
        gpus=gpus,
        keep_checkpoints=plan.keep_checkpoints,
        code=code,
        prepared_data=bool(plan.data),
    )


def refuse_changed_code(records: Iterable[CellRecord], code: Mapping[str, Any]) -> None:
    """Cells of one sweep are compared, so all must come from one code.

    Raises:
        Refused: When a begun cell ran under other packages, study file or torch than this process.
    """
    for record in records:
        was = record.start.get("code") if record.commit else None
        for name, before, now in _code_laws(was, code):
            if before != now:
                raise Refused(
                    f"cell {record.key}: must be joined by cells of the same code, but {name} "
                    f"was {before[:12]} and is now {now[:12]} in {ROOT}; go back, choose another "
                    "--name, or give --accept-code-change to put the mix on record"
                )


def _code_laws(
    was: Mapping[str, Any] | None, now: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    if was:
        yield "the digest of the packages", was["package_digest"], now["package_digest"]
        yield "the digest of the study's file", was["study_sha256"], now["study_sha256"]
        torch_was, torch_now = (code["versions"]["torch"].split("+")[0] for code in (was, now))
        yield "the version of torch", torch_was, torch_now


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
