"""Paired differences that are far from even, and what their signs alone say.

Where an arm alone is skewed or diverges in some seeds, a t interval misses far more often than it
tells, and no other interval of the mean holds at a few seeds either. What holds of any distribution
is the sign test: whether an arm is ahead in more than half of all seeds. It asks for more seeds.
`tests/benchmarks/uneven_seeds.py` measures all of it.
"""

import math
import statistics
from collections.abc import Sequence

from infra.answer.board import Row
from infra.answer.verdicts import MIN_PAIRS, Difference, Sample, share_of_alpha
from infra.study.plan import Plan
from infra.words import joined

_ALARM = 0.015  # of sweeps of normal differences in which an arm is called uneven, at most
_SEEDS_WITH_A_SHAPE = 8  # fewest for D'Agostino's test; below it is one seed that shows


def uneven(difference: Difference, sample: Sample, comparisons: int) -> str:
    """Why a t interval may mislead here, "" where the differences are as even as normal ones.

    Args:
        difference: Of an arm to the baseline.
        sample: What it was taken of.
        comparisons: How many arms share the false alarms.
    """
    values, alarm = difference.values, _ALARM / max(1, comparisons)
    known = sorted(values)
    points = 1 + sum(b - a > sample.rounding for a, b in zip(known, known[1:], strict=False))
    if points < MIN_PAIRS or difference.sd is None or difference.sd < sample.resolution:
        return ""  # a count, the spread of which so few seeds do not show
    if len(values) < _SEEDS_WITH_A_SHAPE:
        at, chance = _furthest(values, max(sample.resolution / 2, sample.rounding))
        return f"seed {difference.seeds[at]} lies far from the others" if chance < alarm else ""
    from scipy.stats import skewtest

    return "far from symmetric" if float(skewtest(values).pvalue) < alarm else ""


def _furthest(values: Sequence[float], least_sd: float) -> tuple[int, float]:
    """The place of the value furthest from the mean, and how likely one so far is.

    It is Grubbs' test, told by prediction: the value against mean and spread of the others.
    """
    from scipy.special import stdtr

    n, mean = len(values), math.fsum(values) / len(values)
    at = max(range(n), key=lambda place: abs(values[place] - mean))
    others = [*values[:at], *values[at + 1 :]]
    error = max(statistics.stdev(others), least_sd) * math.sqrt(1 + 1 / len(others))
    off = abs(values[at] - statistics.mean(others))
    return at, min(1.0, 2 * n * float(stdtr(n - 2, -off / error if error else -math.inf)))


def by_signs(difference: Difference, alpha: float, mode: str) -> str:
    """What the exact two-sided sign test says at this level; seeds without a difference count not.

    Of n seeds no test of signs gives less than 2 / 2**n, so `fewest_seeds` are needed.
    """
    from scipy.special import bdtr

    gaps = [gap for gap in difference.values if gap]
    ahead = sum((gap < 0) == (mode == "min") for gap in gaps)
    fewer = min(ahead, len(gaps) - ahead)
    chance = min(1.0, 2 * float(bdtr(fewer, len(gaps), 0.5))) if gaps else 1.0
    verdict = "undecided" if chance > alpha else "worse" if fewer == ahead else "better"
    return f"{verdict}, ahead in {ahead} of {len(gaps)} seeds"


def fewest_seeds(alpha: float) -> int:
    """With how many seeds the sign test can decide, if all of them point one way."""
    return math.ceil(1 - math.log2(alpha))


def uneven_note(plan: Plan, rows: Sequence[Row]) -> list[str]:
    """One line that names the arms on which a t interval may mislead, none where there are none."""
    told = [row for row in rows if row.uneven]
    if not told:
        return []
    alpha = share_of_alpha(plan.comparisons, plan.max_seeds)
    reasons = joined(f"{row.arm} ({row.uneven})" for row in told)
    signs = joined(f"{row.arm} {row.by_signs}" for row in told)
    return [
        f"uneven over seeds: {reasons}; there a t interval misses the mean more often than it "
        f"tells. The exact sign test, which asks who is ahead in most seeds: {signs}; it decides "
        f"nothing under {fewest_seeds(alpha)} seeds"
    ]
