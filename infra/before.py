"""What happens before the first cell: arms are tried, and what lies ahead is held to the limits."""

import time
from collections.abc import Mapping, Sequence

from infra.cost import ahead_s, cell_seconds, estimate, measured, memory_text
from infra.limits import check_limit
from infra.plan import Cell, Plan
from infra.records import CellRecord
from infra.study import Study
from infra.sweep_options import SweepOptions


def check_before(
    study: Study,
    plan: Plan,
    records: Mapping[str, CellRecord],
    todo: Sequence[Cell],
    options: SweepOptions,
) -> list[str]:
    """Proof that the sweep is paid for, and that its arms run, read, differ and have room.

    Gives back what a reader must know besides.

    Raises:
        Refused: When the sweep must not start, a line for each reason.
    """
    spent_s = sum(record.billed_s for record in records.values())
    known = cell_seconds(study, plan, records, {})
    check_limit(options.limit, plan, spent_s, ahead_s(todo, known), plan.gpus or 0.0)
    if not options.preflight:
        return ["not tried: --no-preflight"]
    notes = _try_arms(study, plan, options.allow_identical)
    if needs := measured(study, plan, todo, known, options.address):
        known = cell_seconds(study, plan, records, needs)
        told = filter(None, (estimate(plan, todo, known), memory_text(needs)))
        print(f"measured: {'; '.join(told) or 'nothing, as configs tell no steps'}", flush=True)
        check_limit(options.limit, plan, spent_s, ahead_s(todo, known), plan.gpus or 0.0)
    return notes


def _try_arms(study: Study, plan: Plan, allow_identical: Sequence[frozenset[str]]) -> list[str]:
    from infra.preflight import checked

    began = time.monotonic()
    complaints = checked(study, plan, allow_identical)
    notes = [complaint.text for complaint in complaints]
    seconds = time.monotonic() - began
    proven = "run" if any(c.unproven for c in complaints) else "run, read and differ"
    print(f"preflight: {len(plan.arms)} arms {proven} ({seconds:.1f} s)", flush=True)
    for note in notes:
        print(f"  note: {note}", flush=True)
    return notes
