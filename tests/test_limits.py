"""What a sweep may cost: refused before it starts, stopped resumably when it gets there."""

from dataclasses import replace
from typing import Any

import pytest
from test_study import study

from infra.errors import Refused
from infra.limits import Limit, check_limit
from infra.plan import make_plan

PLAN = make_plan(study(), "lab")


def refusal(limit: Limit, ahead_s: float = 1800.0, **settings: Any) -> str:
    plan = replace(PLAN, **settings)
    with pytest.raises(Refused) as told:
        check_limit(limit, plan, 3600.0, ahead_s, plan.gpus or 0.0)
    return str(told.value)


def test_what_is_spent_and_what_lies_ahead_are_compared_with_the_limit_before_the_start():
    assert "1 worker-hours spent and about 0.5 ahead; raise it" in refusal(Limit(hours=1.4))
    text = refusal(Limit(usd=1.0), usd_per_gpu_hour=4.0, gpus=0.5)
    assert "--budget-usd 1:" in text and "0.5 ahead, $3.00" in text


def test_what_is_not_known_refuses_nothing():
    check_limit(Limit(hours=1.4), PLAN, 3600.0, None, 0.0)


def test_dollars_without_a_price_are_refused_with_the_remedy():
    assert "give --usd-per-gpu-hour" in refusal(Limit(usd=1.0))
