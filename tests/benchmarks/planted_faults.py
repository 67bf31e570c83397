#!/usr/bin/env python
"""How many planted faults are found in made-up runs, and how many healthy runs are called ill.

The plain kinds are below, realistic families in `curve_families.py`. Seeds 1 to 4 are what the
thresholds of infra/answer/diagnosis.py were looked at with; 21 to 24 were drawn once they stood.
A decay is planted at ten sd of the noise or more, since what noise hides is not asked for.

    python tests/benchmarks/planted_faults.py [SEED ...]

Prints, for each seed, what was said of each kind of run, and three shares: of faults that were
named rightly, of those found at all, and of healthy runs that were called ill.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from command_line import options_of, parser_of
from curve_families import HEALTHY_FAMILIES, ILL_FAMILIES, Made
from curve_families import noisy as _noisy
from curve_families import share as _share

from infra.answer.diagnosis import diagnose
from infra.ledger.records import Point

METRIC = "val/score"
HEALTHY, ILL = 50, 20  # instances per kind
LN_K = math.log(1024)


def _length(rng: Random) -> int:
    return rng.choice([8, 12, 20, 40, 100])


def _falling(rng: Random, n: int, start: float = 7.0, end: float = 3.0) -> list[float]:
    """A power law from start towards end."""
    power = rng.uniform(0.4, 1.2)
    return [end + (start - end) * (1 + 20 * i / n) ** -power for i in range(n)]


# Healthy


def power_law(rng: Random) -> Made:
    return Made(_noisy(rng, _falling(rng, _length(rng)), rng.uniform(0, 0.15)))


def noisy_plateau(rng: Random) -> Made:
    n = _length(rng)
    return Made(_noisy(rng, [7.0] + [4.0] * (n - 1), rng.uniform(0.02, 0.3)))


def slow_linear(rng: Random) -> Made:
    n, gain = _length(rng), rng.uniform(0.5, 3)
    line = [7 - gain * _share(i, n) for i in range(n)]
    return Made(_noisy(rng, line, gain * rng.uniform(0, 0.12)))


def step_like(rng: Random) -> Made:
    n, at = _length(rng), rng.uniform(0.1, 0.6)
    steps = [LN_K if _share(i, n) < at else 4.0 for i in range(n)]
    return Made(_noisy(rng, steps, rng.uniform(0, 0.1)), chance=(LN_K - 0.05, LN_K + 0.5))


def accuracy(rng: Random) -> Made:
    """Counted over 256 examples, so that it moves in steps."""
    n, top, pace = _length(rng), rng.uniform(0.4, 0.95), rng.uniform(2, 8)
    rises = [0.1 + (top - 0.1) * (1 - math.exp(-pace * _share(i, n))) for i in range(n)]
    values = [round(256 * v) / 256 for v in _noisy(rng, rises, rng.uniform(0.005, 0.03))]
    return Made(values, "max", (0.06, 0.15))


def wandering_plateau(rng: Random) -> Made:
    """Noise that lasts over points, as that of a moving average does."""
    n, sd, drift, values = _length(rng), rng.uniform(0.02, 0.1), 0.0, []
    for fall in _falling(rng, n):
        drift = 0.6 * drift + rng.gauss(0, sd)
        values.append(fall + drift)
    return Made(values)


def spike_recovered(rng: Random) -> Made:
    n = _length(rng)
    values = _noisy(rng, _falling(rng, n), 0.05)
    values[rng.randrange(2, n - 3)] += rng.uniform(0.5, 8)
    return Made(values)


def exact_step(rng: Random) -> Made:
    """A toy task that is solved at one point and stays so to the last digit."""
    n, at = _length(rng), rng.uniform(0.1, 0.6)
    return Made([0.5 if _share(i, n) < at else 1.0 for i in range(n)], "max")


def hits_gained(rng: Random) -> Made:
    """Hits among 256 beyond those of the start, so that it begins at 0."""
    n, top, pace = _length(rng), rng.uniform(20, 200), rng.uniform(2, 8)
    rises = [top * (1 - math.exp(-pace * _share(i, n))) for i in range(n)]
    return Made([0.0] + [round(v) / 256 for v in _noisy(rng, rises, 1.5)[1:]], "max")


# Ill


def nan_reported(rng: Random) -> Made:
    values = power_law(rng).values
    values[rng.randrange(1, len(values))] = rng.choice([math.nan, math.inf])
    return Made(values)


def explodes_at_once(rng: Random) -> Made:
    n, rate = _length(rng), rng.uniform(2, 12)
    return Made(_noisy(rng, [2 * math.exp(rate * _share(i, n)) for i in range(n)], 0.05))


def explodes_late(rng: Random) -> Made:
    n = _length(rng)
    fine, at, far = _noisy(rng, _falling(rng, n), 0.1), rng.uniform(0.4, 0.75), rng.uniform(30, 1e6)
    return Made([v if _share(i, n) < at else far * (1 + rng.random()) for i, v in enumerate(fine)])


def loss_at_ln_k(rng: Random) -> Made:
    n = _length(rng)
    return Made(_noisy(rng, [LN_K] * n, 0.008), chance=(LN_K - 0.05, LN_K + 0.5))


def loss_up_to_ln_k(rng: Random) -> Made:
    """An entropy that starts low and climbs to the wall."""
    n, pace = _length(rng), rng.uniform(8, 20)
    climbs = [LN_K - 3 * math.exp(-pace * _share(i, n)) for i in range(n)]
    return Made(_noisy(rng, climbs, 0.005), chance=(LN_K - 0.05, LN_K + 0.5))


def unigram_floor(rng: Random) -> Made:
    """From uniform to the frequencies of tokens, and no further."""
    n, floor = _length(rng), rng.uniform(5.4, 5.7)
    falls = [floor + (LN_K - floor) * math.exp(-15 * _share(i, n)) for i in range(n)]
    return Made(_noisy(rng, falls, 0.01), chance=(floor - 0.05, LN_K + 0.5))


def accuracy_of_guessing(rng: Random) -> Made:
    n = _length(rng)
    return Made(_noisy(rng, [0.1] * n, 0.01), "max", (0.06, 0.15))


def collapses_at_a_stroke(rng: Random) -> Made:
    n = _length(rng)
    fine, at = _falling(rng, n), rng.uniform(0.3, 0.6)
    back = [v if _share(i, n) < at else 7 + rng.uniform(-0.1, 0.4) for i, v in enumerate(fine)]
    return Made(_noisy(rng, back, 0.08))


def accuracy_collapses(rng: Random) -> Made:
    made, at = accuracy(rng), rng.uniform(0.3, 0.6)
    n = len(made.values)
    gone = (0.1 + rng.gauss(0, 0.008) for _ in made.values)
    back = [g if _share(i, n) > at else v for i, (v, g) in enumerate(zip(made.values, gone))]  # noqa: B905
    return made._replace(values=back)


def slides_back_to_chance(rng: Random) -> Made:
    n, at = _length(rng), rng.uniform(0.2, 0.35)
    slide = [
        0.1 + 0.6 * min(_share(i, n) / at, max(0, 1 - (_share(i, n) - at) / 0.3)) for i in range(n)
    ]
    return Made(_noisy(rng, slide, 0.01), "max", (0.04, 0.15))


def overfits(rng: Random) -> Made:
    n, at, rise = _length(rng), rng.uniform(0.35, 0.6), rng.uniform(0.8, 2)
    values = _falling(rng, n)
    return Made(_noisy(rng, [
        v + rise * max(0.0, (_share(i, n) - at) / (1 - at)) for i, v in enumerate(values)
    ], rng.uniform(0.01, 0.05)))  # fmt: skip


def ends_worse_than_it_began(rng: Random) -> Made:
    n, at = _length(rng), rng.uniform(0.4, 0.6)
    bent = [
        0.97 - 0.07 * _share(i, n) / at
        if _share(i, n) < at
        else 0.9 + 0.12 * (_share(i, n) - at) / (1 - at)
        for i in range(n)
    ]
    return Made(_noisy(rng, bent, rng.uniform(0, 0.004)))


def accuracy_decays(rng: Random) -> Made:
    """Down from its best by a quarter to a half of its gain, at least ten sd of its noise."""
    n, top = _length(rng), rng.uniform(0.5, 0.95)
    at, loss = rng.uniform(0.4, 0.6), rng.uniform(0.25, 0.5) * (top - 0.1)
    worn = [
        top
        - (top - 0.1) * math.exp(-15 * _share(i, n))
        - loss * max(0.0, (_share(i, n) - at) / (1 - at))
        for i in range(n)
    ]
    return Made(_noisy(rng, worn, min(0.015, loss / 10)), "max", (0.06, 0.15))


def flat(rng: Random) -> Made:
    n = _length(rng)
    return Made(_noisy(rng, [rng.uniform(1, 8)] * n, rng.uniform(0.001, 0.2)))


def flat_score(rng: Random) -> Made:
    n = _length(rng)
    return Made(_noisy(rng, [rng.uniform(0.1, 0.5)] * n, rng.uniform(0.001, 0.02)), "max")


def hardly_a_hit(rng: Random) -> Made:
    """Hits among 256 beyond those of the start, of a run that learns nothing."""
    n, sd = _length(rng), rng.uniform(0.4, 2)
    return Made([0.0] + [round(rng.gauss(0, sd)) / 256 for _ in range(n - 1)], "max")


def hit_come_and_gone(rng: Random) -> Made:
    """A hit or two among few images, found for a while and lost again."""
    n, images, hits = _length(rng), rng.randint(20, 60), rng.choice([1, 2])
    begin = rng.randrange(1, n // 2)
    end = begin + rng.randint(2, n - begin - 2)
    return Made([hits / images * (begin <= i < end) for i in range(n)], "max")


def slowly_worse(rng: Random) -> Made:
    n, rise = _length(rng), rng.uniform(0.1, 2)
    return Made(_noisy(rng, [5 + rise * _share(i, n) for i in range(n)], 0.03))


PLAIN_WELL: tuple[Callable[[Random], Made], ...] = (
    power_law, noisy_plateau, slow_linear, step_like, accuracy, wandering_plateau, spike_recovered,
    exact_step, hits_gained,
)  # fmt: skip
PLAIN_FAULTS: dict[str, tuple[Callable[[Random], Made], ...]] = {
    "non-finite": (nan_reported,),
    "exploding": (explodes_at_once, explodes_late),
    "stuck at chance": (loss_at_ln_k, loss_up_to_ln_k, unigram_floor, accuracy_of_guessing),
    "collapsed": (collapses_at_a_stroke, accuracy_collapses, slides_back_to_chance),
    "late decay": (overfits, ends_worse_than_it_began, accuracy_decays),
    "no learning": (flat, flat_score, hardly_a_hit, hit_come_and_gone, slowly_worse),
}
WELL = (*PLAIN_WELL, *HEALTHY_FAMILIES)
FAULTS = {
    label: (*PLAIN_FAULTS.get(label, ()), *ILL_FAMILIES.get(label, ()))
    for label in [*PLAIN_FAULTS, *(k for k in ILL_FAMILIES if k not in PLAIN_FAULTS)]
}


def label_of(made: Made) -> str:
    """What is said of a made-up run, "" where nothing."""
    points = [Point(10 * i, {METRIC: value}) for i, value in enumerate(made.values)]
    label = diagnose(points, METRIC, made.mode, made.chance)
    return label.kind if label else ""


def outcomes(
    seed: int, healthy: int = HEALTHY, ill: int = ILL
) -> Iterator[tuple[str, str, Counter]]:
    """Kind of run, the label it deserves, and how often each label was given."""
    for right, kinds in {"": WELL, **FAULTS}.items():
        for kind in kinds:
            rng = Random(f"{seed} {kind.__name__}")
            said = Counter(label_of(kind(rng)) for _ in range(ill if right else healthy))
            yield kind.__name__, right, said


def rates(told: list[tuple[str, str, Counter]]) -> tuple[float, float, float]:
    """Shares: faults rightly named, faults with any label, healthy runs with any label."""
    ill = [(right, said) for _, right, said in told if right]
    well = [said for _, right, said in told if not right]
    count = sum(said.total() for _, said in ill)
    named = sum(said[right] for right, said in ill) / count
    found = 1 - sum(said[""] for _, said in ill) / count
    return named, found, 1 - sum(s[""] for s in well) / sum(s.total() for s in well)


def main() -> None:
    """A table and the shares for each seed."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "seeds", type=int, nargs="*", default=[1, 2, 3, 4, 21, 22, 23, 24], metavar="SEED"
    )
    for seed in options_of(parser, seeds=[1]).seeds:
        told = list(outcomes(seed))
        print(f"\nseed {seed}\n{'kind of run':30}{'deserves':18}said")
        for name, right, said in told:
            each = ", ".join(f"{label or 'nothing'} {n}" for label, n in said.most_common())
            print(f"{name:30}{right or 'nothing':18}{each}")
        named, found, false = rates(told)
        print(f"named {named:.1%}, found at all {found:.1%}, false alarms {false:.1%}")


if __name__ == "__main__":
    main()
