"""Main effects: what one axis of a full grid does, over all values of the others.

Whether arms are a grid is read off their configs, so that it holds for any way of listing them.
"""

from collections.abc import Mapping, Sequence
from math import fsum, prod
from typing import NamedTuple

from infra.answer.arms import Arm, read_arms
from infra.answer.verdicts import ALPHA, Difference, paired
from infra.ledger.records import CellRecord
from infra.study.plan import Plan

Axes = Mapping[str, Mapping[str, str]]  # axis to arm to its value there


class Effect(NamedTuple):
    """A value of an axis beside the reference, each a mean over the other axes' values.

    Attributes:
        difference: Paired by seed; None where no seed has every arm of both finished.
    """

    axis: str
    value: str
    reference: str
    difference: Difference | None


def main_effects(plan: Plan, records: Mapping[str, CellRecord]) -> list[Effect]:
    """Of every axis the values other than the reference; none where arms are no such grid.

    The reference is the baseline's value where it is in the grid, else the first. The intervals
    hold together at 95 %.
    """
    axes = grid_axes(plan)
    arms = {arm.name: arm for arm in read_arms(plan, records, None)}
    pairs = []
    for axis, values in axes.items():
        reference = values.get(plan.baseline, next(iter(values.values())))
        others = [value for value in dict.fromkeys(values.values()) if value != reference]
        pairs += [(axis, value, reference) for value in others]
    return [
        Effect(
            axis,
            value,
            reference,
            _difference(plan, arms, axes[axis], value, reference, len(pairs)),
        )
        for axis, value, reference in pairs
    ]


def grid_axes(plan: Plan) -> Axes:
    """The axes of which the trained arms are the full product; none with fewer than two.

    Fields that go together, as one that follows from another, are one axis under the first name.
    """
    configs = {arm: plan.cells_of[arm][0].config for arm in plan.trained}
    names = dict.fromkeys(name for config in configs.values() for name in config)
    axes: dict[tuple[int, ...], str] = {}
    for name in names:
        values = [str(config.get(name)) for config in configs.values()]
        places = tuple(map(values.index, values))
        if name != "seed" and len(set(places)) > 1:
            axes.setdefault(places, name)
    sizes = [len(set(places)) for places in axes]
    whole = len(axes) > 1 and prod(sizes) == len(configs) == len(set(zip(*axes, strict=True)))
    if not whole:
        return {}
    return {
        name: {arm: str(config.get(name)) for arm, config in configs.items()}
        for name in axes.values()
    }


def _difference(
    plan: Plan,
    arms: Mapping[str, Arm],
    values: Mapping[str, str],
    value: str,
    reference: str,
    comparisons: int,
) -> Difference | None:
    ours, theirs = ([arms[n] for n, v in values.items() if v == one] for one in (value, reference))
    seeds = [s for s in plan.seeds if all(s in arm.values for arm in (*ours, *theirs))]
    if not seeds:
        return None
    gaps = [_mean(ours, seed) - _mean(theirs, seed) for seed in seeds]
    return paired(seeds, gaps, ALPHA / comparisons, ours[0].resolution)


def _mean(arms: Sequence[Arm], seed: int) -> float:
    return fsum(arm.values[seed] for arm in arms) / len(arms)
