"""The leaderboard: values, intervals, verdicts and what withholds them."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_up import METRIC, falling, made_up

from infra.answer.board import Row
from infra.answer.budget import Budget
from infra.answer.compare import leaderboard
from infra.ledger.records import Point
from infra.writeup.tables import (
    leaderboard_table,
    markdown,
    number,
    plain,
    plus_minus,
    seeds_table,
    show,
)

BASE = [1.0, 1.3, 1.1, 0.9, 1.2]
NOISE = [0.02, -0.01, 0.005, -0.02, 0.01]


def shifted(by: float, noise: float = 1.0) -> list[float]:
    return [b + by + noise * n for b, n in zip(BASE, NOISE, strict=True)]


def row(board, arm: str) -> Row:
    return next(r for r in board.rows if r.arm == arm)


def board_of(folder: Path, values, at: str = "", **settings):
    plan, ledger = made_up(folder, values, **settings)
    return leaderboard(plan, ledger.records(), Budget.parse(at) if at else None)


def test_mean_and_its_interval_are_those_of_a_t_test(tmp_path: Path) -> None:
    from scipy import stats

    a = row(board_of(tmp_path, {"A": BASE, "B": shifted(-0.5)}), "A")
    expected = stats.ttest_1samp(BASE, 0).confidence_interval(0.95)
    assert a.mean == pytest.approx(1.1)
    assert a.sd == pytest.approx(math.sqrt(0.1 / 4))
    assert a.interval == pytest.approx((expected.low, expected.high))
    assert a.values == tuple(BASE)


def test_difference_is_the_paired_t_test_at_the_level_shared_by_all_arms(tmp_path: Path) -> None:
    from scipy import stats

    values = {"A": BASE, "B": shifted(-0.5), "C": shifted(0.01), "D": shifted(0.3)}
    board = board_of(tmp_path, values)
    assert board.confidence == pytest.approx(1 - 0.05 / 3)
    for arm in ("B", "C", "D"):
        expected = stats.ttest_rel(values[arm], BASE).confidence_interval(1 - 0.05 / 3)
        gap = row(board, arm).difference
        assert gap and gap.interval == pytest.approx((expected.low, expected.high))
        assert gap.seeds == (0, 1, 2, 3, 4)
    assert row(board, "A").difference is None


def test_interval_is_the_one_reckoned_by_hand(tmp_path: Path) -> None:
    """Differences 1, 2, 3: mean 2, sd 1, t(.975, 2) = 4.30265, half width 4.30265 / sqrt 3."""
    gap = row(board_of(tmp_path, {"A": [0, 0, 0], "B": [1, 2, 3]}), "B").difference
    assert gap and gap.interval == pytest.approx((2 - 2.48414, 2 + 2.48414), abs=1e-5)


@pytest.mark.parametrize(
    ("mode", "lower", "higher"), [("min", "better", "worse"), ("max", "worse", "better")]
)
def test_interval_off_zero_is_better_or_worse_by_mode(
    tmp_path: Path, mode: str, lower: str, higher: str
) -> None:
    board = board_of(tmp_path, {"A": BASE, "B": shifted(-0.5), "C": shifted(0.5)}, mode=mode)
    assert (row(board, "B").verdict, row(board, "C").verdict) == (lower, higher)
    assert row(board, "A").verdict == ""
    assert [r.arm for r in board.rows] == (["B", "A", "C"] if mode == "min" else ["C", "A", "B"])


def test_interval_across_zero_is_undecided_however_small_without_a_margin(tmp_path: Path) -> None:
    close = row(board_of(tmp_path, {"A": BASE, "B": shifted(0, 1e-6)}), "B")
    assert (close.verdict, close.reason) == ("undecided", "the interval contains 0")


def test_interval_inside_the_margin_is_equivalent_even_off_zero(tmp_path: Path) -> None:
    values = {"A": BASE, "B": shifted(-0.05, 0.1), "C": shifted(0.05, 5)}
    board = board_of(tmp_path, values, margin=0.1)
    assert row(board, "B").verdict == "equivalent"
    assert row(board, "C").verdict == "undecided"
    assert "beyond the margin ±0.1" in row(board, "C").reason


def test_under_three_paired_seeds_there_is_no_verdict(tmp_path: Path) -> None:
    two = row(board_of(tmp_path / "2", {"A": BASE[:2], "B": shifted(-9)[:2]}), "B")
    assert two.verdict == "undecided"
    assert "n = 2" in two.reason
    one = row(board_of(tmp_path / "1", {"A": BASE[:1], "B": shifted(-9)[:1]}), "B")
    assert one.difference and one.difference.interval is None
    assert (one.sd, one.interval, one.verdict) == (None, None, "undecided")


def test_arm_whose_bad_seeds_crashed_does_not_win_by_the_others(tmp_path: Path) -> None:
    crashed = [*shifted(-0.5)[:4], "failed"]
    better = row(board_of(tmp_path / "b", {"A": BASE, "B": crashed}), "B")
    assert (better.verdict, better.finished, better.failed, better.planned) == (
        "undecided",
        4,
        1,
        5,
    )
    assert "1 of 5 cells of 'B' failed" in better.reason
    same = [*shifted(0)[:4], "failed"]
    assert (
        row(board_of(tmp_path / "e", {"A": BASE, "B": same}, margin=0.5), "B").verdict
        == "undecided"
    )
    worse = [*shifted(0.5)[:4], "failed"]
    assert row(board_of(tmp_path / "w", {"A": BASE, "B": worse}), "B").verdict == "worse"


def test_baseline_whose_bad_seeds_crashed_makes_nobody_worse(tmp_path: Path) -> None:
    values = {"A": [*BASE[:4], "failed"], "B": shifted(0.5), "C": shifted(-0.5)}
    board = board_of(tmp_path, values)
    assert (row(board, "B").verdict, row(board, "C").verdict) == ("undecided", "better")


@pytest.mark.parametrize("status", ["pending", "interrupted"])
def test_verdict_waits_for_unfinished_cells_of_its_pair_alone(tmp_path: Path, status: str) -> None:
    values = {"A": BASE, "B": [*shifted(-0.5)[:4], status], "C": shifted(-0.4)}
    board = board_of(tmp_path, values)
    assert row(board, "B").verdict == "undecided"
    assert "1 of 5 cells of 'B' unfinished" in row(board, "B").reason
    assert row(board, "B").statuses[4] == status
    assert row(board, "C").verdict == "better"


def test_missing_baseline_leaves_no_differences_and_says_so(tmp_path: Path) -> None:
    gone = row(board_of(tmp_path / "1", {"B": BASE}, baseline="A"), "B")
    assert (gone.difference, gone.verdict) == (None, "undecided")
    assert "'A' is not in this sweep" in gone.reason
    empty = row(board_of(tmp_path / "2", {"A": ["failed"] * 5, "B": BASE}), "B")
    assert (empty.difference, empty.verdict) == (None, "undecided")
    assert "'A' has no finished cell; 5 of 5 cells of 'A' failed" in empty.reason


def test_arm_without_a_finished_cell_comes_last_and_has_no_mean(tmp_path: Path) -> None:
    board = board_of(tmp_path, {"Z": ["failed"] * 3, "A": BASE[:3]}, baseline="A")
    assert [r.arm for r in board.rows] == ["A", "Z"]
    assert (board.rows[1].mean, board.rows[1].values) == (None, (None, None, None))


def test_identical_weights_in_one_seed_alone_get_no_verdict_either(tmp_path: Path) -> None:
    theirs = [BASE[0], *(value + 0.0005 for value in BASE[1:])]
    digests = {"weights": lambda arm, seed: f"{seed}" if seed == 0 else f"{arm}{seed}"}
    twin = row(board_of(tmp_path, {"A": BASE, "B": theirs}, margin=0.1, **digests), "B")
    assert twin.verdict == "undecided"
    assert twin.reason.endswith("in 1 of 5 seeds: what they differ in did nothing there")


def test_identical_weights_get_no_verdict_even_inside_the_margin(tmp_path: Path) -> None:
    twin = row(
        board_of(tmp_path, {"A": BASE, "B": BASE}, margin=0.1, weights=lambda a, s: f"{s}"), "B"
    )
    assert twin.verdict == "undecided"
    assert twin.reason.startswith("identical weights in 5 of 5 seeds")


def test_without_spread_there_is_no_verdict(tmp_path: Path) -> None:
    """0.1 apart in every seed, but for the last digits that floats round."""
    values = {"A": [0.3, 0.5 + 2**0.5, 0.7 + 3**0.5], "B": [0.2, 0.4 + 2**0.5, 0.6 + 3**0.5]}
    apart = row(board_of(tmp_path / "1", values), "B")
    assert apart.verdict == "undecided"
    assert "no spread" in apart.reason
    saturated = {"A": [1.0] * 3, "B": [1.0] * 3}
    same = board_of(tmp_path / "2", saturated, margin=0.1, resolution=0.0)
    assert "no spread" in row(same, "B").reason


def test_missing_metric_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"'val/acc'.* it has perf/train_s, .*val/loss_nats"
    ) as error:
        board_of(tmp_path, {"A": BASE}, metric="val/acc")
    assert "\n" not in str(error.value)


def test_metric_of_some_cells_is_empty_in_the_others_and_never_zero(tmp_path: Path) -> None:
    def late(arm: str, seed: int, value: float) -> list[Point]:
        told = falling(arm, seed, value)
        extra = {"val/lpips": 0.7} if seed == 1 else {}
        return [*told[:-1], Point(40, {**told[-1].metrics, **extra})]

    a = row(board_of(tmp_path, {"A": BASE[:3]}, points=late), "A")
    assert a.metrics["val/lpips"] == (None, 0.7, None)
    assert a.metrics["val/top1"] == (0.5, 0.5, 0.5)
    assert METRIC not in a.metrics


def test_dollars_are_gpu_hours_times_the_price_and_empty_without_either(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, "failed"], "B": ["pending"] * 3}
    paid = board_of(tmp_path / "1", values, gpus=0.5, usd_per_gpu_hour=4.0)
    assert (row(paid, "A").gpu_hours, row(paid, "A").cost_usd) == (0.75, 3.0)
    assert (row(paid, "B").gpu_hours, row(paid, "B").cost_usd) == (None, None)
    assert row(board_of(tmp_path / "2", values, gpus=0.5), "A").cost_usd is None
    assert row(board_of(tmp_path / "3", values, usd_per_gpu_hour=4.0), "A").cost_usd is None


@pytest.mark.parametrize(
    ("at", "more"),
    [("steps=40", 0), ("steps=20", 2), ("steps=25", 1.5), ("seconds=5", 2), ("examples=90", 1.75),
     ("train/examples=90", 1.75), ("steps=0", 4)],
)  # fmt: skip
def test_other_budgets_are_read_between_reported_points(
    tmp_path: Path, at: str, more: float
) -> None:
    board = board_of(tmp_path, {"A": BASE, "B": shifted(-0.5)}, at=at)
    assert row(board, "A").values == pytest.approx([b + more for b in BASE])
    assert board.exploratory
    assert board.budget == at


@pytest.mark.parametrize("at", ["steps=41", "seconds=10.5", "examples=1000", "examples=39"])
def test_budget_that_a_cell_never_reached_is_refused_with_the_reach_of_all(
    tmp_path: Path, at: str
) -> None:
    with pytest.raises(ValueError, match=r"cell 0-s0 must have got there.* choose within") as error:
        board_of(tmp_path, {"A": BASE}, at=at)
    assert "\n" not in str(error.value)


def test_budget_is_refused_when_one_seed_of_one_arm_fell_short(tmp_path: Path) -> None:
    def short(arm: str, seed: int, value: float) -> list[Point]:
        told = falling(arm, seed, value)
        return told[:4] if (arm, seed) == ("B", 2) else told

    values = {"A": BASE[:3], "B": BASE[:3]}
    with pytest.raises(
        ValueError, match="cell 1-s2 must have got there.* within 0 to 30, which all"
    ):
        board_of(tmp_path / "1", values, at="steps=40", points=short)
    notes = board_of(tmp_path / "2", values, points=short).notes
    assert "arms end at different steps: A 40, B by seed" in notes


def test_budget_by_an_unreported_or_falling_metric_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must report 'train/tokens'; what .* is .*train/examples"):
        board_of(tmp_path / "1", {"A": BASE}, at="train/tokens=10")
    with pytest.raises(ValueError, match="'val/loss_nats' must never fall"):
        board_of(tmp_path / "2", {"A": BASE}, at="val/loss_nats=2")


@pytest.mark.parametrize(
    "text", ["steps", "steps=", "=3", "steps=-1", "steps=nan", "100", "steps=1x"]
)
def test_misspelt_budget_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example steps=1000"):
        Budget.parse(text)


def test_damaged_cell_has_no_value_and_is_named(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": BASE[:3], "B": shifted(-0.5)[:3]})
    (tmp_path / "runs/sweep/cells/1-s2/0001-aa/points-000000040.json").write_text("[]")
    board = leaderboard(plan, ledger.records())
    assert (row(board, "B").finished, row(board, "B").verdict) == (2, "undecided")
    assert any("1-s2" in note for note in board.notes)


def test_leaderboard_is_plain_json_with_its_schema(tmp_path: Path) -> None:
    board = board_of(tmp_path, {"A": BASE, "B": shifted(-0.5)})
    raw = json.loads(json.dumps(board.to_json(), allow_nan=False))
    assert raw["schema"] == 1
    assert raw["rows"][0]["difference"]["seeds"] == [0, 1, 2, 3, 4]


def test_importing_the_comparison_costs_no_heavy_library() -> None:
    heavy = "torch ray mlflow matplotlib pandas scipy numpy rich".split()
    code = (
        "import sys; from infra.answer import compare, findings;"
        "from infra.writeup import export, plots, tables;"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_two_hundred_cells_are_compared_well_within_a_second(tmp_path: Path) -> None:
    values = {f"arm {i}": [b + 0.01 * i for b in BASE] for i in range(40)}
    plan, ledger = made_up(tmp_path, values)
    leaderboard(plan, ledger.records())  # imports scipy
    began = time.process_time()
    leaderboard(plan, ledger.records(), Budget.parse("steps=25"))
    assert time.process_time() - began < 1.0


# Tables


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [(1.23456, 0.0123, "1.235 ± 0.012"), (-0.00004, 0.02, "0.000 ± 0.020"),
     (123456.0, 1234.0, "123456 ± 1234"),
     (3.2e-7, 1e-8, "(3.20 ± 0.10)e-7"), (2.0, None, "2"), (None, None, "-"), (1.5, 0.0, "1.5"),
     (4e9, 2e8, "(4.00 ± 0.20)e+9")],
)  # fmt: skip
def test_numbers_carry_the_digits_of_their_spread(value, half, text: str) -> None:
    assert plus_minus(value, half) == text
    assert number(0.123456789) == "0.12346"


def test_only_rows_with_the_verdict_better_are_bold(tmp_path: Path) -> None:
    best = {"A": BASE, "lucky": [0.1, 1.2, 1.0, 0.8, 1.1], "B": shifted(-0.1)}
    table = leaderboard_table(board_of(tmp_path, best))
    bold = [line for line in markdown(table).splitlines() if "**" in line]
    assert table.rows[0][0] == "lucky"
    assert [line.split("|")[1].strip() for line in bold] == ["**B**"]


def test_leaderboard_fits_a_terminal_of_a_hundred_columns(tmp_path: Path, capsys) -> None:
    long = "route_fraction=0.5,optimizer=adamw,[red]depth=12"
    values = {"A": BASE, long: [*shifted(-1234.5)[:4], "failed"]}
    board = board_of(tmp_path, values, gpus=1, usd_per_gpu_hour=2.5)
    show(leaderboard_table(board))
    shown = capsys.readouterr().out
    for text in (shown, plain(leaderboard_table(board))):
        drawn = text.split("baseline A:")[0].splitlines()
        assert max(map(len, drawn)) <= 100
        assert "1 of 5" in text
        assert "undecided" in text
        assert "[red]" in "".join(text.split())
    assert "failed" in plain(seeds_table(board))


def test_tables_are_plain_text_where_rich_is_absent(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    table = leaderboard_table(board_of(tmp_path, {"A": BASE}))
    show(table)
    assert capsys.readouterr().out == plain(table) + "\n"
    assert table.to_json()["rows"][0]["arm"] == "A"


def test_markdown_shows_odd_names_as_they_are(tmp_path: Path) -> None:
    text = markdown(leaderboard_table(board_of(tmp_path, {"a|b*<c>": BASE})))
    assert "a\\|b\\*\\<c\\>" in text or "a\\|b\\*\\<c>" in text


def test_differences_that_single_precision_would_lose_are_not_called_the_same(tmp_path) -> None:
    """Scores of 1e8 that differ by some thousandths: told as rounding, with the size of it."""
    values = {"A": [1e8, 1e8 + 0.1, 1e8 + 0.2], "B": [1e8 + 0.0022, 1e8 + 0.1028, 1e8 + 0.2029]}
    reason = board_of(tmp_path / "1", values).rows[-1].reason
    assert "as close together as single precision rounds scores of this size, 24" in reason
    same = {"A": [0.13, 0.27, 0.39], "B": [0.63, 0.77, 0.89]}
    assert "one and the same difference" in board_of(tmp_path / "2", same).rows[-1].reason
