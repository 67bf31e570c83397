"""The one function that decides between two arms, in fixed and in sequential sweeps.

Differences are paired by seed and judged by simultaneous t intervals: the error of 5 % is shared by
all comparisons to the baseline (Bonferroni), and in a sequential sweep by all looks at them as well
(the oldest and plainest alpha spending), so that stopping at a verdict costs nothing in validity.
`tests/benchmarks/null_sweeps.py` simulates this very function.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ALPHA, MIN_PAIRS = 0.05, 3
LOOKS = (3, 5, 8, 12, 18, 27, 40)  # seeds at which a sequential sweep looks, each half as many more

Interval = tuple[float, float]
Verdict = Literal["better", "worse", "equivalent", "undecided", ""]


@dataclass(frozen=True)
class Sample:
    """Differences of an arm to the baseline, seed by seed in declared order.

    Attributes:
        seeds: The seeds in which both arms finished.
        values: Arm minus baseline.
        resolution: An interval no wider is how numbers round and says nothing of noise.
    """

    seeds: tuple[int, ...]
    values: tuple[float, ...]
    resolution: float = 0.0


@dataclass(frozen=True)
class Difference:
    """An arm minus the baseline, seed by seed; the interval needs two pairs."""

    seeds: tuple[int, ...]
    values: tuple[float, ...]
    mean: float
    interval: Interval | None


def judge_pair(
    sample: Sample, comparisons: int, margin: float | None, mode: str, max_seeds: int = 0
) -> tuple[Difference, Verdict, str]:
    """What a sample says of an arm, with the difference that says it and the reason.

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
        if told[1] != "undecided":
            break
        told = _look(sample, n, alpha, margin, mode)
    return told


def _look(
    sample: Sample, n: int, alpha: float, margin: float | None, mode: str
) -> tuple[Difference, Verdict, str]:
    difference = paired(sample.seeds[:n], sample.values[:n], alpha)
    return difference, *decide(difference, margin, mode, sample.resolution)


def seeds_to_decide(difference: Difference, margin: float | None, alpha: float) -> int:
    """About how many seeds would give a verdict if mean and spread stayed what they are.

    0 where a hundred would not do, or there is no spread yet. For planning only.
    """
    from scipy.special import stdtrit

    if len(difference.values) < 2 or not (sd := statistics.stdev(difference.values)):
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


def paired(seeds: Sequence[int], values: Sequence[float], alpha: float) -> Difference:
    """The mean of paired differences with its t interval at level 1 - `alpha`."""
    mean, _, interval = summary(values, alpha)
    return Difference(tuple(seeds), tuple(values), mean, interval)


def decide(
    difference: Difference, margin: float | None, mode: str, resolution: float = 0.0
) -> tuple[Verdict, str]:
    """What an interval says: inside the margin, else off 0, else nothing.

    Args:
        difference: Between paired seeds.
        margin: What does not matter; None means that equivalence is never claimed.
        mode: Whether less ("min") or more ("max") is better.
        resolution: An interval no wider is how numbers round and says nothing of noise.
    """
    n = len(difference.values)
    if n < MIN_PAIRS or difference.interval is None:
        return "undecided", f"n = {n} paired seeds, a verdict needs {MIN_PAIRS}"
    low, high = difference.interval
    if high - low <= resolution:
        return "undecided", f"the {n} seeds give one and the same difference: no spread to judge by"
    if margin is not None and -margin <= low and high <= margin:
        return "equivalent", f"the interval lies inside the margin ±{margin:g}"
    if low <= 0 <= high:
        beyond = f" and reaches beyond the margin ±{margin:g}" if margin is not None else ""
        return "undecided", f"the interval contains 0{beyond}"
    better = (high < 0) == (mode == "min")
    return ("better" if better else "worse"), f"the interval excludes 0 in {n} paired seeds"


def summary(
    values: Sequence[float], alpha: float = ALPHA
) -> tuple[float, float | None, Interval | None]:
    """Mean, standard deviation and t interval of the mean; the latter two need two values."""
    mean = float(statistics.mean(values))
    if len(values) < 2:
        return mean, None, None
    from scipy.special import stdtrit  # an eighth of the import time of scipy.stats

    sd = float(statistics.stdev(values))
    half = float(stdtrit(len(values) - 1, 1 - alpha / 2)) * sd / math.sqrt(len(values))
    return mean, sd, (mean - half, mean + half)
