"""Differences that are far from even are named with what their signs say; normal ones are not."""

from pathlib import Path

import numpy
import pytest
from made_up import made_up
from scipy.stats import binomtest

from infra.answer.compare import leaderboard
from infra.answer.uneven import by_signs, fewest_seeds, uneven
from infra.answer.verdicts import Sample, paired
from infra.writeup.tables import leaderboard_table

BASE = [1.0, 1.3, 1.1, 0.9, 1.2]
EVEN = [1.12, 1.35, 1.19, 0.98, 1.33]
SPOILT = [1.12, 1.35, 1.19, 0.98, 9.0]


def called(values, comparisons: int = 1, **known: float) -> str:
    one = Sample(tuple(range(len(values))), tuple(map(float, values)), **known)
    return uneven(paired(one.seeds, one.values, 0.05, one.resolution), one, comparisons)


def board_of(folder: Path, values, **settings):
    plan, ledger = made_up(folder, values, **settings)
    return leaderboard(plan, ledger.records())


def share_called(draw, seeds: int, sweeps: int) -> float:
    rng = numpy.random.default_rng(0)
    return sum(bool(called(draw(rng, seeds))) for _ in range(sweeps)) / sweeps


def test_a_seed_that_carries_the_mean_is_named():
    assert called([0.1, 0.12, 0.09, 0.11, 5.0]) == "seed 4 lies far from the others"
    assert called([0.1, 0.12, 0.09, 0.11, 0.14]) == ""


def test_many_seeds_are_called_skewed_by_their_shape():
    assert called([0.1, 0.12, 0.09, 0.11, 4.0, 0.1, 0.13, 5.0, 0.1, 0.12]) == "far from symmetric"


@pytest.mark.parametrize("seeds", [3, 5, 7, 8, 12])
def test_normal_differences_are_called_uneven_in_two_sweeps_of_a_hundred_at_most(seeds: int):
    def normal(rng: numpy.random.Generator, n: int):
        return rng.standard_normal(n)

    assert share_called(normal, seeds, 400 if seeds >= 8 else 2000) <= 0.02


def test_skewed_and_diverging_differences_are_called_uneven_once_a_seed_shows_it():
    def skewed(rng: numpy.random.Generator, n: int):
        return numpy.exp(2 * rng.standard_normal(n))

    def diverging(rng: numpy.random.Generator, n: int):
        return rng.standard_normal(n) + 30 * (numpy.arange(n) == 0)

    assert share_called(skewed, 5, 1000) > 0.2 and share_called(skewed, 12, 300) > 0.6
    assert share_called(diverging, 5, 1000) > 0.9


def test_further_arms_share_the_false_alarms():
    values = [0.1, 0.16, 0.04, 0.12, 0.8]
    assert called(values, comparisons=1) and not called(values, comparisons=100)


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ([0, 0, 0.0625], {}),
        ([1 / 3, 2 / 3 - 1 / 3, 1.0], {"rounding": 1e-7}),
        ([0, 0, 0, 0.02, 0.02, 0, 0, 0.04], {"resolution": 0.02}),
        ([0.5, 0.5, 0.5], {}),
    ],
)
def test_counts_and_ties_are_not_called_uneven(values, known):
    assert called(values, **known) == ""


def test_the_board_names_the_arms_in_one_footnote_with_what_their_signs_say(tmp_path: Path):
    board = board_of(tmp_path, {"A": BASE, "B": SPOILT, "C": EVEN})
    rows = {row.arm: row for row in board.rows}
    assert rows["B"].uneven and rows["B"].by_signs == "undecided, ahead in 0 of 5 seeds"
    assert (rows["C"].uneven, rows["C"].by_signs, rows["A"].uneven) == ("", "", "")
    [told] = [note for note in board.notes if note.startswith("uneven over seeds")]
    assert "B (seed 4 lies far from the others)" in told and "C" not in told
    assert "B undecided, ahead in 0 of 5 seeds" in told
    assert "decides nothing under 7 seeds" in told
    shown = {row[0]: row for row in leaderboard_table(board).rows}
    assert "uneven seeds" in shown["B"][-1] and "uneven" not in shown["C"][-1]


def test_an_even_sweep_has_no_footnote(tmp_path: Path):
    assert "uneven" not in " ".join(board_of(tmp_path, {"A": BASE, "B": EVEN}).notes)


def test_differences_that_decide_nothing_are_not_asked(tmp_path: Path):
    control = board_of(tmp_path / "c", {"A": BASE, "B": SPOILT, "C": EVEN}, controls=("B",))
    other = board_of(
        tmp_path / "o",
        {"A": BASE, "B": SPOILT},
        starts=lambda arm, seed: {"code": {"package_digest": arm}} if arm == "B" else {},
    )
    assert not any(row.uneven for row in (*control.rows, *other.rows))


@pytest.mark.parametrize(("ahead", "of"), [(8, 8), (1, 12), (5, 7), (10, 12), (0, 0)])
def test_the_sign_test_is_the_exact_one_and_leaves_out_seeds_without_a_difference(ahead, of):
    values = [-1.0] * ahead + [2.0] * (of - ahead) + [0.0]
    difference = paired(tuple(range(len(values))), values, 0.05)
    chance = binomtest(ahead, of).pvalue if of else 1.0
    for alpha in (0.05, 0.05 / 3, 0.001):
        verdict = "undecided" if chance > alpha else "better" if ahead > of / 2 else "worse"
        assert by_signs(difference, alpha, "min") == f"{verdict}, ahead in {ahead} of {of} seeds"


def test_more_is_ahead_where_more_is_better():
    difference = paired(range(6), [1.0, 2, 3, 1, 2, 3], 0.05)
    assert by_signs(difference, 0.05, "max") == "better, ahead in 6 of 6 seeds"


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 3, 0.05 / 12, 1 / 32])
def test_the_fewest_seeds_are_those_at_which_signs_decide_if_all_point_one_way(alpha: float):
    n = fewest_seeds(alpha)
    told = [by_signs(paired(range(k), [1.0] * k, 0.05), alpha, "max") for k in (n - 1, n)]
    assert [text.partition(",")[0] for text in told] == ["undecided", "better"]
    assert n > 3
