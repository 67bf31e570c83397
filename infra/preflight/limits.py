"""What a sweep may cost: refused before it starts, stopped resumably when it gets there."""

from infra.errors import Refused
from infra.study.plan import Plan
from infra.sweep_options import Limit


def usd_per_hour(plan: Plan, gpus: float) -> float | None:
    """Price of one worker-hour; None without a price."""
    return None if plan.usd_per_gpu_hour is None else plan.usd_per_gpu_hour * gpus


def check_limit(limit: Limit, price: float | None, spent_s: float, ahead_s: float) -> None:
    """Compares what is spent and what the open cells cost with the limit.

    Args:
        limit: The most that the sweep may cost.
        price: Of a worker-hour in dollars; None or 0 where it has none.
        spent_s: Worker-seconds of all attempts so far.
        ahead_s: Those of the open cells, as far as they are known.

    Raises:
        Refused: When it would be passed, or dollars are limited and nobody named a price.
    """
    if limit.usd is not None and not price:
        raise Refused(
            f"--budget-usd {limit.usd:g}: must have a price of GPUs to reckon with, and there is "
            "none; give --usd-per-gpu-hour and --gpus-per-cell, or use --budget-hours"
        )
    if over := limit.passed(spent_s + ahead_s, price):
        hours = (spent_s + ahead_s) / 3600
        cost = f", ${hours * price:.2f}" if price else ""
        ahead = f" and about {ahead_s / 3600:.3g} ahead" if ahead_s else ""
        raise Refused(
            f"{over}: must cover {spent_s / 3600:.3g} worker-hours spent{ahead}{cost}; raise it, "
            "or run fewer"
        )
