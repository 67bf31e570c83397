"""A config that no run could follow is refused before there is one, by the name of the field."""

import math
from dataclasses import dataclass
from typing import Literal

import pytest
from tiny_portraits import TINY

from infra.study.study import replace_fields
from trainables.checks import refuse_unlisted

NOWHERE = {
    "portraits.size": (0, "portraits.size must be at least 1, got 0"),
    "model.mlp_ratio": (0.01, "model.mlp_ratio must leave a number of hidden 16, got 0.01"),
    "repa.block": (-3, "repa.block must be below model.depth 4, or -1 for the middle, got -3"),
    "sample.t_min": (1.0, r"sample.t_min must be in \[0, 1\), got 1.0"),
    "evaluation.edits": (-1, "evaluation.edits must be at least 0, got -1"),
}
NUMBERS = ("time.loc", "time.scale", "sample.text", "sample.scale", "parts.face", "model.mlp_ratio")


@pytest.mark.parametrize("knob", NOWHERE)
def test_a_value_that_leads_nowhere_is_refused(knob):
    value, told = NOWHERE[knob]
    with pytest.raises(ValueError, match=told):
        replace_fields(TINY, {knob: value})


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("knob", NUMBERS)
def test_a_number_that_is_none_is_refused_and_not_trained_with(knob, value):
    with pytest.raises(ValueError, match=f"{knob} must be .*, got {value}"):
        replace_fields(TINY, {knob: value})


@pytest.mark.parametrize("knob", ["drop.all", "drop.pose"])
def test_shares_of_drops_that_have_no_sum_are_refused(knob):
    with pytest.raises(ValueError, match="drop: shares must be at least 0 and sum to 1 at most"):
        replace_fields(TINY, {knob: math.nan})


def test_weights_that_count_nothing_are_refused():
    nothing = dict.fromkeys(("parts.face", "parts.background", "parts.other"), 0.0)
    with pytest.raises(ValueError, match="parts: one weight must be above 0 at least"):
        replace_fields(TINY, nothing)


def test_each_of_several_values_must_be_one_of_those_listed():
    @dataclass
    class Several:
        kept: tuple[Literal["short", "long"], ...]

    refuse_unlisted(Several(kept=("long", "short")))
    with pytest.raises(ValueError, match=r"kept must be one of \('short', 'long'\), got 'slow'"):
        refuse_unlisted(Several(kept=("long", "slow")))


@pytest.mark.parametrize("decay", [(0.5, 0.2), (-0.1, 0.2), (0.1, 1.2)])
def test_a_decay_of_repa_that_is_no_pair_of_rising_shares_is_refused(decay):
    with pytest.raises(ValueError, match="repa.decay must be two rising shares"):
        replace_fields(TINY, {"repa.decay": decay})
