"""A config that no run could follow is refused before there is one, by the name of the field."""

import math
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
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
TRIED = """
import pickle, sys
from infra.study.study import replace_fields
from trainables.portrait.config import PortraitConfig
said = []
for knob, value in pickle.load(sys.stdin.buffer):
    try:
        replace_fields(PortraitConfig(), {knob: value})
        said.append("taken")
    except ValueError as error:
        said.append(str(error))
sys.stdout.buffer.write(pickle.dumps(said))
"""
OTHER_TYPES = [
    ("optim.batch", "8", "optim.batch must be a whole number, got '8'"),
    ("portraits.size", "32", "portraits.size must be a whole number, got '32'"),
    ("repa.decay", "ab", "repa.decay must be tuple[float, float], got 'ab'"),
    ("repa.decay", None, "repa.decay must be tuple[float, float], got None"),
    ("ema.kept", 5, ", ...], got 5"),
    ("steps", 4.5, "steps must be a whole number, got 4.5"),
    ("steps", True, "steps must be a whole number, got True"),
    ("drop.pose", "0.1", "drop.pose must be a number, got '0.1'"),
    ("compile", 1, "compile must be True or False, got 1"),
    ("data", None, "data must be text, got None"),
    ("optim", {}, "optim must be OptimConfig, got {}"),
    ("steps", np.int64(9), "taken"),
    ("optim.lr", 1, "taken"),
    ("repa.decay", [0, 1], "taken"),
]
NUMBERS = (
    "optim.lr",
    "optim.weight_decay",
    "time.loc",
    "time.scale",
    "sample.text",
    "sample.scale",
    "parts.face",
    "model.mlp_ratio",
)


@pytest.mark.parametrize("knob", NOWHERE)
def test_a_value_that_leads_nowhere_is_refused(knob):
    value, told = NOWHERE[knob]
    with pytest.raises(ValueError, match=told):
        replace_fields(TINY, {knob: value})


def test_a_value_of_another_type_is_refused_by_the_name_of_its_field():
    """In a process of its own, since in tests every call is held to its types before."""
    given = [(knob, value) for knob, value, _ in OTHER_TYPES]
    asked = [sys.executable, "-c", TRIED]
    told = subprocess.run(asked, input=pickle.dumps(given), capture_output=True, check=True).stdout
    for (knob, value, expected), line in zip(OTHER_TYPES, pickle.loads(told), strict=True):
        assert expected in line, (knob, value)


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
