"""What the commands share: the ledger, plan, findings and tracker that the options name."""

import argparse
import contextlib
import gc
import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.answer.index import read_records
from infra.errors import Refused
from infra.ledger.lease import is_alive, read_lease
from infra.ledger.ledger import Ledger, list_sweeps
from infra.ledger.records import CellRecord
from infra.ledger.storage import open_storage
from infra.study.locate import default_storage, load_study
from infra.study.plan import Plan

Options = argparse.Namespace
Studies = Mapping[str, Path]
JSON_SCHEMA = 1
_MOST_TROUBLES = 200  # lines


def open_ledger(options: Options, name: str) -> Ledger:
    """The ledger of a sweep in the storage asked for."""
    return Ledger(open_storage(options.storage or default_storage()), name)


def storage_option(options: Options) -> str:
    """What a printed command must repeat to find the same storage, with a blank before it."""
    return f" --storage {shlex.quote(options.storage)}" if options.storage else ""


def read_plan(ledger: Ledger) -> Plan:
    """The sweep's plan; Refused when there is no such sweep, naming those there are."""
    plan = ledger.read_plan()
    if plan is None and (holder := read_lease(ledger.storage, ledger.sweep)):
        words = shlex.join(holder.get("command", ["ablate", "run", "STUDY"]))
        begun = f"nothing had begun; `{words}` begins it"
        if is_alive(holder):
            begun = "its driver is still trying the arms; ask again when it has begun"
        raise Refused(f"sweep {ledger.sweep!r}: must have a plan, and {begun}")
    if plan is None:
        there = ", ".join(list_sweeps(ledger.storage)) or "none"
        raise Refused(
            f"sweep {ledger.sweep!r}: must exist in {ledger.storage.uri}, which holds {there}; "
            "see --storage"
        )
    return plan


def read_sweep(ledger: Ledger) -> tuple[Plan, dict[str, CellRecord]]:
    """The sweep's plan and the record of every cell; Refused when there is no such sweep."""
    plan = read_plan(ledger)
    return plan, read_records(plan, ledger)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Spares a command that shows a sweep and ends the search for garbage among its records."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def findings_of(plan: Plan, studies: Studies) -> Any:
    """The documented findings of the plan's study; recorded curves have none."""
    return (
        () if plan.is_recorded else load_study(plan.study_file or plan.study, studies)[0].findings
    )


def tracking_uri(ledger: Ledger, options: Options) -> str:
    """The MLflow asked for, else the storage's own."""
    from infra.tracking.tracking import default_tracking_uri

    return options.tracking or default_tracking_uri(ledger.storage.uri)


def print_json(value: Mapping[str, Any]) -> None:
    """The document that --json asks for."""
    print(json.dumps({"schema": JSON_SCHEMA, **value}, indent=1))


def stdout_for_json(options: Options) -> contextlib.AbstractContextManager[Any]:
    """With --json, sends what the body prints to stderr, so that the document stands alone."""
    return contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext()


def troubles(records: Mapping[str, CellRecord]) -> list[str]:
    """A line per cell that failed or was found damaged."""
    return [
        f"{record.key} failed: {record.error}" if record.status == "failed" else record.damage
        for record in records.values()
        if record.status == "failed" or record.damage
    ]


def print_troubles(records: Mapping[str, CellRecord]) -> None:
    """Shows them, up to a number."""
    told = troubles(records)
    print("\n".join(told[:_MOST_TROUBLES]), end="\n" if told else "")
    if left := len(told[_MOST_TROUBLES:]):
        print(f"{left} more cells failed or are damaged: --json has them")
