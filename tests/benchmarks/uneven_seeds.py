#!/usr/bin/env python
"""How often a verdict is false where arms alone are skewed or diverge at times, and what is told.

    python tests/benchmarks/uneven_seeds.py [SWEEPS]

Sweeps of three such arms and a normal baseline, all of equal mean, through the functions that judge
real ones. Prints the share with a false verdict by the t interval and by exact sign-flips, how
often a row's own interval covers, and how often an arm is called uneven, normal ones too. Then the
sign test, which asks who is ahead in most seeds: how often it errs where both are ahead in half of
them, and its price: how often it finds normal differences of 2 sd.
"""

from itertools import product

import numpy
from command_line import options_of, parser_of
from null_sweeps import ARMS, verdicts

from infra.answer.uneven import by_signs, uneven
from infra.answer.verdicts import Sample, paired, share_of_alpha, summary

ALPHA = share_of_alpha(ARMS)
QUIET = 0.1  # sd of the baseline where it is quiet, else 1
# A normal draw and a uniform one, as a score, with its mean; scores vary by 1 to 9.
ODD = {
    "normal": (lambda z, u: z, 0.0),
    "exponential": (lambda z, u: -numpy.log(u), 1.0),
    "log-normal, sigma 1": (lambda z, u: numpy.exp(z), numpy.exp(0.5)),
    "log-normal, sigma 1.5": (lambda z, u: numpy.exp(1.5 * z), numpy.exp(1.125)),
    "one seed in ten off by 5 sd": (lambda z, u: z + 5 * (u < 0.1), 0.5),
    "one seed in ten off by 30 sd": (lambda z, u: z + 30 * (u < 0.1), 3.0),
    "one seed in five off by 10 sd": (lambda z, u: z + 10 * (u < 0.2), 2.0),
}


def scores(name: str, rng: numpy.random.Generator, seeds: int, sd: float) -> numpy.ndarray:
    """Of the baseline and the arms, (arms + baseline, seeds), all of mean 0."""
    draw, mean = ODD[name]
    arms = draw(rng.standard_normal((ARMS, seeds)), rng.random((ARMS, seeds))) - mean
    return numpy.vstack([sd * rng.standard_normal((1, seeds)), arms])


def flipped(gaps: numpy.ndarray) -> bool:
    """Whether exact sign-flips reject a symmetric spread around 0 in any of the arms."""
    n = gaps.shape[1]
    signs = numpy.array([(1, *rest) for rest in product((1, -1), repeat=n - 1)])
    sums = abs(gaps @ signs.T)
    return bool(((sums >= sums[:, :1] * (1 - 1e-12)).mean(-1) <= ALPHA).any())


def warned(gaps: numpy.ndarray) -> list[bool]:
    """Which arms of the sweep are called uneven."""
    seeds = tuple(range(gaps.shape[1]))
    samples = [Sample(seeds, tuple(arm.tolist())) for arm in gaps]
    return [bool(uneven(paired(seeds, one.values, ALPHA), one, ARMS)) for one in samples]


def signed(gaps: numpy.ndarray) -> list[str]:
    """What the sign test says of each arm."""
    seeds = tuple(range(gaps.shape[1]))
    told = (by_signs(paired(seeds, tuple(arm.tolist()), ALPHA), ALPHA, "min") for arm in gaps)
    return [text.partition(",")[0] for text in told]


def covered(own: numpy.ndarray) -> float:
    """Share of the arms' own 95 % intervals that hold their mean, 0."""
    ends = [summary(arm.tolist())[2] for arm in own]
    return sum(end is not None and end[0] <= 0 <= end[1] for end in ends) / len(ends)


def row(name: str, sd: float, sweeps: int) -> list[float]:
    """The figures of the first table."""
    rng, told, false = numpy.random.default_rng(5), [], []
    for _ in range(sweeps):
        drawn = {n: scores(name, rng, n, sd) for n in (3, 5, 8, 12)}
        gaps = {n: one[1:] - one[0] for n, one in drawn.items()}
        by_t = {n: [v != "undecided" for v in verdicts(drawn[n], None, 0)] for n in (3, 5, 8)}
        looks = verdicts(drawn[12], None, 12) != ["undecided"] * ARMS
        called = {n: warned(gaps[n]) for n in gaps}
        t, calls = map(any, by_t.values()), map(any, called.values())
        told.append([*t, looks, flipped(gaps[8]), covered(drawn[5][1:]), *calls])
        false += [call for call, wrong in zip(called[8], by_t[8], strict=True) if wrong]
    return [*numpy.mean(numpy.array(told, float), axis=0), sum(false) / max(1, len(false))]


def false_signs(name: str, seeds: int, sweeps: int) -> float:
    """Share of sweeps with a false verdict by signs where arms are ahead in half of all seeds."""
    rng, bad = numpy.random.default_rng(6), 0
    many = scores(name, rng, 100_000, QUIET)
    middle = numpy.median(many[1:] - many[0])
    for _ in range(sweeps):
        drawn = scores(name, rng, seeds, QUIET)
        bad += signed(drawn[1:] - drawn[0] - middle) != ["undecided"] * ARMS
    return bad / sweeps


def found(seeds: int, sweeps: int) -> tuple[float, float]:
    """Share of normal differences of 2 sd found by the t interval and by signs."""
    rng, counts = numpy.random.default_rng(7), numpy.zeros(2)
    for _ in range(sweeps):
        drawn = rng.standard_normal((ARMS + 1, seeds)) / numpy.sqrt(2)
        drawn[1] -= 2.0
        by_t = verdicts(drawn, None, 0)[0] == "better"
        counts += by_t, signed(drawn[1:2] - drawn[0])[0] == "better"
    return counts[0] / sweeps, counts[1] / sweeps


def main() -> None:
    """Three tables in Markdown."""
    parser = parser_of(__doc__)
    parser.add_argument("sweeps", type=int, nargs="?", default=2_000)
    sweeps = options_of(parser, sweeps=5).sweeps
    print(
        "| arms, baseline | t: 3 seeds | 5 | 8 | 3, 5, 8, 12 | sign-flips: 8 | a row covers |",
        end="",
    )
    print(" called uneven: 3 | 5 | 8 | 12 | of the false at 8 |\n|" + "---|" * 12)
    for name in ODD:
        for sd, how in ((1.0, "alike"), (QUIET, "quiet")):
            told = " | ".join(f"{value:.3f}" for value in row(name, sd, sweeps))
            print(f"| {name}, {how} | {told} |", flush=True)
    print("\n| ahead in half of the seeds, false by signs | 8 seeds | 12 |\n|---|---|---|")
    for name in ODD:
        rates = [f"{false_signs(name, n, sweeps):.3f}" for n in (8, 12)]
        print(f"| {name} | {' | '.join(rates)} |", flush=True)
    print("\n| 2 sd, found | t | signs |\n|---|---|---|")
    for seeds in (3, 5, 8, 12):
        print(f"| {seeds} seeds | {' | '.join(f'{v:.2f}' for v in found(seeds, sweeps))} |")


if __name__ == "__main__":
    main()
