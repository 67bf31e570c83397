"""Made-up curves in families of realistic shapes, beside the plainer ones of `planted_faults.py`.

Each maker draws everything from its generator: how many points (5 to 60), how much noise, whether
less is better. In half of the draws a cost is told as its negative, as a log-likelihood is, and all
are told in units from a thousandth to a thousand, which no label may depend on.
"""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

LENGTHS = (5, 6, 8, 9, 10, 12, 16, 20, 30, 45, 60)


class Made(NamedTuple):
    """A made-up run: its values, whether less is better, and the band of chance."""

    values: list[float]
    mode: str = "min"
    chance: tuple[float, float] | None = None


Maker = Callable[[Random], Made]


def noisy(rng: Random, values: Sequence[float], sd: float) -> list[float]:
    """The values with Gaussian noise."""
    return [v + rng.gauss(0, sd) for v in values]


def share(i: int, n: int) -> float:
    """How far along the run a point lies."""
    return i / (n - 1)


def _length(rng: Random, least: int = 5, most: int = 60) -> int:
    return rng.choice([n for n in LENGTHS if least <= n <= most])


def _told(rng: Random, cost: Sequence[float], mirrored: bool = True) -> Made:
    """In some unit, and in half of the draws as something of which more is better."""
    unit = 10 ** rng.uniform(-3, 3)
    if mirrored and rng.random() < 0.5:
        return Made([-unit * v for v in cost], "max")
    return Made([unit * v for v in cost])


def _loss(rng: Random, n: int, span: float = 20.0) -> list[float]:
    """A power law without noise."""
    start, end = rng.uniform(5, 9), rng.uniform(0.5, 3.5)
    power = rng.uniform(0.4, 1.5)
    return [end + (start - end) * (1 + span * share(i, n)) ** -power for i in range(n)]


def _quick(rng: Random, n: int) -> list[float]:
    """Nearly everything is learnt between the first and the third point."""
    start, end, pace = rng.uniform(5, 9), rng.uniform(0.5, 3), rng.uniform(2, 5)
    slow = rng.uniform(0.02, 0.06) * (start - end)
    fast = start - end - slow
    return [end + fast * math.exp(-pace * i) + slow * math.exp(-5 * share(i, n)) for i in range(n)]


def _from_best(cost: Sequence[float], at: float, rise: float) -> list[float]:
    """From a share of the run on the worse, up to so much at its end."""
    n = len(cost)
    bent = [v + rise * max(0.0, (share(i, n) - at) / (1 - at)) for i, v in enumerate(cost)]
    return bent


# Healthy


def mild_overfitting(rng: Random) -> Made:
    """By 1 to 2 % of what was learnt, after a quick start."""
    cost = _quick(rng, _length(rng))
    learnt = cost[0] - min(cost)
    bent = _from_best(cost, rng.uniform(0.2, 0.6), rng.uniform(0.01, 0.02) * learnt)
    return _told(rng, noisy(rng, bent, learnt * rng.uniform(0, 0.003)))


def two_spikes(rng: Random) -> Made:
    """Among eight to ten points, both recovered from."""
    n = rng.randint(8, 10)
    cost = noisy(rng, _loss(rng, n), rng.uniform(0, 0.1))
    for at in rng.sample(range(1, n - 1), 2):
        cost[at] = cost[at] * rng.uniform(1.3, 6) + rng.uniform(0, 3)
    return _told(rng, cost)


def spikes_after_a_quick_start(rng: Random) -> Made:
    n = rng.randint(8, 10)
    cost = noisy(rng, _quick(rng, n), rng.uniform(0.005, 0.05))
    for at in rng.sample(range(1, n - 1), 2):
        cost[at] += rng.uniform(1, 8)
    return _told(rng, cost)


def warm_up_bump(rng: Random) -> Made:
    """Worse than the start for a while, by up to two thirds of it."""
    n = _length(rng, 8)
    top, width = rng.uniform(0.5, 4), rng.uniform(0.05, 0.15)
    bump = [top * math.exp(-(((share(i, n) - 0.15) / width) ** 2)) for i in range(n)]
    cost = [a + b for a, b in zip(_loss(rng, n), bump, strict=True)]
    return _told(rng, noisy(rng, cost, rng.uniform(0, 0.08)))


def _returns(rng: Random, n: int) -> tuple[list[float], float]:
    """Mean returns that rise, and by how much."""
    low = rng.choice([0.0, 20.0, -200.0, -50.0])
    rise, pace = rng.uniform(80, 400), rng.uniform(1, 4)
    whole = 1 - math.exp(-pace)
    return [low + rise * (1 - math.exp(-pace * share(i, n))) / whole for i in range(n)], rise


def noisy_returns(rng: Random) -> Made:
    """Rising by two to six sd of their noise."""
    means, rise = _returns(rng, _length(rng, 10))
    spread = {True: (3.0, 6.0), False: (2.0, 6.0)}[len(means) < 20]
    return Made(noisy(rng, means, rise / rng.uniform(*spread)), "max")


def returns_whose_noise_grows(rng: Random) -> Made:
    means, rise = _returns(rng, _length(rng, 12))
    n, sd = len(means), rise / rng.uniform(3, 8)
    return Made([m + rng.gauss(0, sd * (0.1 + share(i, n))) for i, m in enumerate(means)], "max")


def capped_returns(rng: Random) -> Made:
    """Up to a bound that most episodes reach at the end."""
    n, cap = _length(rng, 8), 500.0
    means = [20 + 700 * share(i, n) for i in range(n)]
    return Made([min(cap, max(9.0, v)) for v in noisy(rng, means, rng.uniform(5, 60))], "max")


def step_decay(rng: Random) -> Made:
    """Plateaus with drops where the learning rate falls."""
    n = _length(rng, 8)
    level, cost = rng.uniform(1, 3), []
    drops = sorted(rng.uniform(0.2, 0.9) for _ in range(rng.randint(1, 3)))
    for i in range(n):
        fallen = sum(share(i, n) >= at for at in drops)
        cost.append(level * (1 + 2 * math.exp(-12 * share(i, n))) * 0.6**fallen)
    return _told(rng, noisy(rng, cost, level * rng.uniform(0.001, 0.05)))


def grokking(rng: Random) -> Made:
    """At its start for long, and then learnt within a few points."""
    n = _length(rng, 10)
    at, low, top = rng.uniform(0.4, 0.75), rng.uniform(0.01, 0.1), rng.uniform(0.85, 1.0)
    rises = [low + (top - low) / (1 + math.exp(-40 * (share(i, n) - at))) for i in range(n)]
    return Made([min(1.0, v) for v in noisy(rng, rises, rng.uniform(0.001, 0.01))], "max")


def near_zero(rng: Random) -> Made:
    """An estimate that decays to 0 and may be negative there."""
    n, pace = _length(rng), rng.uniform(4, 20)
    cost = [math.exp(-pace * share(i, n)) for i in range(n)]
    return _told(rng, noisy(rng, cost, rng.uniform(0.002, 0.05)))


def tiny_range(rng: Random) -> Made:
    """From ln 2 by less than a thousandth."""
    n, gain = _length(rng), rng.uniform(1e-4, 6e-4)
    cost = [math.log(2) - gain * (1 - math.exp(-3 * share(i, n))) for i in range(n)]
    return _told(rng, noisy(rng, cost, gain * rng.uniform(0, 0.08)))


def perplexity(rng: Random) -> Made:
    """From the size of the vocabulary down."""
    n, start, end = _length(rng), math.log(rng.uniform(8e3, 1e5)), rng.uniform(2.7, 4.5)
    power = rng.uniform(0.6, 2)
    falls = [end + (start - end) * (1 + 60 * share(i, n)) ** -power for i in range(n)]
    return _told(rng, [math.exp(v) for v in noisy(rng, falls, rng.uniform(0, 0.04))])


def log_span(rng: Random) -> Made:
    """An error that falls by orders of magnitude, with noise in proportion to it."""
    n, decades = _length(rng), rng.uniform(2, 6)
    pace = rng.uniform(0.5, 1.5)
    falls = [-decades * math.log(10) * share(i, n) ** pace for i in range(n)]
    return _told(rng, [math.exp(v) for v in noisy(rng, falls, rng.uniform(0.01, 0.25))])


def floor_of_noise(rng: Random) -> Made:
    """Orders of magnitude down within a third of the run, then noise in proportion."""
    n, depth = _length(rng), rng.uniform(3, 9)
    falls = [-depth * min(1.0, share(i, n) / 0.3) for i in range(n)]
    return _told(rng, [math.exp(v) for v in noisy(rng, falls, rng.uniform(0.02, 0.3))])


def heavy_tails(rng: Random) -> Made:
    """Noise of a t distribution with three degrees of freedom."""
    cost = _loss(rng, _length(rng))
    sd = rng.uniform(0.01, 0.08)
    tails = (rng.gauss(0, sd) / math.sqrt(rng.gammavariate(1.5, 2) / 3) for _ in cost)
    return _told(rng, [v + t for v, t in zip(cost, tails, strict=True)])


def cycles(rng: Random) -> Made:
    """A learning rate that is warmed again and again."""
    n, many = rng.choice([30, 45, 60]), rng.randint(4, 7)
    cost, high = _loss(rng, n), rng.uniform(0.1, 0.5)
    waves = (high * (0.5 - 0.5 * math.cos(2 * math.pi * many * share(i, n))) for i in range(n))
    return _told(rng, noisy(rng, [v + w for v, w in zip(cost, waves, strict=True)], 0.02))


def double_descent(rng: Random) -> Made:
    """Worse midway by up to a third of what was learnt, and better than ever at the end."""
    n = _length(rng, 12)
    cost = _loss(rng, n)
    high = rng.uniform(0.1, 0.33) * (cost[0] - cost[-1])
    hill = [high * math.exp(-(((share(i, n) - 0.5) / 0.12) ** 2)) for i in range(n)]
    fall = [0.1 * high * share(i, n) for i in range(n)]
    made = [a + b - c for a, b, c in zip(cost, hill, fall, strict=True)]
    return _told(rng, noisy(rng, made, rng.uniform(0, 0.03)))


def saturated_count(rng: Random) -> Made:
    """All of so many images, or all but a few, from half of the run on."""
    n, images = _length(rng), rng.choice([28, 100, 256, 500, 1000])
    top, pace = images - rng.choice([0, 0, 1, 3]), rng.uniform(6, 15)
    hits = [round(top * (1 - 0.9 * math.exp(-pace * share(i, n)))) for i in range(n)]
    return Made([h / images for h in hits], "max")


def rounded_plateau(rng: Random) -> Made:
    """Written with three decimals, which stand still once it has converged."""
    n = _length(rng)
    cost = [round(0.4 + 2 * math.exp(-12 * share(i, n)), 3) for i in range(n)]
    return Made(cost)


# Ill


def explodes_early(rng: Random) -> Made:
    """In the first half, to three times its start or up to a million times, and stays there."""
    n = _length(rng)
    cost = noisy(rng, _loss(rng, n), rng.uniform(0, 0.08))
    at, far = rng.randint(1, n // 2), cost[0] * 10 ** rng.uniform(0.5, 6)
    sd = rng.uniform(0.02, 0.4)
    grown = [far * math.exp(abs(rng.gauss(0, sd))) for _ in cost]
    return _told(rng, cost[:at] + grown[at:], mirrored=False)


def explodes_early_and_on(rng: Random) -> Made:
    """In the first half, and grows to the end."""
    n = _length(rng)
    cost = noisy(rng, _loss(rng, n), rng.uniform(0, 0.08))
    at, rate = rng.randint(1, n // 2), rng.uniform(3, 12)
    grown = [4 * cost[0] * math.exp(rate * (i - at) / n) * rng.uniform(0.9, 1.1) for i in range(n)]
    return _told(rng, cost[:at] + grown[at:], mirrored=False)


def score_explodes_early(rng: Random) -> Made:
    """A coefficient of determination far below 0."""
    n = _length(rng)
    at, far = rng.randint(1, n // 2), 10 ** rng.uniform(1.3, 6)
    fine = noisy(rng, [0.6 - 0.5 * math.exp(-4 * share(i, n)) for i in range(n)], 0.01)
    return Made(fine[:at] + [-far * rng.uniform(0.8, 1.3) for _ in range(n - at)], "max")


def flat_with_two_spikes(rng: Random) -> Made:
    n, level = rng.randint(8, 10), rng.uniform(1, 8)
    cost = noisy(rng, [level] * n, level * rng.uniform(0.002, 0.03))
    for at in rng.sample(range(1, n - 1), 2):
        cost[at] += level * rng.uniform(0.3, 3)
    return _told(rng, cost, mirrored=False)


def overfits_after_a_quick_start(rng: Random) -> Made:
    """By a tenth of what was learnt, or up to a half."""
    cost = _quick(rng, _length(rng))
    learnt = cost[0] - min(cost)
    bent = _from_best(cost, rng.uniform(0.25, 0.5), rng.uniform(0.1, 0.5) * learnt)
    return _told(rng, noisy(rng, bent, learnt * rng.uniform(0, 0.006)))


def _fallen(rng: Random, low: float, high: float) -> list[float]:
    n = _length(rng, 6)
    cost = rng.choice([_loss, _quick])(rng, n)
    sd = rng.uniform(0, 0.02) * (cost[0] - min(cost))
    cost = noisy(rng, cost, sd)
    lost = rng.uniform(low, high) * (cost[0] - min(cost))
    level = min(cost) + lost
    return [*cost[:-2], level, level + lost * rng.uniform(0, 0.1)]


def falls_at_the_end(rng: Random) -> Made:
    """The last two points, by a quarter to two thirds of what was learnt."""
    return _told(rng, _fallen(rng, 0.25, 0.66))


def collapses_at_the_end(rng: Random) -> Made:
    """The last two points, back to where it began."""
    return _told(rng, _fallen(rng, 0.9, 1.05))


def frozen_midway(rng: Random) -> Made:
    """What was learnt does not move any more, to the last digit."""
    n = _length(rng, 6)
    cost = noisy(rng, rng.choice([_loss, _quick])(rng, n), rng.uniform(0.005, 0.1))
    at = rng.randint(max(2, n // 4), max(2, min(n - 4, int(0.7 * n))))
    return _told(rng, cost[:at] + [cost[at]] * (n - at))


def frozen_returns(rng: Random) -> Made:
    means, rise = _returns(rng, _length(rng, 8))
    values, n = noisy(rng, means, rise / rng.uniform(5, 15)), len(means)
    at = rng.randint(n // 3, int(0.6 * n))
    return Made(values[:at] + [values[at]] * (n - at), "max")


def never_moves(rng: Random) -> Made:
    """The same from its first point on."""
    return _told(rng, [rng.uniform(0.1, 8)] * _length(rng))


def huge_first_then_decay(rng: Random) -> Made:
    """A perplexity whose first point is a thousand times the others."""
    n = _length(rng, 8)
    start, end = rng.uniform(4, 6.5), rng.uniform(1.5, 3)
    falls = [end + (start - end) * math.exp(-6 * share(i, n)) for i in range(n)]
    bent = _from_best(falls, rng.uniform(0.4, 0.6), rng.uniform(0.25, 0.7) * (start - end))
    logs = noisy(rng, bent, rng.uniform(0, 0.02))
    return _told(rng, [math.exp(start + rng.uniform(4, 7)), *map(math.exp, logs[1:])])


def huge_first_then_loss(rng: Random) -> Made:
    """A loss of a few units that gets worse again, after a first point of thousands."""
    n = _length(rng, 8)
    cost = _loss(rng, n)
    rise = rng.uniform(0.3, 0.7) * (cost[1] - cost[-1]) + 0.2
    bent = noisy(rng, _from_best(cost, rng.uniform(0.4, 0.6), rise), rng.uniform(0, 0.02))
    return _told(rng, [10 ** rng.uniform(2.5, 5), *bent[1:]])


def huge_first_then_collapse(rng: Random) -> Made:
    """Back at a stroke to where its second point was."""
    n = _length(rng, 8)
    start, end = rng.uniform(4, 6.5), rng.uniform(1.5, 3)
    falls = [end + (start - end) * math.exp(-8 * i / n) for i in range(n - 1)]
    at = rng.randint(max(3, n // 3), int(0.7 * n))
    gone = [start + rng.uniform(-0.2, 0.3) for _ in range(n - 1 - at)]
    logs = noisy(rng, [*falls[:at], *gone], rng.uniform(0, 0.02))
    return _told(rng, [math.exp(start + rng.uniform(5, 7)), *map(math.exp, logs)])


def huge_first_then_explosion(rng: Random) -> Made:
    n = _length(rng, 8)
    cost = noisy(rng, _loss(rng, n), rng.uniform(0, 0.05))
    at, first = rng.randint(n // 3, int(0.7 * n)), 10 ** rng.uniform(3.5, 5)
    far = cost[1] * rng.uniform(8, 60)
    grown = [far * rng.uniform(0.7, 1.4) for _ in cost]
    return _told(rng, [first, *cost[1:at], *grown[at:]], mirrored=False)


def noisy_flat_returns(rng: Random) -> Made:
    """Of a policy that learns nothing."""
    n, level = _length(rng, 8), rng.uniform(-100, 100)
    return Made(noisy(rng, [level] * n, rng.uniform(5, 60)), "max")


HEALTHY_FAMILIES: tuple[Maker, ...] = (
    mild_overfitting, two_spikes, spikes_after_a_quick_start, warm_up_bump, noisy_returns,
    returns_whose_noise_grows, capped_returns, step_decay, grokking, near_zero, tiny_range,
    perplexity, log_span, floor_of_noise, heavy_tails, cycles, double_descent, saturated_count,
    rounded_plateau,
)  # fmt: skip
ILL_FAMILIES: dict[str, tuple[Maker, ...]] = {
    "exploding": (
        explodes_early, explodes_early_and_on, score_explodes_early, huge_first_then_explosion,
    ),
    "collapsed": (collapses_at_the_end, huge_first_then_collapse),
    "late decay": (
        overfits_after_a_quick_start, falls_at_the_end, huge_first_then_decay,
        huge_first_then_loss,
    ),
    "frozen": (frozen_midway, frozen_returns),
    "no learning": (flat_with_two_spikes, never_moves, noisy_flat_returns),
}  # fmt: skip
