#!/usr/bin/env python
"""What a step-down of the error would find more than equal shares, and what it would cost.

    python tests/benchmarks/step_down.py [SWEEPS]

Sweeps of three arms and a baseline, five seeds, normal scores. Equal shares (Bonferroni) are what
the product takes. Holm's shares are 1/3, 1/2 and all of the error, by rising p: it says "not 0" and
neither a direction nor an interval of a decided arm. The directed step-down (one tail for an arm
that is decided, two for one that is not) has compatible intervals, see Guilbaud 2008 and
Strassburger & Bretz 2008: a decided arm's ends at 0 until all arms are decided.
"""

from collections.abc import Callable

import numpy
from command_line import options_of, parser_of
from scipy.special import stdtr, stdtrit

from infra.answer.verdicts import ALPHA

ARMS, SEEDS = 3, 5
_LEFT = numpy.arange(ARMS, 0, -1)  # arms that are not decided yet, step by step
LEVELS = {  # two-sided, of the arm with the smallest p and those that follow
    "equal shares (taken)": numpy.full(ARMS, ALPHA / ARMS),
    "directed step-down": 2 * ALPHA / (ARMS + _LEFT),
    "Holm": ALPHA / _LEFT,
}
EFFECTS = {"no arm counts": (0, 0, 0), "one counts": (2, 0, 0), "all count": (2, 2, 2)}


def differences(rng: numpy.random.Generator, effects: tuple[float, ...], sweeps: int):
    """Paired, (sweeps, arms, seeds), in units of their own standard deviation."""
    scores = rng.standard_normal((sweeps, ARMS + 1, SEEDS)) / numpy.sqrt(2)
    return scores[:, 1:] - scores[:, :1] + numpy.array(effects)[:, None]


def decided(gaps: numpy.ndarray, levels: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Which arms are decided (sweeps, arms), and the level at which each was last looked at."""
    t = gaps.mean(-1) / (gaps.std(-1, ddof=1) / SEEDS**0.5)
    p = 2 * stdtr(SEEDS - 1, -abs(t))
    order = p.argsort(-1)
    passed = numpy.logical_and.accumulate(numpy.take_along_axis(p, order, -1) <= levels, -1)
    steps = numpy.minimum(passed.sum(-1, keepdims=True), ARMS - 1)
    rank = order.argsort(-1)
    return numpy.take_along_axis(passed, rank, -1), levels[numpy.minimum(rank, steps)]


def missed(gaps: numpy.ndarray, effects: tuple[float, ...], level: numpy.ndarray) -> float:
    """Share of sweeps in which a plain interval at the arm's own level misses its truth."""
    half = stdtrit(SEEDS - 1, 1 - level / 2) * gaps.std(-1, ddof=1) / SEEDS**0.5
    return float((abs(gaps.mean(-1) - numpy.array(effects)) > half).any(-1).mean())


def row(name: str, sweeps: int, draw: Callable[[tuple[float, ...]], numpy.ndarray]) -> str:
    """Errors, finds, and what becomes of the intervals, of one way to share the error."""
    levels, told = LEVELS[name], []
    for effects in list(EFFECTS.values())[:2]:
        found, _ = decided(draw(effects), levels)
        told.append(f"{found[:, numpy.equal(effects, 0)].any(-1).mean():.3f}")
    gaps = draw(EFFECTS["all count"])
    found, level = decided(gaps, levels)
    told.append(f"{found.mean():.2f}")
    told.append(f"{missed(gaps, EFFECTS['all count'], level):.3f}")
    cut = found & ~found.all(-1, keepdims=True)
    told.append("-" if name.startswith("equal") else f"{cut.sum() / found.sum():.2f}")
    return f"| {name} | {' | '.join(told)} |"


def main() -> None:
    """A table in Markdown."""
    parser = parser_of(__doc__)
    parser.add_argument("sweeps", type=int, nargs="?", default=100_000)
    sweeps = options_of(parser, sweeps=100).sweeps
    print("| shares | false, no arm counts | false, one counts | found, all count |", end="")
    print(" a plain interval misses | decided arms whose interval would end at 0 |")
    print("|---|---|---|---|---|---|")
    for name in LEVELS:
        print(row(name, sweeps, lambda e: differences(numpy.random.default_rng(4), e, sweeps)))


if __name__ == "__main__":
    main()
