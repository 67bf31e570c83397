"""Curves of one metric: each seed, the mean of the finished ones and their range."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from infra.answer.board import Leaderboard
from infra.answer.diagnosis import diagnose_cell
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import joined
from infra.writeup.drawing import (
    DASHES,
    GREY,
    Key,
    Look,
    Picture,
    labelled,
    looks,
    number_axes,
    panels,
    wrapped,
)
from infra.writeup.frame import frame

_AMOUNTS = ("train/examples", "train/tokens", "train/flops", "train/parameters")
Records = Mapping[str, CellRecord]


class _Seed(NamedTuple):
    """One cell: whether it finished, step to value, and the step of its label, if it has one."""

    finished: bool
    curve: dict[int, float]
    labelled: int | None


def draw_curves(
    plan: Plan, records: Records, board: Leaderboard, metric: str, width_in: float
) -> Picture | None:
    """The curves of the board's arms by a metric; None where no trained arm has a point."""
    shown = {row.arm for row in board.rows}
    curves = {arm: _curves(plan, records, arm, metric) for arm in plan.arms if arm in shown}
    found = {arm: [v for seed in own for v in seed.curve.values()] for arm, own in curves.items()}
    values = {arm: own for arm, own in found.items() if own}
    levels = {arm: fmean(own) for arm, own in values.items() if arm in plan.controls}
    curves = {arm: own for arm, own in curves.items() if arm not in plan.controls}
    if not values.keys() & curves.keys():
        return None
    look = looks(list(curves), plan.baseline)
    alone = plan.baseline not in look or look[plan.baseline].color != GREY
    figure, axes = panels(1 if alone else len(curves), width_in)
    for index, (arm, own) in enumerate(curves.items()):
        axis = axes[0] if alone else axes[index]
        if not alone and arm != plan.baseline:
            _draw_arm(axis, curves.get(plan.baseline, []), look[plan.baseline])
        _draw_arm(axis, own, look[arm])
        if not alone:
            axis.set_title(wrapped(arm, 36), fontsize=8)
    level_looks = {arm: Look(GREY, DASHES[i % len(DASHES)]) for i, arm in enumerate(levels)}
    for axis in axes:
        for arm, level in levels.items():
            axis.axhline(level, color=GREY, linestyle=level_looks[arm].dashes, linewidth=1)
    ends = {arm: [list(s.curve.values())[-1] for s in own] for arm, own in curves.items()}
    cut = frame(axes[0], values, ends, _least_decided(board, metric))
    for axis in axes:
        number_axes(axis)
    figure.supylabel(_axis_name(plan, metric), fontsize=10)
    figure.supxlabel("optimizer steps", fontsize=10)
    keys = [Key(f"{arm} (n = {_finished(own)})", look[arm]) for arm, own in curves.items()]
    keys += [Key(f"{arm} (control)", one) for arm, one in level_looks.items()]
    note = _note(plan, curves, levels, alone)
    name = metric if metric != plan.metric else f"{plan.study} ({plan.scale})"
    return Picture(figure, (name, note, *cut), tuple(keys) if alone else ())


def train_metrics(plan: Plan, records: Records) -> list[str]:
    """What runs report of training as a curve, but for the study's metric; amounts are none."""
    found: dict[str, set[float]] = {}
    for record in records.values():
        for point in record.points:
            for name, value in point.metrics.items():
                if name.startswith("train/") and name not in (*_AMOUNTS, plan.metric):
                    found.setdefault(name, set()).add(value)
    return sorted(name for name, values in found.items() if len(values) > 1)


def _curves(plan: Plan, records: Records, arm: str, metric: str) -> list[_Seed]:
    """The seeds of an arm that have points."""
    own = [_seed(plan, records[cell.key], metric) for cell in plan.cells_of[arm]]
    return [seed for seed in own if seed.curve]


def _seed(plan: Plan, record: CellRecord, metric: str) -> _Seed:
    points = ((p.step, p.metrics.get(metric, math.nan)) for p in record.points)
    curve = {step: value for step, value in points if math.isfinite(value)}
    label = diagnose_cell(plan, record) if metric == plan.metric else None
    since = [step for step in curve if label and step >= label.step] or list(curve)[-1:]
    return _Seed(record.status == "finished", curve, since[0] if label and since else None)


def _mean_curve(curves: Sequence[_Seed]) -> list[tuple[int, float]]:
    """Over finished seeds, at the steps that all of them reported."""
    finished = [seed.curve for seed in curves if seed.finished]
    steps = sorted(set.intersection(*map(set, finished))) if finished else []
    return [(step, math.fsum(c[step] for c in finished) / len(finished)) for step in steps]


def _finished(curves: Sequence[_Seed]) -> int:
    return sum(seed.finished for seed in curves)


def _draw_arm(axis: Any, curves: Sequence[_Seed], look: Look) -> None:
    color = look.color
    for finished, curve, labelled_at in curves:
        style = "-" if finished else ":"
        axis.plot(list(curve), list(curve.values()), style, color=color, linewidth=0.7, alpha=0.5)
        if labelled_at is not None:
            axis.plot(labelled_at, curve[labelled_at], "x", color=color, markersize=7)
    mean = _mean_curve(curves)
    steps = [x for x, _ in mean]
    if _finished(curves) > 1:
        at = [[seed.curve[x] for seed in curves if seed.finished] for x in steps]
        ends = list(map(min, at)), list(map(max, at))
        axis.fill_between(steps, *ends, color=color, alpha=0.15, linewidth=0)
    axis.plot(steps, [y for _, y in mean], color=color, linestyle=look.dashes, linewidth=2.2)


def _least_decided(board: Leaderboard, metric: str) -> float:
    """The smallest difference with a verdict, 0 where there is none or another metric is drawn."""
    if metric != board.metric:
        return 0.0
    decided = [row.difference for row in board.rows if row.verdict in ("better", "worse")]
    return min((abs(gap.mean) for gap in decided if gap), default=0.0)


def _axis_name(plan: Plan, metric: str) -> str:
    if metric != plan.metric:
        return labelled(metric)
    return f"{labelled(metric)}, {'less' if plan.mode == 'min' else 'more'} is better"


def _note(
    plan: Plan, curves: Mapping[str, list[_Seed]], levels: Mapping[str, float], alone: bool
) -> str:
    note = "thick: mean of finished seeds; band: their range; thin: each seed, dotted if unfinished"
    note += "" if alone else f"; grey: baseline {plan.baseline}"
    if levels:
        note += f"; level: {joined(f'{arm} {level:.3g}' for arm, level in levels.items())}"
    if any(seed.labelled is not None for own in curves.values() for seed in own):
        note += "; crosses: labels"
    return note
