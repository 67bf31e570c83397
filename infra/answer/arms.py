"""The cells of one arm beside those of the baseline, and what missing or equal ones forbid."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from infra.answer.budget import Budget, reading
from infra.answer.ran import Facts, ran, ran_on
from infra.answer.resolution import shown
from infra.answer.verdicts import Ruling, Sample
from infra.answer.weights import one_seed, unsound
from infra.ledger.records import CellRecord
from infra.study.plan import Cell, Plan

# Relative to the values: an interval this narrow is how single precision rounds, and not noise.
ROUNDING = 4 * 2.0**-24


@dataclass(frozen=True)
class Arm:
    """What the cells of one arm give, by seed.

    Attributes:
        readings: Every metric of each finished cell, at the budget.
        metric: The study's.
        resolution: Step in which it moves, 0 where it takes any value.
        timed: Whether its number of steps is that of equal seconds and no question of the study.
        is_control: Whether it is not trained, and so reads the same at every budget.
        only_measures: Whether fields are declared to act in evaluation only.
        is_explained: Whether one of some fields is declared to move a realised quantity.
    """

    name: str
    cells: Mapping[int, Cell]
    records: Mapping[int, CellRecord]
    readings: Mapping[int, Mapping[str, float]]
    metric: str
    resolution: float
    timed: bool = False
    is_control: bool = False
    only_measures: Callable[[Iterable[str]], bool] = lambda names: False
    is_explained: Callable[[str, Iterable[str]], bool] = lambda quantity, names: False

    @cached_property
    def values(self) -> dict[int, float]:
        """The study's metric by seed."""
        return {seed: own[self.metric] for seed, own in self.readings.items()}

    @cached_property
    def ran(self) -> Mapping[int, Facts]:
        """Code, data and numerical state of each finished cell, by seed."""
        return {seed: ran(self.records[seed]) for seed in self.readings}

    @cached_property
    def machines(self) -> Mapping[int, Facts]:
        """What each finished cell ran on, by seed."""
        return {seed: ran_on(self.records[seed]) for seed in self.readings}

    def count(self, *statuses: str) -> int:
        """How many cells stand so."""
        return sum(record.status in statuses for record in self.records.values())

    @property
    def broken(self) -> bool:
        """Whether a cell failed, or came to weights that are no numbers."""
        return bool(self.count("failed")) or any(map(unsound, self.records.values()))

    def weights(self, seed: int) -> str:
        """Digest of the trained weights, "" where there are none."""
        commit = self.records[seed].commit
        return commit.weights_sha256 if commit else ""


def read_arms(plan: Plan, records: Mapping[str, CellRecord], at: Budget | None) -> list[Arm]:
    """The arms of a plan, their finished cells read at the budget."""
    trained = (records[cell.key] for cell in plan.cells if cell.arm not in plan.controls)
    finished = [record for record in trained if record.status == "finished"]
    step = shown(finished, plan.metric) if plan.resolution is None else plan.resolution
    return [_arm(plan, name, records, at, step) for name in plan.arms]


def _arm(
    plan: Plan, name: str, records: Mapping[str, CellRecord], at: Budget | None, step: float
) -> Arm:
    cells = {cell.seed: cell for cell in plan.cells_of[name]}
    own = {seed: records[cell.key] for seed, cell in cells.items()}
    done = {seed: record for seed, record in own.items() if record.status == "finished"}
    is_control = name in plan.controls
    at = None if is_control else at
    read = {seed: reading(record, plan.metric, at) for seed, record in done.items()}
    kind = name in plan.steps, is_control, plan.only_measures, plan.is_explained
    return Arm(name, cells, own, read, plan.metric, step, *kind)


def sample(plan: Plan, arm: Arm, baseline: Arm) -> Sample:
    """The differences of the seeds in which both arms finished, in declared order."""
    return differences(plan, arm.values, baseline.values, arm.resolution)


def differences(
    plan: Plan, ours: Mapping[int, float], theirs: Mapping[int, float], resolution: float
) -> Sample:
    """Ours minus theirs, by seed, in declared order."""
    seeds = [seed for seed in plan.seeds if seed in ours and seed in theirs]
    size = max((abs(v) for v in (*ours.values(), *theirs.values())), default=0.0)
    gaps = tuple(ours[seed] - theirs[seed] for seed in seeds)
    return Sample(tuple(seeds), gaps, ROUNDING * size, resolution)


def withheld(arm: Arm, baseline: Arm, pairs: Sample, ruling: Ruling) -> Ruling:
    """What is said, unless cells that are missing or the same forbid it."""
    failed, n = failures(arm, baseline), len(pairs.seeds)
    if why := _one_seed(arm) or _one_seed(baseline):
        return Ruling("undecided", why, "nothing")
    if count := _identical(arm, baseline, pairs):
        told = f"identical weights in {count} of {n} seeds"
        if count == n:
            what = "not another arm"
            if arm.only_measures(declared(arm.cells[pairs.seeds[0]], baseline)):
                what = f"what they differ in acts in evaluation only, and {arm.metric} is the same"
            return Ruling("undecided", f"{told}: {what}", "nothing")
        return Ruling("undecided", f"{told}: what they differ in did nothing there", "seeds")
    if unfinished := _count_text("unfinished", arm, baseline, "pending", "interrupted"):
        return Ruling("undecided", f"{unfinished}; a verdict waits for them", "cells")
    verdict = ruling.verdict
    flatters_arm = arm.broken and verdict in ("better", "equivalent")
    if flatters_arm or (baseline.broken and verdict in ("worse", "equivalent")):
        why = f"{failed}; the others alone would be {verdict}"
        return Ruling("undecided", why, "nothing")
    return ruling._replace(reason=f"{ruling.reason}; {failed}") if failed else ruling


def declared(cell: Cell, other: Arm) -> list[str]:
    """Fields in which the resolved configs differ at a seed, but for how often a run reports."""
    ours, theirs = cell.config, other.cells[cell.seed].config
    names = sorted({*ours, *theirs} - {"steps_per_report"})
    return [name for name in names if ours.get(name) != theirs.get(name)]


def failures(arm: Arm, baseline: Arm) -> str:
    """How many cells of either failed, or hold NaN; "" where none does."""
    told = [_count_text("failed", arm, baseline, "failed")]
    for one in (arm, baseline):
        if n := sum(bool(unsound(record)) for record in one.records.values()):
            told.append(f"{n} of {len(one.records)} cells of {one.name!r} hold NaN or infinity")
    return ", ".join(filter(None, told))


def _count_text(word: str, arm: Arm, baseline: Arm, *statuses: str) -> str:
    counts = ((one.count(*statuses), one) for one in (arm, baseline))
    return ", ".join(
        f"{n} of {len(one.records)} cells of {one.name!r} {word}" for n, one in counts if n
    )


def _one_seed(arm: Arm) -> str:
    """Which seeds of an arm are one; where their weights are no numbers, that says it already."""
    sound = [seed for seed in arm.readings if not unsound(arm.records[seed])]
    return one_seed(arm.name, {seed: arm.weights(seed) for seed in sound})


def _identical(arm: Arm, baseline: Arm, pairs: Sample) -> int:
    """In how many seeds weights and score are the same; a knob of evaluation moves the score."""
    gaps = zip(pairs.seeds, pairs.values, strict=True)
    return sum(not gap and arm.weights(s) == baseline.weights(s) != "" for s, gap in gaps)
