"""What happens before the first cell: arms are tried, and what lies ahead is held to the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from infra.cell.arm_code import packed_arms
from infra.cell.code import code_now
from infra.cell.driving import refuse_changed_code
from infra.cell.stems import sharing_stems
from infra.ledger.ledger import Ledger
from infra.ledger.provenance import study_digest
from infra.ledger.records import CellRecord, Seen
from infra.preflight.complaint import Complaint, listed
from infra.preflight.cost import (
    ahead_s,
    cell_seconds,
    estimate,
    finished_cells,
    shared_seconds,
    unknown,
    without,
)
from infra.preflight.kept import asked, kept
from infra.preflight.limits import check_limit, usd_per_hour
from infra.preflight.measure import Need, cell_gpus, measured, memory_text
from infra.preflight.telling import telling
from infra.study.black_box import BuildsBlackBoxes
from infra.study.plan import Cell, Plan
from infra.study.study import Study
from infra.sweep_options import Limit, SweepOptions
from infra.words import lasting


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
    ledger: Ledger,
) -> Proof:
    """Proof that the sweep is paid for, and that its arms run, read, differ and have room.

    What takes no time is looked at first: whether begun cells come of the same code, and costs that
    are known. Gives back what a reader must know besides.

    Raises:
        Refused: When the sweep must not start, a line for each reason.
    """
    if todo and not options.accept_code_change:
        code = code_now(study, plan, ledger, records.values(), accepted=False)
        for note in refuse_changed_code(records.values(), code, ledger):
            print(f"note: {note}", flush=True)
    packed_arms(study, plan)  # which refuses what cannot be had
    gpus = cell_gpus(plan, options.address)
    price = usd_per_hour(plan, gpus)
    spent_s = sum(record.spent_s for record in records.values())
    known = without(cell_seconds(study, plan, records, {}), shared_seconds(plan, records, {}))
    check_limit(options.limit, price, spent_s, ahead_s(todo, known, records))
    proof = Proof([] if options.preflight else ["not tried: --no-preflight"], {})
    if options.preflight and todo:
        with sharing_stems(study_digest(plan.study_file) if plan.study_file else ""):
            proof, needs = _try_arms(study, plan, options.allow_identical)
            new = [cell for cell in todo if not finished_cells(plan, cell.arm, records)]
            alone = isinstance(study.run, BuildsBlackBoxes)
            needs = needs if alone else measured(study, plan, new, options.address)
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


def _try_arms(
    study: Study, plan: Plan, allow_identical: Sequence[frozenset[str]]
) -> tuple[Proof, dict[str, Need]]:
    """Notes of the trial, also where it is known how it ended: they are told each time.

    And what cells take, as far as short starts of the arms tell.
    """
    from infra.preflight.outside import outside
    from infra.preflight.preflight import checked, refusing

    alone = isinstance(study.run, BuildsBlackBoxes)

    def trial() -> dict[str, Any]:
        with telling("preflight"):
            seconds: Mapping[str, float] = {}
            if alone:
                found, seconds = outside(study, plan)
                complaints, seen = refusing(study, found), {}
            else:
                complaints, seen = checked(study, plan, allow_identical)
        told = {arm: one._asdict() for arm, one in seen.items()}
        complained = [asdict(complaint) for complaint in complaints]
        return {"complaints": complained, "seen": told, "seconds": dict(seconds)}

    twins = sorted(map(sorted, allow_identical))
    tried = kept("" if alone else asked(study, plan, "arms", twins), trial)
    found = [Complaint(**told) for told in tried.value["complaints"]]
    seen = {arm: Seen(**told) for arm, told in tried.value["seen"].items()}
    proven = "run" if any(c.unproven for c in found) else "run, read and differ"
    took = f"{tried.seconds:.1f} s"
    if tried.age_s:
        took = f"tried {lasting(tried.age_s)} ago in {took}; what it rests on is unchanged"
    print(f"preflight: {len(plan.arms)} arms {proven} ({took})", flush=True)
    notes = [complaint.text for complaint in found]
    for note in notes:
        print(f"  note: {note}", flush=True)
    needs = {arm: Need(own) for arm, own in tried.value.get("seconds", {}).items()}
    return Proof(notes, seen), needs
