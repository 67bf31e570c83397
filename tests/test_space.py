"""Claims and the findings that they make."""

import pytest

from search_spaces.space import Claim, Finding, Grid, calculated, recorded


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


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((None, "None"), ["x=None", "x='None'"]),
        ((1, "1", 2), ["x=1", "x='1'", "x=2"]),
        ((True, "True", 1), ["x=True", "x='True'", "x=1"]),
        (("0.5", 0.5), ["x='0.5'", "x=0.5"]),
        (((4, 4, 1), (8,), (2, (3, 4))), ["x=4/4/1", "x=8", "x=2/3/4"]),
        ((8, (8,)), ["x=8", "x=(8)"]),
        (((1, "1"), (1, 1)), ["x=(1/'1')", "x=(1/1)"]),
        (((), [8], None, 1e-5, "a b"), ["x=()", "x=[8]", "x=None", "x=1e-05", "x=a b"]),
    ],
)
def test_values_of_an_axis_have_names_of_their_own(values, names):
    grid = Grid(source="none", axes={"head.x": values})
    assert list(grid.arms()) == names
    assert [arm["head.x"] for arm in grid.arms().values()] == list(values)


def test_an_axis_with_one_value_twice_is_refused():
    with pytest.raises(ValueError, match=r"axis 'x': its values .* and 0.5 is one of several"):
        Grid(source="none", axes={"x": (0.5, 0.1, 0.5)})


def test_arms_of_a_grid_whose_names_fall_together_are_refused():
    with pytest.raises(ValueError, match="each of its 4 arms must have a name of its own"):
        Grid(source="none", axes={"x": ("a", "a y=b"), "y": ("b y=b", "b")})


@pytest.mark.parametrize("values", ["rms", (), {"a": 1}, 8])
def test_an_axis_that_is_no_tuple_of_values_is_refused(values):
    with pytest.raises(ValueError, match=r"grid, axis 'norm': must be a tuple of values, got"):
        Grid(source="none", axes={"norm": values})
