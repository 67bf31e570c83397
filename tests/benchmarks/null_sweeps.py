#!/usr/bin/env python
"""How often the product would say something false, and how often something true is found.

    python tests/benchmarks/null_sweeps.py [SWEEPS]

Simulates sweeps through `infra.answer.verdicts.judge_pair`, the function that decides real ones:
without any difference (family-wise false "better" or "worse"), with differences of exactly the
margin (false "equivalent"), and with one of 1, 2 or 3 sd of the paired difference (power).
Prints the shares of such sweeps in two tables, and those where a fixed sweep is made sequential. A
third tells what no rule for means can hold: arms alone are skewed or diverge at times, all means
are equal, and the baseline is normal with a standard deviation of 1 or of .1.
"""

from collections.abc import Callable

import numpy
from command_line import options_of, parser_of

from infra.answer.verdicts import ALPHA, MIN_PAIRS, Sample, judge_pair, summary

ARMS = 3  # beside the baseline
SEEDS, MOST = 5, 12

Draw = Callable[[numpy.random.Generator, int], numpy.ndarray]  # (arms + baseline, seeds)


def normal(*sds: float, shared: float = 0.0) -> Draw:
    """Independent normal scores with these standard deviations, and a part that all arms share."""

    def draw(rng: numpy.random.Generator, seeds: int) -> numpy.ndarray:
        own = rng.standard_normal((ARMS + 1, seeds)) * numpy.array(sds)[:, None]
        return own + shared * rng.standard_normal(seeds)

    return draw


NULLS: dict[str, Draw] = {
    "equal spread": normal(1, 1, 1, 1),
    "one arm 3 times as noisy": normal(1, 3, 1, 1),
    "one arm 250 times as noisy": normal(1, 250, 1, 1),
    "baseline 3 times as noisy": normal(3, 1, 1, 1),
    "seeds in common (r = .9)": normal(1, 1, 1, 1, shared=3.0),
    "heavy tails (t, 3 degrees)": lambda rng, n: rng.standard_t(3, (ARMS + 1, n)),
    "counted in steps of one sd": lambda rng, n: numpy.round(rng.standard_normal((ARMS + 1, n))),
    "counted in steps of 4 sd": lambda rng, n: numpy.round(
        rng.standard_normal((ARMS + 1, n)) / 4 + 0.5
    ),
    "two points (half of the seeds)": lambda rng, n: (rng.random((ARMS + 1, n)) < 0.5) * 1.0,
    "two points (one in five)": lambda rng, n: (rng.random((ARMS + 1, n)) < 0.2) * 1.0,
}

QUIET = 0.1  # sd of a quiet baseline
# A normal and a uniform draw to a score, and its mean; scores have an sd of 1 to 9.
ODD: dict[str, tuple[Callable[..., numpy.ndarray], float]] = {
    "exponential": (lambda z, u: -numpy.log(u), 1.0),
    "log-normal, sigma 1": (lambda z, u: numpy.exp(z), numpy.exp(0.5)),
    "log-normal, sigma 1.5": (lambda z, u: numpy.exp(1.5 * z), numpy.exp(1.125)),
    "one seed in ten off by 5 sd": (lambda z, u: z + 5 * (u < 0.1), 0.5),
    "one seed in ten off by 30 sd": (lambda z, u: z + 30 * (u < 0.1), 3.0),
    "one seed in five off by 10 sd": (lambda z, u: z + 10 * (u < 0.2), 2.0),
}


def odd(name: str, baseline_sd: float) -> Draw:
    """Arms that alone are spread like that beside a normal baseline, all of mean 0."""
    score, mean = ODD[name]

    def draw(rng: numpy.random.Generator, seeds: int) -> numpy.ndarray:
        arms = score(rng.standard_normal((ARMS, seeds)), rng.random((ARMS, seeds))) - mean
        return numpy.vstack([baseline_sd * rng.standard_normal((1, seeds)), arms])

    return draw


def verdicts(scores: numpy.ndarray, margin: float | None, max_seeds: int) -> list[str]:
    """What is said of each arm; whole scores move in steps of 1, as the study would declare."""
    seeds = tuple(range(scores.shape[1]))
    step = float(not numpy.mod(scores, 1).any())
    samples = (Sample(seeds, tuple((arm - scores[0]).tolist()), 1e-12, step) for arm in scores[1:])
    return [
        judge_pair(sample, len(scores) - 1, margin, "min", max_seeds)[1].verdict
        for sample in samples
    ]


def false_rate(draw: Draw, sweeps: int, max_seeds: int, shift: float = 0.0) -> float:
    """Share of sweeps with any false verdict; with a shift of the margin it is "equivalent"."""
    rng = numpy.random.default_rng(1)
    wrong = {"equivalent"} if shift else {"better", "worse"}
    seeds, bad = max_seeds or SEEDS, 0
    for _ in range(sweeps):
        scores = draw(rng, seeds)
        scores[1:] += shift
        bad += bool(wrong & set(verdicts(scores, shift or None, max_seeds)))
    return bad / sweeps


def row_covers(draw: Draw, sweeps: int) -> float:
    """Share of arms whose own 95 % interval holds their mean, 0."""
    rng, held = numpy.random.default_rng(8), 0
    for _ in range(sweeps):
        ends = [summary(arm.tolist())[2] for arm in draw(rng, SEEDS)[1:]]
        held += sum(end is not None and end[0] <= 0 <= end[1] for end in ends)
    return held / sweeps / ARMS


def false_rate_after_a_look(sweeps: int, arms: int) -> float:
    """Share with a false verdict where a fixed sweep of three seeds is made sequential.

    Where all arms have their verdict it stays fixed; else all are judged as from the first look on.
    """
    rng, bad = numpy.random.default_rng(3), 0
    for _ in range(sweeps):
        scores = rng.standard_normal((arms + 1, MOST))
        told = verdicts(scores[:, :MIN_PAIRS], None, 0)
        if "undecided" in told:
            told = verdicts(scores, None, MOST)
        bad += told != ["undecided"] * arms
    return bad / sweeps


def power(effect_sd: float, seeds: int, sweeps: int) -> float:
    """Share of sweeps that find an arm better by so many sd of the paired difference."""
    rng, found = numpy.random.default_rng(2), 0
    for _ in range(sweeps):
        scores = rng.standard_normal((ARMS + 1, seeds)) / numpy.sqrt(2)
        scores[1] -= effect_sd
        found += verdicts(scores, None, 0)[0] == "better"
    return found / sweeps


def main() -> None:
    """Three tables in Markdown."""
    parser = parser_of(__doc__)
    parser.add_argument("sweeps", type=int, nargs="?", default=20_000)
    sweeps = options_of(parser, sweeps=20).sweeps
    limit = ALPHA + 3 * (ALPHA * (1 - ALPHA) / sweeps) ** 0.5
    print(f"{sweeps:,} sweeps of {ARMS} arms and a baseline; {limit:.4f} is the limit\n")
    print(f"| no difference | {SEEDS} seeds | 3, 5, 8, {MOST} seeds |")
    print("|---|---|---|")
    for name, draw in NULLS.items():
        rates = (false_rate(draw, sweeps, most) for most in (0, MOST))
        print(f"| {name} |", " | ".join(f"{rate:.4f}" for rate in rates), "|")
    rates = (false_rate(NULLS["equal spread"], sweeps, most, shift=2.0) for most in (0, MOST))
    print(
        "| all arms off by the margin: any called equivalent |",
        " | ".join(f"{r:.4f}" for r in rates),
        "|",
    )
    rates = [f"{false_rate_after_a_look(sweeps, arms):.4f}" for arms in (1, ARMS)]
    print("\n3 seeds, then --until-decided: {} with one arm, {} with three".format(*rates))
    print("\n| difference / sd | 3 seeds | 5 seeds | 8 seeds |")
    print("|---|---|---|---|")
    for effect in (1.0, 2.0, 3.0):
        rates = (power(effect, seeds, sweeps // 4) for seeds in (3, 5, 8))
        print(f"| {effect:g} |", " | ".join(f"{rate:.2f}" for rate in rates), "|")
    print(
        f"\n| means equal, arms alone are | {SEEDS} seeds | baseline quiet | 3, 5, 8, {MOST} |",
        end="",
    )
    print(" baseline quiet | a row's interval covers |\n|---|---|---|---|---|---|")
    for name in ODD:
        draws = odd(name, 1.0), odd(name, QUIET)
        rates = [false_rate(draw, sweeps // 4, most) for most in (0, MOST) for draw in draws]
        told = [*rates, row_covers(draws[0], sweeps // 4)]
        print(f"| {name} | {' | '.join(f'{rate:.2f}' for rate in told)} |", flush=True)


if __name__ == "__main__":
    main()
