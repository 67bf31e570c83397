"""What a reader of a leaderboard must know besides: how it was looked at, what would decide it."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from infra.answer import confounds
from infra.answer.board import Row, open_rows
from infra.answer.short import short_notes
from infra.answer.uneven import uneven_note
from infra.answer.verdicts import Difference, looks, seeds_to_decide, share_of_alpha
from infra.answer.weights import weight_notes
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import MANY_ARMS, counted, joined


def outlook(plan: Plan, rows: Sequence[Row]) -> Iterator[str]:
    """How a sequential sweep looks, and what it would take to decide what is undecided."""
    if plan.max_seeds:
        sizes = ", ".join(map(str, looks(plan.max_seeds)))
        yield f"sequential: looks at {sizes} seeds, and the first verdict of an arm stays"
    yield (
        f"recorded elsewhere, imported from {plan.data} (SHA-256 {plan.data_digest[:12]})"
        if plan.is_recorded
        else "where seeds share one evaluation set, a verdict speaks of training again, not of new "
        "data"
    )
    if plan.steps:
        yield "equal seconds: each arm has the steps that take the baseline's time, timed before"
    if plan.scale == "smoke":
        yield "smoke is there to try things out: its verdicts say nothing of the question"
    if plan.looked:
        yield (
            f"looked at {', '.join(map(str, plan.looked))} seeds before more were asked for, which "
            "the intervals do not allow for: a false verdict may be likelier than they tell"
        )
    for row in open_rows(rows) if plan.scale != "smoke" else ():
        if row.awaits == "seeds" and row.difference and row.difference.interval:
            many = _many(plan, row)
            yield f"{row.arm}: if mean and spread stayed as they are, {many} would decide"


def with_outlook(plan: Plan, rows: Sequence[Row], row: Row) -> Row:
    """The row with what would decide it, as far as seeds may and cells are of some size."""
    told = row.difference if row.awaits == "seeds" and row in open_rows([row]) else None
    if plan.scale == "smoke" or told is None or told.interval is None:
        return row
    seeds = _seeds_that_decide(plan, told)
    hours = _hours(rows, row, seeds) if seeds else None
    return replace(row, seeds_to_decide=seeds or None, hours_to_decide=hours)


def shared_stems(records: Iterable[CellRecord]) -> Iterator[str]:
    """What of the cells' seconds was spent once and counts for several of them."""
    booked = sorted(record.shared_s for record in records if record.shared_s)
    if booked:
        span = dict.fromkeys(f"{seconds:.3g}" for seconds in (booked[0], booked[-1]))
        yield (
            f"{counted(len(booked), 'cell')} {'has' if len(booked) == 1 else 'have'} a stem that "
            f"was trained before: its {' to '.join(span)} s are booked to each, in seconds and "
            "cost"
        )


def _many(plan: Plan, row: Row) -> str:
    """How many seeds would decide, and their price."""
    if not row.seeds_to_decide:
        few = row.difference and seeds_to_decide(row.difference, plan.margin, _alpha(plan))
        return "no look up to --max-seeds" if few else "over 100 seeds"
    hours = row.hours_to_decide
    price = f" ({hours:.2g} worker-hours more)" if hours else ""
    return f"about {row.seeds_to_decide} seeds{price}"


def _seeds_that_decide(plan: Plan, difference: Difference) -> int:
    """How many; of a sequential sweep as many as it looks at, 0 where that is none."""
    n = seeds_to_decide(difference, plan.margin, _alpha(plan))
    if n and plan.max_seeds:
        return next((size for size in looks(plan.max_seeds) if size >= n), 0)
    return n


def _alpha(plan: Plan) -> float:
    return share_of_alpha(plan.comparisons, plan.max_seeds)


def _hours(rows: Sequence[Row], row: Row, seeds: int) -> float | None:
    """Worker-hours of further cells of an arm and of the baseline, as long as the finished ones."""
    pair = [one for one in rows if one is row or not one.verdict]
    hours = [one.cell_hours * max(0, seeds - one.planned) for one in pair if one.cell_hours]
    known = len(hours) == len(pair) and any(hours)
    return math.fsum(hours) if known else None


def _ends(steps: Mapping[str, int | None]) -> str:
    """Where each arm ends; of many arms how many end where, the fewest first."""
    told = {arm: "by seed" if n is None else str(n) for arm, n in steps.items()}
    if len(told) <= MANY_ARMS:
        return ", ".join(f"{arm} {end}" for arm, end in told.items())
    ends: dict[str, list[str]] = {}
    for arm, end in told.items():
        ends.setdefault(end, []).append(arm)
    groups = sorted(ends.items(), key=lambda group: len(group[1]))
    return "; ".join(f"{joined(arms)} {end}" for end, arms in groups)


def flags(plan: Plan, rows: Sequence[Row], records: Mapping[str, CellRecord]) -> list[str]:
    """What may spoil the comparison: unequal steps, mixed code, failed and damaged cells."""
    steps = {row.arm: row.steps for row in rows if row.finished and row.verdict != "control"}
    each = _ends(steps)
    notes = [f"arms end at different steps: {each}"] if len(set(steps.values())) > 1 else []
    notes += uneven_note(plan, rows)
    notes += [f"confound: {mix}" for mix in confounds.mixed_code(records.values())]
    notes += [*weight_notes(plan, records), *short_notes(plan, records)]
    for row in rows:
        notes += [f"{row.arm}: {row.bimodal}"] if row.bimodal else []
        told = zip(plan.seeds, row.labels, strict=True)
        notes += [f"{row.arm}, seed {seed}: {label}" for seed, label in told if label]
    notes += [f"cell {r.key} failed: {r.error}" for r in records.values() if r.status == "failed"]
    return [*notes, *(record.damage for record in records.values() if record.damage)]
