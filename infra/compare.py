"""Which differences between arms are real: the leaderboard of a sweep at one budget.

Two arms at one seed share every draw they have in common, so they are compared seed by seed. Only
finished cells count, and a verdict waits for all cells of its pair: no arm wins by its survivors.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from infra import confounds
from infra.arms import Arm, failures, read_arms, sample, withheld
from infra.budget import Budget, dollars, gpu_hours, priced
from infra.diagnosis import Label, diagnose_cell
from infra.elsewhere import flip_notes
from infra.plan import Plan
from infra.records import CellRecord
from infra.resolution import bimodal
from infra.verdicts import (
    MIN_PAIRS,
    Awaits,
    Difference,
    Interval,
    Ruling,
    Verdict,
    judge_pair,
    looks,
    seeds_to_decide,
    share_of_alpha,
    summary,
)

SCHEMA = 1
STUDY_BUDGET = "end"
PARAMETERS = "train/parameters"
NOT_COMPARABLE = "not comparable: "


@dataclass(frozen=True, kw_only=True)
class Row:
    """One arm of the leaderboard.

    Attributes:
        planned: Cells in the plan; `finished` and `failed` of them did so.
        values: The study's metric per seed of the leaderboard; None where no cell finished.
        statuses: How the cell of each seed stands, "" where none is planned.
        interval: The 95 % t interval of the mean; None below two seeds.
        difference: To the baseline; None for the baseline itself and where there are no pairs.
        verdict: "" for the baseline.
        awaits: What may decide an undecided arm, see `Ruling`.
        cell_hours: Mean of the wall hours billed to its finished cells.
        steps: At the last point, where all finished seeds agree; so `parameters`.
        metrics: Every other metric, per seed, read where the study's metric was.
        labels: What is wrong with the cell of each seed, finished or not; None where nothing.
        bimodal: "bimodal, k of n" where the seeds fall on two points far apart, with both.
        beside: What else than the question may explain the row: quantities and machines that are
            not the baseline's.
    """

    arm: str
    planned: int
    finished: int
    failed: int
    values: tuple[float | None, ...]
    statuses: tuple[str, ...]
    mean: float | None
    sd: float | None
    interval: Interval | None
    difference: Difference | None
    verdict: Verdict
    reason: str
    steps: int | None
    parameters: float | None
    cell_hours: float | None
    gpu_hours: float | None
    cost_usd: float | None
    metrics: Mapping[str, tuple[float | None, ...]]
    labels: tuple[Label | None, ...] = ()
    bimodal: str = ""
    beside: tuple[str, ...] = ()
    awaits: Awaits = ""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """All arms, best mean first; arms without a finished cell last.

    Where times or dollars were taken on different machines, the arms are not ranked and stand as
    they were planned.

    Attributes:
        budget: Where the runs were read, "end" for their last points.
        exploratory: Whether that is not what the study declared.
        confidence: Of each interval of a difference, so that all of them hold together at 95 %.
        notes: What a reader must know besides: damaged cells, unequal steps.
    """

    study: str
    scale: str
    metric: str
    mode: str
    baseline: str
    margin: float | None
    budget: str
    exploratory: bool
    seeds: tuple[int, ...]
    confidence: float
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Plain data with its schema version."""
        return asdict(self)


def leaderboard(
    plan: Plan, records: Mapping[str, CellRecord], at: Budget | None = None
) -> Leaderboard:
    """The arms of a sweep compared at the study's budget, or at another.

    Args:
        plan: What was to run.
        records: What is known of each cell, by key.
        at: Read the runs there; refused unless every finished cell got there.

    Raises:
        ValueError: When a finished cell lacks the metric or did not reach `at`.
    """
    read = records
    if at and at.axis == "dollars":
        read = {key: priced(record, plan.usd_per_gpu_hour) for key, record in records.items()}
    arms = read_arms(plan, read, at)
    if at:
        at.require((arm.records[seed] for arm in arms for seed in arm.readings), plan.metric)
    baseline = next((arm for arm in arms if arm.name == plan.baseline), None)
    mix = confounds.mixed_machines(arms)
    unranked = mix if at and confounds.is_time(at.axis) else ""
    rows = [_row(plan, arm, baseline, arms, at, unranked) for arm in arms]
    sign = 1 if plan.mode == "min" else -1
    if not unranked:
        rows.sort(key=lambda row: math.inf if row.mean is None else sign * row.mean)
    return Leaderboard(
        study=plan.study,
        scale=plan.scale,
        metric=plan.metric,
        mode=plan.mode,
        baseline=plan.baseline,
        margin=plan.margin,
        budget=str(at) if at else STUDY_BUDGET,
        exploratory=at is not None,
        seeds=tuple(plan.seeds),
        confidence=1 - share_of_alpha(len(arms) - 1, plan.max_seeds),
        rows=tuple(rows),
        notes=tuple(
            [
                *_outlook(plan, rows),
                *_steps_of_metric(plan, arms),
                *([f"between reported points {plan.metric} is interpolated"] if at else []),
                *confounds.machine_notes(mix),
                *flip_notes(plan, arms, not mix),
                *flags(plan, rows, records),
            ]
        ),
    )


def _row(
    plan: Plan,
    arm: Arm,
    baseline: Arm | None,
    arms: Sequence[Arm],
    at: Budget | None,
    unranked: str,
) -> Row:
    values = arm.values
    floor = arm.resolution / 2  # see verdicts.paired
    told = summary(list(values.values()), least_sd=floor) if values else (None, None, None)
    mean, sd, interval = told
    difference, ruling = None, Ruling("", "baseline")
    if arm is not baseline:
        difference, ruling = _against(plan, arm, baseline, at)
        if unranked and difference:
            why = f"not ranked by {at and at.axis} across machines"
            ruling = Ruling("undecided", why, "nothing")
    hours = [h for h in map(gpu_hours, arm.records.values()) if h is not None]
    total = math.fsum(hours) if hours else None
    last = [arm.records[seed].points[-1] for seed in values]
    return Row(
        arm=arm.name,
        planned=len(arm.records),
        finished=len(values),
        failed=arm.count("failed"),
        values=tuple(values.get(seed) for seed in plan.seeds),
        statuses=tuple(arm.records[s].status if s in arm.records else "" for s in plan.seeds),
        mean=mean,
        sd=sd,
        interval=interval,
        difference=difference,
        verdict=ruling.verdict,
        reason=ruling.reason,
        awaits=ruling.awaits,
        steps=_common([point.step for point in last]),
        parameters=_common([point.metrics.get(PARAMETERS) for point in last]),
        cell_hours=_mean_hours([arm.records[seed] for seed in values]),
        gpu_hours=total,
        cost_usd=dollars(total, plan.usd_per_gpu_hour),
        metrics=_others(plan, arm),
        labels=tuple(
            diagnose_cell(plan, arm.records[s]) if s in arm.records else None for s in plan.seeds
        ),
        bimodal=bimodal(values, arm.resolution),
        beside=_beside(arm, baseline, arms),
    )


def _beside(arm: Arm, baseline: Arm | None, arms: Sequence[Arm]) -> tuple[str, ...]:
    if baseline is None or arm is baseline:
        return ()
    return (*confounds.explaining(arm, baseline, arms), *confounds.machines(arm, baseline))


def _against(
    plan: Plan, arm: Arm, baseline: Arm | None, at: Budget | None
) -> tuple[Difference | None, Ruling]:
    """What may be said of an arm; a side with failed cells is never called better or as good."""
    if baseline is None:
        why = f"no difference: baseline {plan.baseline!r} is not in this sweep"
        return None, Ruling("undecided", why, "cells")
    pairs = sample(plan, arm, baseline)
    if not pairs.values:
        empty = next((one.name for one in (baseline, arm) if not one.values), "")
        lack = f"{empty!r} has no finished cell" if empty else "no seed has both arms finished"
        failed = failures(arm, baseline)
        why = f"no difference: {lack}" + (f"; {failed}" if failed else "")
        return None, Ruling("undecided", why, "cells")
    rules = (len(plan.arms) - 1, plan.margin, plan.mode, plan.max_seeds)
    difference, ruling = judge_pair(pairs, *rules)
    difference = replace(difference, correlation=_correlation(arm, baseline, difference.seeds))
    if why := confounds.invalidating(arm, baseline, at_end=at is None):
        return difference, Ruling("undecided", NOT_COMPARABLE + "; ".join(why), "nothing")
    return difference, withheld(arm, baseline, pairs, ruling)


def _correlation(arm: Arm, baseline: Arm, seeds: Sequence[int]) -> float | None:
    ours, theirs = ([one.values[seed] for seed in seeds] for one in (arm, baseline))
    if len(seeds) < MIN_PAIRS or len(set(ours)) == 1 or len(set(theirs)) == 1:
        return None
    with suppress(ArithmeticError, ValueError):  # spreads beyond what floats can square
        return statistics.correlation(ours, theirs)
    return None


def _others(plan: Plan, arm: Arm) -> dict[str, tuple[float | None, ...]]:
    names = sorted({name for reading in arm.readings.values() for name in reading} - {plan.metric})
    return {n: tuple(arm.readings.get(s, {}).get(n) for s in plan.seeds) for n in names}


def _steps_of_metric(plan: Plan, arms: Sequence[Arm]) -> Iterator[str]:
    if arms and (step := arms[0].resolution):
        yield f"{plan.metric} moves in steps of {step:.4g}, and no spread is taken for less"


def _mean_hours(records: Sequence[CellRecord]) -> float | None:
    billed = [record.billed_s / 3600 for record in records if record.billed_s]
    return math.fsum(billed) / len(billed) if billed else None


def _common(values: Sequence[Any]) -> Any:
    """The value if all agree, else None."""
    return values[0] if values and len(set(values)) == 1 else None


def _outlook(plan: Plan, rows: Sequence[Row]) -> Iterator[str]:
    """How a sequential sweep looks, and what it would take to decide what is undecided."""
    if plan.max_seeds:
        sizes = ", ".join(map(str, looks(plan.max_seeds)))
        yield f"sequential: looks at {sizes} seeds, and the first verdict of an arm stays"
    yield (
        f"recorded elsewhere, imported from {plan.data} (SHA-256 {plan.data_digest[:12]})"
        if plan.is_recorded
        else "all seeds share one evaluation set: a verdict speaks of training again, not of new "
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
    for row in open_rows(rows):
        if row.difference and row.difference.interval and row.awaits != "spread":
            many = _seeds_that_decide(plan, rows, row, row.difference)
            yield f"{row.arm}: if mean and spread stayed as they are, {many} would decide"


def open_rows(rows: Sequence[Row]) -> list[Row]:
    """The undecided arms that further seeds may decide."""
    undecided = [row for row in rows if row.verdict == "undecided" and not row.failed]
    return [row for row in undecided if row.awaits != "nothing"]


def _seeds_that_decide(plan: Plan, rows: Sequence[Row], row: Row, difference: Difference) -> str:
    """How many, and their price; of a sequential sweep as many as it looks at."""
    alpha = share_of_alpha(len(rows) - 1, plan.max_seeds)
    n = seeds_to_decide(difference, plan.margin, alpha)
    if not n:
        return "over 100 seeds"
    if plan.max_seeds:
        n = next((size for size in looks(plan.max_seeds) if size >= n), 0)
    return f"about {n} seeds{_price(rows, row, n)}" if n else "no look up to --max-seeds"


def _price(rows: Sequence[Row], row: Row, seeds: int) -> str:
    """Worker-hours of further cells of an arm and of the baseline, as long as the finished ones."""
    pair = [one for one in rows if one is row or not one.verdict]
    hours = [one.cell_hours * max(0, seeds - one.planned) for one in pair if one.cell_hours]
    known = len(hours) == len(pair) and any(hours)
    return f" ({math.fsum(hours):.2g} worker-hours more)" if known else ""


def flags(plan: Plan, rows: Sequence[Row], records: Mapping[str, CellRecord]) -> list[str]:
    """What may spoil the comparison: unequal steps, mixed code, failed and damaged cells."""
    steps = {row.arm: row.steps for row in rows if row.finished}
    each = ", ".join(f"{arm} {'by seed' if n is None else n}" for arm, n in steps.items())
    notes = [f"arms end at different steps: {each}"] if len(set(steps.values())) > 1 else []
    notes += [f"confound: {mix}" for mix in confounds.mixed_code(records.values())]
    for row in rows:
        notes += [f"{row.arm}: {row.bimodal}"] if row.bimodal else []
        told = zip(plan.seeds, row.labels, strict=True)
        notes += [f"{row.arm}, seed {seed}: {label}" for seed, label in told if label]
    notes += [f"cell {r.key} failed: {r.error}" for r in records.values() if r.status == "failed"]
    return [*notes, *(record.damage for record in records.values() if record.damage)]
