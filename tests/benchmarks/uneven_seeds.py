#!/usr/bin/env python
"""How often arms are called uneven over seeds, and what the signs of differences are worth.

    python tests/benchmarks/uneven_seeds.py [SWEEPS]

Sweeps of three arms that alone are skewed or diverge at times beside a quiet normal baseline, all
means equal, and of normal ones. Prints how often an arm is called uneven, how many of the arms with
a false verdict by t are, and how often exact sign-flips of the differences err as well. Then the
sign test, which asks who is ahead in most seeds: how often it errs where both are ahead in half of
them, and its price: how often it finds a normal difference of 2 sd.
"""

from itertools import product

import numpy
from command_line import options_of, parser_of
from null_sweeps import ARMS, ODD, QUIET, Draw, normal, odd, verdicts

from infra.answer.uneven import by_signs, uneven
from infra.answer.verdicts import Sample, paired, share_of_alpha

ALPHA = share_of_alpha(ARMS)
SEEDS = 3, 5, 8, 12
DRAWS: dict[str, Draw] = {
    "normal": normal(QUIET, 1, 1, 1),
    **{name: odd(name, QUIET) for name in ODD},
}


def gaps_of(scores: numpy.ndarray) -> list[Sample]:
    """The paired differences of each arm."""
    seeds = tuple(range(scores.shape[1]))
    return [Sample(seeds, tuple((arm - scores[0]).tolist())) for arm in scores[1:]]


def called(scores: numpy.ndarray) -> list[bool]:
    """Which arms of the sweep are called uneven."""
    told = ((paired(one.seeds, one.values, ALPHA), one) for one in gaps_of(scores))
    return [bool(uneven(difference, one, ARMS)) for difference, one in told]


def flipped(scores: numpy.ndarray) -> bool:
    """Whether exact sign-flips find that any arm's differences are not symmetric around 0."""
    signs = numpy.array([(1, *rest) for rest in product((1, -1), repeat=scores.shape[1] - 1)])
    sums = abs((scores[1:] - scores[0]) @ signs.T)
    return bool(((sums >= sums[:, :1] * (1 - 1e-12)).mean(-1) <= ALPHA).any())


def by_sign(scores: numpy.ndarray) -> list[str]:
    """The verdict of the sign test on each arm."""
    told = (paired(one.seeds, one.values, ALPHA) for one in gaps_of(scores))
    return [by_signs(difference, ALPHA, "min").partition(",")[0] for difference in told]


def row(draw: Draw, sweeps: int) -> list[float]:
    """The figures of the first table."""
    rng, told, false = numpy.random.default_rng(5), [], []
    for _ in range(sweeps):
        drawn = {n: draw(rng, n) for n in SEEDS}
        calls = {n: called(scores) for n, scores in drawn.items()}
        told.append([*map(any, calls.values()), flipped(drawn[8])])
        by_t = verdicts(drawn[8], None, 0)
        false += [call for call, v in zip(calls[8], by_t, strict=True) if v != "undecided"]
    uneven_at, flips = numpy.split(numpy.mean(numpy.array(told, float), axis=0), [len(SEEDS)])
    return [*uneven_at, sum(false) / max(1, len(false)), *flips]


def false_by_sign(draw: Draw, seeds: int, sweeps: int) -> float:
    """Share of sweeps with a verdict by signs where every arm is ahead in half of all seeds."""
    rng, bad = numpy.random.default_rng(6), 0
    many = draw(rng, 100_000)
    middle = numpy.median(many[1:] - many[0])
    for _ in range(sweeps):
        scores = draw(rng, seeds)
        scores[0] += middle
        bad += by_sign(scores) != ["undecided"] * ARMS
    return bad / sweeps


def found(seeds: int, sweeps: int) -> list[float]:
    """Share of normal differences of 2 sd found by the t interval and by signs."""
    rng, counts = numpy.random.default_rng(7), numpy.zeros(2)
    for _ in range(sweeps):
        scores = rng.standard_normal((ARMS + 1, seeds)) / numpy.sqrt(2)
        scores[1] -= 2.0
        counts += verdicts(scores, None, 0)[0] == "better", by_sign(scores[:2])[0] == "better"
    return (counts / sweeps).tolist()


def main() -> None:
    """Two tables in Markdown."""
    parser = parser_of(__doc__)
    parser.add_argument("sweeps", type=int, nargs="?", default=4_000)
    sweeps = options_of(parser, sweeps=5).sweeps
    print(f"| arms alone are | called uneven: {' | '.join(map(str, SEEDS))} seeds |", end="")
    print(" of the false at 8 | false by sign-flips, 8 | by signs, 8 | 12 |\n|" + "---|" * 9)
    for name, draw in DRAWS.items():
        rates = [*row(draw, sweeps), *(false_by_sign(draw, n, sweeps) for n in (8, 12))]
        print(f"| {name} | {' | '.join(f'{rate:.3f}' for rate in rates)} |", flush=True)
    print("\n| 2 sd, found | t | signs |\n|---|---|---|")
    for seeds in SEEDS:
        print(f"| {seeds} seeds | {' | '.join(f'{v:.2f}' for v in found(seeds, sweeps))} |")


if __name__ == "__main__":
    main()
