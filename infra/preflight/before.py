"""What happens before the first cell: arms are tried, and what lies ahead is held to the limits."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from infra.cell.stems import sharing_stems
from infra.ledger.provenance import study_digest
from infra.ledger.records import CellRecord, Seen
from infra.preflight.complaint import listed
from infra.preflight.cost import (
    ahead_s,
    cell_seconds,
    estimate,
    finished_cells,
    shared_seconds,
    unknown,
    without,
)
from infra.preflight.limits import check_limit, usd_per_hour
from infra.preflight.measure import cell_gpus, measured, memory_text
from infra.study.plan import Cell, Plan
from infra.study.study import Study
from infra.sweep_options import Limit, SweepOptions


class Proof(NamedTuple):
    """What is put on record before the first cell.

    Attributes:
        notes: What a reader must know.
        seen: What each arm was seen to move, by name.
    """

    notes: list[str]
    seen: Mapping[str, Seen]


def check_before(
    study: Study,
    plan: Plan,
    records: Mapping[str, CellRecord],
    todo: Sequence[Cell],
    options: SweepOptions,
) -> Proof:
    """Proof that the sweep is paid for, and that its arms run, read, differ and have room.

    Raises:
        Refused: When the sweep must not start, a line for each reason.
    """
    gpus = cell_gpus(plan, options.address)
    price = usd_per_hour(plan, gpus)
    spent_s = sum(record.spent_s for record in records.values())
    known = without(cell_seconds(study, plan, records, {}), shared_seconds(plan, records, {}))
    check_limit(options.limit, price, spent_s, ahead_s(todo, known, records))
    proof = Proof(["not tried: --no-preflight"], {})
    if options.preflight:
        with sharing_stems(study_digest(plan.study_file) if plan.study_file else ""):
            proof = _try_arms(study, plan, options.allow_identical)
            new = [cell for cell in todo if not finished_cells(plan, cell.arm, records)]
            needs = measured(study, plan, new, options.address)
        booked = cell_seconds(study, plan, records, needs)
        shared = shared_seconds(plan, records, needs)
        told = [estimate(plan, todo, booked, records, gpus, shared), memory_text(needs)]
        if needs and any(told):
            print(f"measured: {'; '.join(filter(None, told))}", flush=True)
        known = without(booked, shared)
        check_limit(options.limit, price, spent_s, ahead_s(todo, known, records))
    if options.limit != Limit() and (arms := unknown(todo, known)):
        print(
            f"{listed(arms)}: what cells take is not known before, so the budget does not refuse "
            "them, but stops the sweep resumably when it gets there; Study.cell_seconds tells it",
            flush=True,
        )
    return proof


def _try_arms(study: Study, plan: Plan, allow_identical: Sequence[frozenset[str]]) -> Proof:
    from infra.preflight.preflight import checked

    began = time.monotonic()
    complaints, seen = checked(study, plan, allow_identical)
    notes = [complaint.text for complaint in complaints]
    seconds = time.monotonic() - began
    proven = "run" if any(c.unproven for c in complaints) else "run, read and differ"
    print(f"preflight: {len(plan.arms)} arms {proven} ({seconds:.1f} s)", flush=True)
    for note in notes:
        print(f"  note: {note}", flush=True)
    return Proof(notes, seen)
