"""What the open cells of a sweep take before they run, as far as anything tells it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean

from infra.ledger.records import CellRecord
from infra.preflight.measure import Need
from infra.study.plan import Cell, Plan
from infra.study.study import Study


def open_cells(
    plan: Plan, records: Mapping[str, CellRecord], retry_failed: bool = False
) -> list[Cell]:
    """The cells that are to run."""
    ended = ("finished",) if retry_failed else ("finished", "failed")
    return [c for c in plan.cells if c.key not in records or records[c.key].status not in ended]


def finished_cells(plan: Plan, arm: str, records: Mapping[str, CellRecord]) -> list[CellRecord]:
    """The arm's cells that have finished, and on the bill."""
    own = [records[cell.key] for cell in plan.cells_of.get(arm, ()) if cell.key in records]
    return [record for record in own if record.status == "finished" and record.billed_s]


def cell_seconds(
    study: Study, plan: Plan, records: Mapping[str, CellRecord], needs: Mapping[str, Need]
) -> dict[str, float]:
    """Seconds of a cell by arm: as its finished cells took, as measured, or as the study says.

    A control's that nobody measured pass for none, since it is not trained.
    """
    found = dict.fromkeys(plan.trained, study.cell_seconds.get(plan.scale))
    found |= dict.fromkeys((arm for arm in plan.arms if arm in plan.controls), 0.0)
    found |= {arm: need.seconds for arm, need in needs.items() if need.seconds is not None}
    for arm in plan.arms:
        if took := [record.billed_s for record in finished_cells(plan, arm, records)]:
            found[arm] = mean(took)
    return {arm: seconds for arm, seconds in found.items() if seconds is not None}


def shared_seconds(
    plan: Plan, records: Mapping[str, CellRecord], needs: Mapping[str, Need]
) -> dict[str, float]:
    """What of `cell_seconds` is for a stem that another cell trains, by arm, where there is any."""
    found = {arm: need.shared_s for arm, need in needs.items()}
    for arm in plan.arms:
        if own := finished_cells(plan, arm, records):
            found[arm] = mean(record.shared_s for record in own)
    return {arm: seconds for arm, seconds in found.items() if seconds}


def without(seconds: Mapping[str, float], shared: Mapping[str, float]) -> dict[str, float]:
    """Seconds of a cell by arm that are really spent, a stem's being so once for several cells."""
    return {arm: own - shared.get(arm, 0.0) for arm, own in seconds.items()}


def ahead_s(
    todo: Iterable[Cell], seconds: Mapping[str, float], records: Mapping[str, CellRecord]
) -> float:
    """Worker-seconds of the open cells whose arm's are known; of begun ones what is left."""
    return math.fsum(
        seconds[cell.arm] * _left(cell, records.get(cell.key))
        for cell in todo
        if cell.arm in seconds
    )


def _left(cell: Cell, record: CellRecord | None) -> float:
    """Share of its steps that are still to do, all of them where the config tells none."""
    steps = cell.config.get("steps")
    if record is None or record.commit is None or not isinstance(steps, int) or steps < 1:
        return 1.0
    return max(0.0, 1 - record.commit.step / steps)


def unknown(todo: Iterable[Cell], seconds: Mapping[str, float]) -> list[str]:
    """The arms with open cells of which nobody knows what they take."""
    return list(dict.fromkeys(cell.arm for cell in todo if cell.arm not in seconds))


def estimate(
    plan: Plan,
    todo: Sequence[Cell],
    seconds: Mapping[str, float],
    records: Mapping[str, CellRecord],
    gpus: float,
    shared: Mapping[str, float] | None = None,
) -> str:
    """What the open cells take, "" where that is not known; what is `shared` is marked."""
    if not todo or unknown(todo, seconds):
        return ""
    each = sorted(seconds[cell.arm] for cell in todo if seconds[cell.arm]) or [0.0]
    span = dict.fromkeys(f"{one:.0f}" if one >= 1 else f"{one:.1g}" for one in (each[0], each[-1]))
    hours, price = ahead_s(todo, seconds, records) / 3600, plan.usd_per_gpu_hour
    told = [f"about {' to '.join(span)} s a cell", f"{hours:.2g} worker-hours"]
    if twice := ahead_s(todo, shared or {}, records) / 3600:
        told[1] += f" ({twice:.2g} of them for stems that cells share, booked to each)"
    if plan.max_seeds > len(plan.seeds):
        most = plan.max_seeds * math.fsum(seconds.values()) / 3600
        told += [f"at most {most:.2g} with all {plan.max_seeds} seeds"]
    told += [f"{hours * gpus:.2g} GPU-hours"] if gpus else []
    told += [f"${hours * gpus * price:.2f}"] if gpus and price is not None else []
    return ", ".join(told)
