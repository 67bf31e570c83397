"""What a counted metric can tell: its step floors the spread, and two points are named."""

import random
from pathlib import Path

import pytest
import torch
from made_up import METRIC, made_up

from infra.answer.board import Row
from infra.answer.compare import leaderboard
from infra.answer.resolution import bimodal, step_of
from infra.ledger.records import Point
from infra.writeup.tables import leaderboard_table, plain

STEP = 1 / 256


def hits(arm: str, seed: int, value: float) -> list[Point]:
    """Top-1 among 256 that climbs to so many hits."""
    counts = (1, 3, 4, 9, value)
    return [Point(10 * i, {METRIC: n * STEP}) for i, n in enumerate(counts)]


def board_of(folder: Path, values, **settings):
    plan, ledger = made_up(folder, values, mode="max", points=hits, **settings)
    return leaderboard(plan, ledger.records())


def row_of(folder: Path, values, **settings) -> Row:
    return next(row for row in board_of(folder, values, **settings).rows if row.arm == "B")


@pytest.mark.parametrize("values", [(0.5, 0.5, 0.53), (1.0, 1.0, 1.0 + 2**-52)])
def test_tie_of_two_seeds_in_three_is_no_sign_of_two_points(values) -> None:
    assert bimodal(dict(enumerate(values)), 0.0) == ""


def test_equal_hits_in_all_seeds_leave_the_uncertainty_of_a_step(tmp_path: Path) -> None:
    """t(2, .975) = 4.303 times half a step over the root of three."""
    row = row_of(tmp_path, {"A": [20, 20, 20], "B": [22, 22, 22]})
    assert row.difference and row.difference.interval
    low, high = row.difference.interval
    assert high - low == pytest.approx(4.3027 * STEP / 3**0.5, rel=1e-4)
    assert row.interval and row.interval[1] > row.interval[0]
    assert row.verdict == "better"


def test_one_step_in_three_seeds_is_no_difference(tmp_path: Path) -> None:
    row = row_of(tmp_path, {"A": [20, 20, 20], "B": [21, 21, 21]})
    assert (row.verdict, row.reason) == ("undecided", "the interval contains 0")


def test_equal_hits_are_equivalent_within_a_margin_of_some_steps_alone(tmp_path: Path) -> None:
    same = {"A": [20, 20, 20], "B": [20, 20, 20]}
    assert row_of(tmp_path / "1", same, margin=2 * STEP).verdict == "equivalent"
    assert row_of(tmp_path / "2", same, margin=STEP / 2).verdict == "undecided"


def test_step_that_the_study_declares_counts_where_the_points_cannot_show_it(
    tmp_path: Path,
) -> None:
    def flat(arm: str, seed: int, value: float) -> list[Point]:
        return [Point(10 * i, {METRIC: value * STEP}) for i in range(5)]

    values = {"A": [20, 20, 20], "B": [24, 24, 24]}
    plan, ledger = made_up(tmp_path / "1", values, points=flat)
    assert "no spread" in leaderboard(plan, ledger.records()).rows[1].reason
    plan, ledger = made_up(tmp_path / "2", values, points=flat, resolution=STEP)
    assert leaderboard(plan, ledger.records()).rows[1].verdict == "worse"


def test_spread_above_the_step_is_judged_as_it_is(tmp_path: Path) -> None:
    values = {"A": [20, 24, 29, 21, 23], "B": [30, 33, 41, 32, 30]}
    told = row_of(tmp_path / "1", values)
    free = row_of(tmp_path / "2", values, resolution=0.0)
    assert told.difference and free.difference
    assert told.difference.interval == free.difference.interval


def test_step_is_on_the_leaderboard_and_on_the_plan(tmp_path: Path) -> None:
    board = board_of(tmp_path, {"A": [20, 20, 20], "B": [22, 22, 22]})
    note = f"{METRIC} moves in steps of 0.003906, and no spread is taken for less"
    assert note in board.notes
    plan, _ = made_up(tmp_path / "2", {"A": [1]}, resolution=STEP)
    assert type(plan).from_json(plan.to_json()).resolution == STEP


def test_counts_show_their_step_and_other_numbers_none() -> None:
    draw = random.Random(5)
    assert step_of(draw.randrange(999) / 999 for _ in range(300)) == pytest.approx(1 / 999)
    assert step_of([0.25 + n * STEP for n in (0, 4, 6, 90)]) == pytest.approx(2 * STEP)
    assert step_of(draw.random() for _ in range(300)) == 0.0
    assert step_of([0.1, 0.7, 0.1]) == 0.0  # any two are multiples of something
    single = [round((1 + draw.random() / 100) * 2**23) / 2**23 for _ in range(300)]
    assert step_of(single) == 0.0  # how float32 is spaced is no count


def test_seeds_on_two_points_are_told_with_how_many(tmp_path: Path) -> None:
    values = {"A": [20, 22, 21, 24, 25], "B": [21, 140, 22, 139, 20]}
    board = board_of(tmp_path, values)
    told = next(row for row in board.rows if row.arm == "B").bimodal
    assert told == "bimodal, 2 of 5 near 0.5449, the others near 0.08203"
    assert f"B: {told}" in board.notes
    assert "bimodal, 2 of 5" in " ".join(plain(leaderboard_table(board)).split())


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_normal_seeds_are_hardly_ever_called_bimodal(count: int) -> None:
    draw = random.Random(count)
    samples = ({s: draw.gauss(0, 1) for s in range(count)} for _ in range(20_000))
    assert sum(bool(bimodal(values, 0.0)) for values in samples) <= 0.012 * 20_000


def test_neighbouring_counts_are_not_two_points() -> None:
    assert not bimodal(dict(enumerate([3 * STEP, 4 * STEP, 3 * STEP, 4 * STEP, 4 * STEP])), STEP)
    assert not bimodal({0: 0.5, 1: 0.5, 2: 0.5}, 0.0)
    assert not bimodal({0: 0.0, 1: 1.0}, 0.0)


@pytest.mark.parametrize("count", [100, 256, 1000])
def test_step_of_a_mean_in_single_precision_is_found(count: int) -> None:
    hits = [3, 17, 18, 40, 61, 62, 90]
    means = [(torch.arange(count) < k).float().mean().item() for k in hits]
    assert step_of(means) == pytest.approx(1 / count, rel=1e-4)
