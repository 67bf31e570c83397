"""Which differences between arms are real: the leaderboard of a sweep at one budget.

Two arms at one seed share every draw they have in common, so they are compared seed by seed. Only
finished cells count, and a verdict waits for all cells of its pair: no arm wins by its survivors.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from infra.answer import confounds
from infra.answer.amounts import Amounts
from infra.answer.arms import Arm, failures, read_arms, sample, withheld
from infra.answer.board import Leaderboard, Row
from infra.answer.budget import Budget, dollars, gpu_hours, priced
from infra.answer.diagnosis import diagnose_cell
from infra.answer.evaluated import nothing_read, only_read
from infra.answer.grown import changed_verdicts
from infra.answer.mode import mode_in_doubt
from infra.answer.other_budgets import flip_notes
from infra.answer.outlook import flags, outlook, shared_stems, with_outlook
from infra.answer.rates import scaled_rate
from infra.answer.resolution import bimodal
from infra.answer.uneven import by_signs, uneven
from infra.answer.verdicts import (
    MIN_PAIRS,
    Difference,
    Ruling,
    judge_pair,
    paired,
    share_of_alpha,
    summary,
)
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import spans

STUDY_BUDGET = "end"
PARAMETERS = "train/parameters"
NOT_COMPARABLE = "not comparable: "
_UNLIKE = "means are over unlike seeds: arms stand by their differences, over the seeds in the note"


def leaderboard(
    plan: Plan, records: Mapping[str, CellRecord], at: Budget | None = None
) -> Leaderboard:
    """The arms of a sweep compared at the study's budget, or at another.

    Controls stand among them by their means, and take no share of the error.

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
        run = (arm for arm in arms if not arm.is_control)
        at.require((arm.records[seed] for arm in run for seed in arm.readings), plan.metric)
    mix = confounds.mixed_machines(arms)
    unranked = mix if at and confounds.is_time(at.axis) else ""
    rows = _rows(plan, arms, at, unranked)
    changed = tuple(
        changed_verdicts(plan, rows, lambda p: _rows(p, read_arms(p, read, at), at, unranked))
    )
    rows = [with_outlook(plan, rows, row) for row in rows]
    by_difference = not unranked and any(row.over_seeds for row in rows)
    if not unranked:
        rows = _ranked(plan, rows, by_difference)
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
        confidence=1 - _alpha(plan),
        rows=tuple(rows),
        notes=tuple(
            [
                *filter(None, [mode_in_doubt(plan, records)]),
                *([_UNLIKE] if by_difference else []),
                *map(str, changed),
                *outlook(plan, rows),
                *_steps_of_metric(plan, arms),
                *([f"between reported points {plan.metric} is interpolated"] if at else []),
                *confounds.machine_notes(mix),
                *shared_stems(records.values()),
                *flip_notes(plan, arms, not mix),
                *flags(plan, rows, records),
            ]
        ),
        changed=changed,
    )


def _ranked(plan: Plan, rows: Sequence[Row], by_difference: bool) -> list[Row]:
    """Best first, arms without a finished cell last."""
    base = next((row.mean for row in rows if row.arm == plan.baseline), None)
    sign = 1 if plan.mode == "min" else -1

    def place(row: Row) -> float:
        if row.mean is None:
            return math.inf
        if not by_difference or base is None:
            return sign * row.mean
        return sign * (row.difference.mean if row.difference else row.mean - base)

    return sorted(rows, key=place)


def _rows(plan: Plan, arms: Sequence[Arm], at: Budget | None, unranked: str) -> list[Row]:
    """A row per arm, as planned."""
    baseline = next((arm for arm in arms if arm.name == plan.baseline), None)
    amounts = Amounts([arm for arm in arms if not arm.is_control])
    return [_row(plan, arm, baseline, amounts, at, unranked) for arm in arms]


def _row(
    plan: Plan,
    arm: Arm,
    baseline: Arm | None,
    amounts: Amounts,
    at: Budget | None,
    unranked: str,
) -> Row:
    values = arm.values
    floor = arm.resolution / 2  # see verdicts.paired
    told = summary(list(values.values()), least_sd=floor) if values else (None, None, None)
    mean, sd, interval = told
    difference, ruling = None, Ruling("", "baseline")
    if arm.is_control:
        difference, ruling = _compared_with(plan, arm, baseline)
    elif arm is not baseline:
        difference, ruling = _against(plan, arm, baseline, at)
        if unranked and difference:
            why = f"not ranked by {at and at.axis} across machines"
            ruling = Ruling("undecided", why, "nothing")
    odd = _uneven(plan, arm, baseline, difference, ruling)
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
        beside=_beside(plan, arm, baseline, amounts, at),
        over_seeds=_over_seeds(arm, baseline, difference),
        uneven=odd,
        by_signs=by_signs(difference, _alpha(plan), plan.mode) if odd and difference else "",
    )


def _over_seeds(arm: Arm, baseline: Arm | None, difference: Difference | None) -> str:
    if not baseline or not difference:
        return ""
    own = set(difference.seeds)
    return "" if own == arm.values.keys() == baseline.values.keys() else spans(difference.seeds)


def _uneven(
    plan: Plan, arm: Arm, baseline: Arm | None, difference: Difference | None, ruling: Ruling
) -> str:
    """Asked of differences that decide, or may decide with more seeds."""
    if not baseline or not difference or ruling.verdict == "control" or ruling.awaits == "nothing":
        return ""
    return uneven(difference, sample(plan, arm, baseline), plan.comparisons)


def _alpha(plan: Plan) -> float:
    return share_of_alpha(plan.comparisons, plan.max_seeds)


def _beside(
    plan: Plan, arm: Arm, baseline: Arm | None, amounts: Amounts, at: Budget | None
) -> tuple[str, ...]:
    if baseline is None or arm is baseline:
        return ()
    if arm.is_control:
        return tuple(confounds.machines(arm, baseline))
    rate = filter(None, [scaled_rate(arm, baseline)])
    return (
        *amounts.explaining(arm.name, baseline.name),
        *rate,
        *confounds.differing(arm, baseline, at_end=at is None),
        *only_read(arm, baseline, sample(plan, arm, baseline)),
        *confounds.machines(arm, baseline),
    )


def _against(
    plan: Plan, arm: Arm, baseline: Arm | None, at: Budget | None
) -> tuple[Difference | None, Ruling]:
    """What may be said of an arm; a side with failed cells is never called better or as good."""
    if baseline is None:
        why = f"no difference: baseline {plan.baseline!r} is not in this sweep"
        return None, Ruling("undecided", why, "nothing")
    pairs = sample(plan, arm, baseline)
    if not pairs.values:
        empty = next((one.name for one in (baseline, arm) if not one.values), "")
        lack = f"{empty!r} has no finished cell" if empty else "no seed has both arms finished"
        failed = failures(arm, baseline)
        why = f"no difference: {lack}" + (f"; {failed}" if failed else "")
        waits = any(one.count("pending", "interrupted") for one in (arm, baseline))
        return None, Ruling("undecided", why, "cells" if waits else "nothing")
    rules = (plan.comparisons, plan.margin, plan.mode, plan.max_seeds)
    difference, ruling = judge_pair(pairs, *rules)
    difference = replace(difference, correlation=_correlation(arm, baseline, difference.seeds))
    if why := confounds.invalidating(arm, baseline, at_end=at is None):
        return difference, Ruling("undecided", NOT_COMPARABLE + "; ".join(why), "nothing")
    if why := nothing_read(arm, baseline, pairs):
        return difference, Ruling("undecided", why, "nothing")
    return difference, withheld(arm, baseline, pairs, ruling)


def _compared_with(plan: Plan, arm: Arm, baseline: Arm | None) -> tuple[Difference | None, Ruling]:
    """A control's difference at the level of the others, over all seeds that there are."""
    why = ["a control, which is compared with and not judged"]
    if baseline and (failed := failures(arm, baseline)):
        why.append(failed)
    ruling = Ruling("control", "; ".join(why))
    pairs = sample(plan, arm, baseline) if baseline else None
    if not pairs or not pairs.values:
        return None, ruling
    return paired(pairs.seeds, pairs.values, _alpha(plan), pairs.resolution), ruling


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
