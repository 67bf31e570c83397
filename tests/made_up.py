"""Ledgers of sweeps that nobody ran, written through the real ledger."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from infra.ledger.ledger import Ledger
from infra.ledger.records import Commit, Point, Seen
from infra.ledger.storage import open_storage
from infra.study.plan import Cell, Plan

METRIC = "val/loss_nats"
CODE = {
    "commit": "c0ffee",
    "dirty": False,
    "package_digest": "abcd",
    "python": "3.11.9",
    "versions": {"torch": "2.13.0"},
}
MACHINE = {"host": "one", "device": "cpu x86_64"}
Value = float | str  # a number finishes the cell; "failed", "interrupted" or "pending" does not


def falling(arm: str, seed: int, value: float) -> list[Point]:
    """Five points of a loss that ends at the value; 4 examples and a quarter second a step."""
    steps = (0, 10, 20, 30, 40)
    training = (
        {"train/examples": 4 * step, "train/parameters": 8} if step else {} for step in steps
    )
    losses = (value + (40 - step) / 10 for step in steps)
    return [
        Point(step, {METRIC: loss, "val/top1": 0.5, **more, "perf/train_s": step / 4})
        for step, loss, more in zip(steps, losses, training, strict=True)
    ]


def late(arm: str, seed: int, value: float) -> list[Point]:
    """A run whose last point alone has one metric more, and one with an awkward name."""
    told = falling(arm, seed, value)
    return [*told[:-1], Point(40, {**told[-1].metrics, "val/lpips": 0.25, "status": 7.0})]


def made_up(
    folder: Path,
    values: Mapping[str, Sequence[Value]],
    *,
    points: Callable[[str, int, float], list[Point]] = falling,
    weights: Callable[[str, int], str] = lambda arm, seed: f"{arm}-{seed}",
    gpus: float = 0,
    billed_s: float = 1800.0,
    planned: Sequence[str] = (),
    configs: Mapping[str, Mapping[str, Any]] | None = None,
    starts: Callable[[str, int], Mapping[str, Any]] = lambda arm, seed: {},
    seen: Mapping[str, Mapping[str, str]] | None = None,
    **settings: Any,
) -> tuple[Plan, Ledger]:
    """A sweep whose cells ended as told, arm by arm and seed by seed.

    Arms differ in `rate`, unless `configs` has their overrides; `starts` adds to what was recorded
    when a cell began. `seen` is what the trial before the sweep saw each arm move.
    """
    arms = list(planned or values)
    count = max(map(len, values.values()))
    cells = tuple(
        Cell(f"{i}-s{seed}", arm, seed, _config(i, configs and configs[arm]) | {"seed": seed})
        for seed in range(count)
        for i, arm in enumerate(arms)
    )
    plan = Plan(**{
        "study": "line", "question": "Does it?", "scale": "lab", "metric": METRIC, "mode": "min",
        "baseline": arms[0], "margin": None, "usd_per_gpu_hour": None, "created": "then",
        "cells": cells, **settings,
    })  # fmt: skip
    ledger = Ledger(open_storage(str(folder / "runs")), "sweep")
    ledger.write_plan(plan)
    if seen is not None:
        told = {arm: Seen(MACHINE["device"], seen.get(arm, {})) for arm in arms}
        ledger.write_preflight([], told)
    with patch("os.fsync"):  # these ledgers need not outlive a power cut
        for cell in cells:
            value = values[cell.arm][cell.seed]
            if value != "pending":
                told = points(cell.arm, cell.seed, 1.0 if isinstance(value, str) else value)
                start = {"gpus": gpus, "threads": 1, "code": CODE, "machine": MACHINE}
                start["config"] = dict(cell.config)
                start |= starts(cell.arm, cell.seed)
                _write(ledger, cell, value, told, weights(cell.arm, cell.seed), start, billed_s)
    return plan, ledger


def _config(index: int, overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    own = {"rate": 0.1 * index} if overrides is None else dict(overrides)
    return {"rate": 0.1, "optim.kind": None, **own}


def _write(
    ledger: Ledger,
    cell: Cell,
    value: Value,
    points: list[Point],
    weights: str,
    start: Mapping[str, Any],
    billed_s: float,
) -> None:
    attempt, finished = "0001-aa", not isinstance(value, str)
    ledger.start_attempt(cell.key, attempt, start)
    kept = points if finished else points[:3]
    commit = Commit(
        attempt, kept[-1].step, billed_s, "", "", "", "", finished, weights if finished else ""
    )
    ledger.write_log(cell.key, attempt, f"{cell.key} says hello\n")
    ledger.write_commit(cell.key, commit, None, kept)
    if value != "interrupted":
        ledger.finish(cell.key, {
            "status": "finished" if finished else "failed", "attempt": attempt,
            "step": kept[-1].step, "error": "" if finished else "FloatingPointError: nan",
            "attempt_seconds": {attempt: billed_s},
        })  # fmt: skip
