"""Of many arms a terminal shows the best and says alike things once; everything else is whole."""

import json
from pathlib import Path

import pandas
import pytest
from conftest import ablate
from made_up import METRIC, falling, made_up

from infra.answer.compare import leaderboard
from infra.answer.index import read_records
from infra.ledger.ledger import Ledger
from infra.ledger.records import Point
from infra.study.plan import Plan
from infra.writeup.export import export
from infra.writeup.plots import pictures
from infra.writeup.short import folded, short_table
from infra.writeup.tables import leaderboard_table

ARMS = {f"arm {i}": [i + 0.1 * ((7 * i + 3 * s) % 5) for s in range(3)] for i in range(40)}
BASELINE = "arm 35"


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Plan, Ledger]:
    values = {**ARMS, "arm 3": [3.0, "failed", 3.2], "arm 38": [38.0, "failed", "failed"]}
    return made_up(tmp_path, values, baseline=BASELINE)


def test_the_best_thirty_and_the_baseline_are_shown(sweep) -> None:
    plan, ledger = sweep
    board = leaderboard(plan, read_records(plan, ledger))
    table = short_table(board)
    assert [row[0] for row in table.rows] == [*(f"arm {i}" for i in range(30)), BASELINE]
    assert table.notes[-2:] == (
        "9 more arms: --top 40 shows them",
        "--json and ablate export have every arm and every note",
    )
    assert len(short_table(board, 40).rows) == 40
    assert [row[0] for row in short_table(board, 2).rows] == ["arm 0", "arm 1", BASELINE]


def test_rows_keep_their_strength_where_others_are_left_out(sweep) -> None:
    plan, ledger = sweep
    board = leaderboard(plan, read_records(plan, ledger))
    whole, short = leaderboard_table(board), short_table(board, 5)
    assert {whole.rows[i] for i in whole.strong if i < 5} == {short.rows[i] for i in short.strong}
    assert short.strong


def test_few_arms_are_told_as_ever(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1.0, 2.0], "B": [2.0, 3.0]})
    board = leaderboard(plan, read_records(plan, ledger))
    assert short_table(board) == leaderboard_table(board)


def test_notes_of_one_kind_are_one_with_the_range_of_their_numbers() -> None:
    notes = [
        "all seeds share one evaluation set",
        "a 1: if mean stayed, about 4 seeds (0.5 worker-hours more) would decide",
        "b: x: if mean stayed, about 12 seeds (2e-3 worker-hours more) would decide",
        "c: the interval contains 0",
        "c, seed 3: late decay at step 40: from 1 to 2",
        "a 1: if mean stayed, about 9 seeds (0.5 worker-hours more) would decide",
        "b: x: 1 of 3 cells of 'b: x' failed",
        "c: 2 of 3 cells of 'c' failed",
    ]
    assert folded(notes, ["a 1", "b: x", "c"]) == [
        "all seeds share one evaluation set",
        "a 1, b: x and a 1: if mean stayed, about 4 to 12 seeds (2e-3 to 0.5 worker-hours more) "
        "would decide",
        "c: the interval contains 0",
        "c, seed 3: late decay at step 40: from 1 to 2",
        "b: x and c: 1 to 2 of 3 cells of the arm failed",
    ]


def test_notes_that_only_look_alike_are_not_folded() -> None:
    notes = ["same", "same", "cell a failed: slot # taken", "cell b failed: slot 7 taken"]
    assert folded(notes, []) == notes
    told = folded(["a, seed 3: x at step 1", "a, seed 3, seed 4: x at step 2"], ["a, seed 3"])
    assert told == ["a, seed 3 and a, seed 3, seed 4: x at step 1 to 2"]


def test_columns_that_only_arms_left_out_would_fill_are_not_there(sweep) -> None:
    plan, ledger = sweep
    board = leaderboard(plan, read_records(plan, ledger))
    assert " failed" in short_table(board).columns
    assert " failed" not in short_table(board, 2).columns


def test_a_single_arm_that_ends_elsewhere_is_found_among_many(tmp_path: Path) -> None:
    def cut(arm: str, seed: int, value: float) -> list[Point]:
        told = falling(arm, seed, value)
        return told[:-1] if arm == "arm 6" else told

    plan, ledger = made_up(tmp_path, ARMS, points=cut)
    notes = leaderboard(plan, read_records(plan, ledger)).notes
    [told] = [note for note in notes if note.startswith("arms end at different steps")]
    assert told.startswith("arms end at different steps: arm 6 30; arm 0, ") and len(told) < 150


def test_cells_that_failed_are_one_note(sweep) -> None:
    plan, ledger = sweep
    notes = short_table(leaderboard(plan, read_records(plan, ledger))).notes
    assert sum("failed: FloatingPointError" in note for note in notes) == 1
    assert any(note.startswith("of 39 arms ") and "(arm 0, arm 1, " in note for note in notes)
    assert len(notes) < 15


def test_json_and_export_have_every_arm_and_every_note(sweep, tmp_path: Path) -> None:
    plan, ledger = sweep
    words = ["leaderboard", "sweep", "--storage", ledger.storage.uri]
    told = json.loads(ablate(*words, "--json").stdout)["leaderboard"]
    assert len(told["rows"]) == 40
    assert sum(note.startswith("cell ") for note in told["notes"]) == 3
    export(plan, ledger, None, tmp_path / "out")
    assert len(pandas.read_csv(tmp_path / "out" / "arms.csv")) == 40
    assert "arm 39" in (tmp_path / "out" / "README.md").read_text()
    assert "arm 39" not in ablate(*words).stdout
    assert "arm 39" in ablate(*words, "--top", "40").stdout


def test_pictures_draw_the_best_and_say_so(sweep) -> None:
    plan, ledger = sweep
    drawn = pictures(plan, read_records(plan, ledger))
    assert len(drawn["curves"].figure.axes) >= 31
    titles = [axis.get_title() for axis in drawn["curves"].figure.axes]
    assert BASELINE in titles and "arm 39" not in titles
    assert drawn["curves"].lines[-1] == "the best 30 of 40 arms and the baseline"
    assert drawn["differences"].lines[-1] == "the best 30 of 40 arms"


def test_status_of_many_cells_shows_what_there_is_to_tell(tmp_path: Path) -> None:
    values = {f"arm {i}": [1.0 + i, 2.0 + i] for i in range(120)}
    values["arm 7"] = ["failed", "interrupted"]
    _, ledger = made_up(tmp_path, values, metric=METRIC)
    told = ablate("status", "sweep", "--storage", ledger.storage.uri).stdout
    rows = [line.split() for line in told.splitlines() if line.startswith(" 7-s")]
    assert [row[:2] for row in rows] == [["7-s0", "failed"], ["7-s1", "interrupted"]]
    assert "sweep: 238 cells without a row here; --json has every one" in told
    assert "238 finished, 1 failed, 1 interrupted" in told
    whole = ablate("status", "sweep", "--storage", ledger.storage.uri, "--json").stdout
    assert len(json.loads(whole)["cells"]) == 240
