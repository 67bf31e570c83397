"""What a sweep may cost: refused before it starts, stopped resumably when it gets there."""

from dataclasses import replace

import pytest
from small_study import study

from infra.errors import Refused
from infra.preflight.limits import check_limit, usd_per_hour
from infra.study.plan import make_plan
from infra.sweep_options import Limit


def refusal(limit: Limit, price: float | None = None, ahead_s: float = 1800.0) -> str:
    with pytest.raises(Refused) as told:
        check_limit(limit, price, 3600.0, ahead_s)
    return str(told.value)


def test_what_is_spent_and_what_lies_ahead_are_compared_with_the_limit_before_the_start():
    assert "1 worker-hours spent and about 0.5 ahead; raise it" in refusal(Limit(hours=1.4))
    text = refusal(Limit(usd=1.0), price=2.0)
    assert "--budget-usd 1:" in text and "0.5 ahead, $3.00" in text
    check_limit(Limit(hours=1.6), None, 3600.0, 1800.0)


def test_what_is_not_known_is_not_told_as_nothing():
    assert "1 worker-hours spent; raise it" in refusal(Limit(hours=0.5), ahead_s=0.0)


def test_the_price_of_a_worker_is_that_of_its_share_of_the_gpu():
    plan = replace(make_plan(study(), "lab"), usd_per_gpu_hour=4.0)
    assert usd_per_hour(plan, 0.5) == 2.0


def test_dollars_without_a_price_are_refused_with_the_remedy():
    assert "give --usd-per-gpu-hour" in refusal(Limit(usd=1.0))
