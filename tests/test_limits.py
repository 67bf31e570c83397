"""What a sweep may cost: refused before it starts, stopped resumably when it gets there."""

from dataclasses import replace

import pytest
from test_study import study

from infra.errors import Refused
from infra.limits import Limit, check_limit
from infra.plan import make_plan


def refusal(limit: Limit, **settings: object) -> str:
    one = replace(study(), cell_seconds={"lab": 1800.0})
    plan = make_plan(one, "lab", **settings)
    with pytest.raises(Refused) as told:
        check_limit(limit, one, plan, {}, plan.gpus or 0.0)
    return str(told.value)


def test_what_the_study_says_it_costs_is_compared_with_the_limit_before_the_start():
    cells = len(make_plan(study(), "lab").cells)
    assert f"about {cells / 2:.3g} ahead for {cells} cells" in refusal(Limit(hours=1.0))
    text = refusal(Limit(usd=1.0), usd_per_gpu_hour=4.0, gpus=0.5)
    assert "--budget-usd 1" in text and f"${cells:.2f}" in text


def test_dollars_without_a_price_are_refused_with_the_remedy():
    assert "give --usd-per-gpu-hour" in refusal(Limit(usd=1.0))
