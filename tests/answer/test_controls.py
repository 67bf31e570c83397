"""Controls on the leaderboard: compared with, never judged, and at no cost to those who are."""

from pathlib import Path
from typing import Any

import pytest
from made_up import METRIC, falling, made_up
from small_study import study

from infra.answer.board import Leaderboard, Row
from infra.answer.budget import Budget
from infra.answer.compare import leaderboard
from infra.answer.sequential import next_look
from infra.execution.sweep import join_plan
from infra.ledger.records import Point
from infra.study.plan import Plan, make_plan
from infra.writeup.plots import pictures
from infra.writeup.report import report
from infra.writeup.sentences import answers, headline
from infra.writeup.short import short_table
from infra.writeup.tables import leaderboard_table

VALUES = {
    "A": [1.0, 1.3, 1.1, 0.9, 1.2],
    "B": [0.52, 0.79, 0.605, 0.38, 0.71],
    "random": [7.0, 7.4, 7.1, 7.3, 7.2],
    "empty": [9.0] * 5,
}
CONTROLS = ("random", "empty")


def points(arm: str, seed: int, value: float) -> list[Point]:
    if arm in CONTROLS:
        return [Point(0, {METRIC: value, "perf/train_s": 0.0})]
    return falling(arm, seed, value)


def board_of(folder: Path, values: Any = VALUES, at: str = "", **settings: Any) -> Leaderboard:
    plan, ledger = made_up(folder, values, points=points, **{"controls": CONTROLS, **settings})
    return leaderboard(plan, ledger.records(), Budget.parse(at) if at else None)


def row(board: Leaderboard, arm: str) -> Row:
    return next(row for row in board.rows if row.arm == arm)


def test_a_control_takes_no_share_of_the_error_and_has_its_difference(tmp_path: Path) -> None:
    board = board_of(tmp_path / "with")
    two = {arm: VALUES[arm] for arm in ("A", "B")}
    alone = board_of(tmp_path / "without", two, controls=())
    assert board.confidence == alone.confidence == pytest.approx(0.95)
    assert row(board, "B") == row(alone, "B")
    control = row(board, "random")
    assert control.verdict == "control" and control.difference
    assert control.difference.mean == pytest.approx(6.1)
    assert control.difference.interval and control.difference.interval[0] > 0
    assert [r.arm for r in board.rows] == ["B", "A", "random", "empty"]


def test_a_control_is_neither_a_confound_nor_labelled_nor_off_in_steps(tmp_path: Path) -> None:
    board = board_of(tmp_path)
    assert not [note for note in board.notes if "random" in note or "empty" in note]
    assert row(board, "random").beside == () and set(row(board, "empty").labels) == {None}


def test_a_control_reads_the_same_at_every_budget(tmp_path: Path) -> None:
    board = board_of(tmp_path, at="steps=20")
    assert row(board, "random").mean == pytest.approx(7.2)
    assert row(board, "A").mean == pytest.approx(3.1)


def test_a_control_with_a_failed_cell_says_so_and_is_still_no_verdict(tmp_path: Path) -> None:
    board = board_of(tmp_path, {**VALUES, "random": [7.0, 7.4, "failed", 7.3, 7.2]})
    control = row(board, "random")
    assert (control.verdict, control.failed) == ("control", 1)
    assert "1 of 5 cells of 'random' failed" in control.reason
    assert row(board, "B").verdict == "better"


def test_constant_controls_do_not_hide_the_step_of_the_metric(tmp_path: Path) -> None:
    counted = {"A": [n / 8 for n in (1, 4, 2, 7, 3)], "B": [n / 8 for n in (2, 4, 3, 6, 5)]}

    def flat(arm: str, seed: int, value: float) -> list[Point]:
        return [Point(0 if arm in CONTROLS else 9, {METRIC: value})]

    odd = {**counted, "random": [0.3, 0.41, 0.37, 0.32, 0.36], "empty": [0.0] * 5}
    plan, ledger = made_up(tmp_path, odd, points=flat, controls=CONTROLS)
    assert any(
        "moves in steps of 0.125" in note for note in leaderboard(plan, ledger.records()).notes
    )


def test_tables_sentences_and_pictures_tell_a_control_as_one(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, VALUES, points=points, controls=CONTROLS)
    board = leaderboard(plan, ledger.records())
    table = leaderboard_table(board)
    verdicts = {r[0]: r[table.columns.index("verdict")] for r in table.rows}
    assert verdicts == {"A": "baseline", "B": "better", "random": "control", "empty": "control"}
    assert any(n.startswith("random and empty: compared with and not trained") for n in table.notes)
    assert headline(board) == "Of 1 arm compared to A, 1 is better."
    assert "random, a control, reaches 7.20 ± 0.20 (5 seeds), minus A 6.10 ± 0.22." in answers(
        board
    )
    drawn = pictures(plan, ledger.records())
    assert "level: random 7.2 and empty 9" in drawn["curves"].lines[1]
    assert len(drawn["curves"].figure.axes) == 1
    page = report(plan, ledger, ())
    assert "random, a control" in page and "B › A<" in page


def test_among_many_arms_controls_are_not_tallied(tmp_path: Path) -> None:
    many = {f"arm {i:02d}": [v + i for v in VALUES["A"]] for i in range(31)}
    board = board_of(tmp_path, {**many, "empty": [40.0] * 5}, controls=("empty",))
    [tally] = [note for note in short_table(board).notes if note.startswith("of ")]
    assert tally.startswith("of 30 arms 30 worse (") and "control" not in tally


def test_controls_get_the_seeds_that_other_arms_get(tmp_path: Path) -> None:
    from small_study import arms

    told = {
        "a": [1.0, 2.0, 3.0],
        "b": [2.0, 1.0, 3.5],
        "c": [0.5, 1.501, 2.499],
        "empty": [9.0] * 3,
    }
    one = study(
        space=arms(a={}, b={"rate": 0.2}, c={"rate": 0.3}, empty={"rate": 0.4}),
        controls=("empty",), seeds=(0, 1, 2),
    )  # fmt: skip
    plan, ledger = made_up(
        tmp_path, told, controls=("empty",), study="s", max_seeds=8, scale="lab", baseline="a",
        points=lambda arm, seed, value: [Point(0 if arm == "empty" else 5, {METRIC: value})],
    )  # fmt: skip
    further = next_look(one, _like(plan, one), leaderboard(plan, ledger.records()))
    assert further
    new = [(cell.arm, cell.seed) for cell in further.cells if cell.seed > 2]
    assert new == [(arm, seed) for seed in (3, 4) for arm in ("a", "b", "empty")]


def _like(plan: Plan, one: Any) -> Plan:
    """The study's own plan, under the laws of a sequential sweep."""
    return make_plan(one, "lab", max_seeds=plan.max_seeds)


def test_a_control_may_join_a_sweep_that_looks_already(tmp_path: Path) -> None:
    old, ledger = made_up(
        tmp_path, {arm: VALUES[arm][:3] for arm in ("A", "B")}, max_seeds=8, controls=("empty",)
    )
    new, _ = made_up(
        tmp_path / "new", {arm: VALUES[arm][:3] for arm in ("A", "B", "empty")}, max_seeds=8,
        controls=("empty",),
    )  # fmt: skip
    assert join_plan(ledger, new).arms == ["A", "B", "empty"]
    assert old.comparisons == new.comparisons == 1
