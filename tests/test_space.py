"""Claims and the findings that they make."""

import pytest

from search_spaces.space import Claim, Finding, calculated, recorded


def above_one(view):
    return view.final("half", "val/score") - 1


def test_a_claim_and_what_it_says_are_the_finding_spelt_out():
    said = Claim("X-1", "REPO", "the paper, table 2", ("lab", "paper")).says(
        "Half is above one.", documented="1.2", holds=above_one, needs="scale lab"
    )
    assert said == Finding(
        id="X-1",
        tag="REPO",
        statement="Half is above one.",
        source="the paper, table 2",
        documented="1.2",
        scales=("lab", "paper"),
        holds=above_one,
        needs="scale lab",
    )


@pytest.mark.parametrize(("claim", "scale"), [(recorded, "record"), (calculated, "math")])
def test_a_claim_on_tables_or_by_arithmetic_needs_no_sweep(claim, scale):
    said = claim("X-2", "SEED", "a post").says("Two is two.", documented="2", holds=lambda _: True)
    assert said.scales == (scale,)


def test_a_claim_that_nothing_here_can_test_says_what_it_needs():
    claim = Claim("X-3", "SEED", "a post")
    assert claim.says("It scales.", documented="once", needs="ten machines").holds is None
    with pytest.raises(ValueError, match="X-3: without a predicate it must say what it needs"):
        claim.says("It scales.", documented="once")
