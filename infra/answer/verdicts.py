"""The one function that decides between two arms, in fixed and in sequential sweeps.

Differences are paired by seed and judged by simultaneous t intervals: the error of 5 % is shared by
all comparisons to the baseline (Bonferroni), and in a sequential sweep by all looks at them as well
(the oldest and plainest alpha spending), so that stopping at a verdict costs nothing in validity.
`tests/benchmarks/null_sweeps.py` simulates this very function; verdicts.md has its figures, and why
there is no step-down.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

ALPHA, MIN_PAIRS = 0.05, 3
_DOUBLE = 2.0**-28  # of what single precision rounds away, twice as much as double does
LOOKS = (3, 5, 8, 12, 18, 27, 40)  # seeds at which a sequential sweep looks, each half as many more

Interval = tuple[float, float]
Verdict = Literal["better", "worse", "equivalent", "undecided", "control", ""]
Awaits = Literal["", "cells", "spread", "seeds", "nothing"]


class Ruling(NamedTuple):
    """What is said of an arm.

    Attributes:
        awaits: What may decide an undecided arm: cells that are still to run, seeds that differ
            where there was no spread, further seeds, or nothing that the sweep can run.
    """

    verdict: Verdict
    reason: str
    awaits: Awaits = ""


@dataclass(frozen=True)
class Sample:
    """Differences of an arm to the baseline, seed by seed in declared order.

    Attributes:
        seeds: The seeds in which both arms finished.
        values: Arm minus baseline.
        rounding: An interval no wider is how numbers round and says nothing of noise.
        resolution: Step in which the metric moves, 0 for one that takes any value.
    """

    seeds: tuple[int, ...]
    values: tuple[float, ...]
    rounding: float = 0.0
    resolution: float = 0.0


@dataclass(frozen=True)
class Difference:
    """An arm minus the baseline, seed by seed; spread and interval need two pairs.

    Attributes:
        sd: Standard deviation that the interval rests on: that of the values, and not less than
            what the metric's resolution alone gives.
        correlation: Of the arm's scores with the baseline's over these seeds: what pairing gains.
            None below three pairs, and where either does not vary.
    """

    seeds: tuple[int, ...]
    values: tuple[float, ...]
    mean: float
    interval: Interval | None
    sd: float | None = None
    correlation: float | None = None


def judge_pair(
    sample: Sample, comparisons: int, margin: float | None, mode: str, max_seeds: int = 0
) -> tuple[Difference, Ruling]:
    """What a sample says of an arm, with the difference that says it.

    Args:
        sample: Differences of at least one seed.
        comparisons: How many arms are compared to the baseline in all.
        margin: What does not matter; None means that equivalence is never claimed.
        mode: Whether less ("min") or more ("max") is better.
        max_seeds: Where a sequential sweep ends at the latest; it looks at the first 3, 5, 8, ...
            seeds, and the first verdict stays. 0 for a sweep whose seeds were fixed before.
    """
    alpha = share_of_alpha(comparisons, max_seeds)
    sizes = [n for n in looks(max_seeds) if n <= len(sample.values)] or [len(sample.values)]
    told = _look(sample, sizes[0], alpha, margin, mode)
    for n in sizes[1:]:
        if told[1].verdict != "undecided":
            break
        told = _look(sample, n, alpha, margin, mode)
    return told


def _look(
    sample: Sample, n: int, alpha: float, margin: float | None, mode: str
) -> tuple[Difference, Ruling]:
    difference = paired(sample.seeds[:n], sample.values[:n], alpha, sample.resolution)
    return difference, decide(difference, margin, mode, sample.rounding)


def seeds_to_decide(difference: Difference, margin: float | None, alpha: float) -> int:
    """About how many seeds would give a verdict if mean and spread stayed what they are.

    0 where a hundred would not do, or there is no spread yet. For planning only.
    """
    from scipy.special import stdtrit

    if not (sd := difference.sd):
        return 0
    mean = abs(difference.mean)
    for n in range(max(MIN_PAIRS, len(difference.values) + 1), 101):
        half = float(stdtrit(n - 1, 1 - alpha / 2)) * sd / math.sqrt(n)
        if half < mean or (margin is not None and mean + half <= margin):
            return n
    return 0


def share_of_alpha(comparisons: int, max_seeds: int = 0) -> float:
    """The error that one interval may have, so that all of them together have 5 %."""
    return ALPHA / max(1, comparisons) / max(1, len(looks(max_seeds)))


def looks(max_seeds: int) -> list[int]:
    """Numbers of seeds at which a sequential sweep of at most so many looks; none below three."""
    return sorted({n for n in LOOKS if n < max_seeds} | ({max_seeds} - {0, 1, 2}))


def paired(
    seeds: Sequence[int], values: Sequence[float], alpha: float, resolution: float = 0.0
) -> Difference:
    """The mean of paired differences with its t interval at level 1 - `alpha`.

    No spread below half a step of the resolution is believed. Rounding alone gives two scores
    step / sqrt(6), with which scores on two neighbouring points would differ falsely in 5.7 % of
    sweeps of five seeds; with half a step it is 0.6 %.
    """
    floor = resolution / 2
    mean, sd, interval = summary(values, alpha, floor)
    return Difference(
        tuple(seeds), tuple(values), mean, interval, None if sd is None else max(sd, floor)
    )


def decide(
    difference: Difference, margin: float | None, mode: str, rounding: float = 0.0
) -> Ruling:
    """What an interval says: inside the margin, else off 0, else nothing.

    Args:
        difference: Between paired seeds.
        margin: What does not matter; None means that equivalence is never claimed.
        mode: Whether less ("min") or more ("max") is better.
        rounding: An interval no wider is how numbers round and says nothing of noise.
    """
    n = len(difference.values)
    if n < MIN_PAIRS or difference.interval is None:
        return Ruling("undecided", f"n = {n} paired seeds, a verdict needs {MIN_PAIRS}", "seeds")
    low, high = difference.interval
    if high - low <= rounding:
        spread = max(difference.values) - min(difference.values)
        why = f"the {n} seeds give one and the same difference: no spread to judge by"
        if spread > rounding * _DOUBLE:
            why = (
                f"the {n} differences lie as close together as single precision rounds scores of "
                f"this size, {rounding:.2g}: no spread to judge by"
            )
        return Ruling("undecided", why, "spread")
    if margin is not None and -margin <= low and high <= margin:
        return Ruling("equivalent", f"the interval lies inside the margin ±{margin:g}")
    if low <= 0 <= high:
        beyond = f" and reaches beyond the margin ±{margin:g}" if margin is not None else ""
        return Ruling("undecided", f"the interval contains 0{beyond}", "seeds")
    better = (high < 0) == (mode == "min")
    verdict = "better" if better else "worse"
    return Ruling(verdict, f"the interval excludes 0 in {n} paired seeds")


def summary(
    values: Sequence[float], alpha: float = ALPHA, least_sd: float = 0.0
) -> tuple[float, float | None, Interval | None]:
    """Mean, standard deviation and t interval of the mean; the latter two need two values.

    The interval rests on no smaller a standard deviation than `least_sd`.
    """
    mean = float(statistics.mean(values))
    if len(values) < 2:
        return mean, None, None
    from scipy.special import stdtrit  # an eighth of the import time of scipy.stats

    sd = float(statistics.stdev(values))
    half = float(stdtrit(len(values) - 1, 1 - alpha / 2)) * max(sd, least_sd)
    half /= math.sqrt(len(values))
    return mean, sd, (mean - half, mean + half)
