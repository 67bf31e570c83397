"""A sweep that gets further arms: what was said before, and what of it changed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import LINE, ablate
from made_up import made_up

from infra.answer.compare import leaderboard
from infra.execution.sweep import join_plan
from infra.ledger.study_code import study_code_digest
from infra.study.plan import Plan

VALUES = {
    "A": [3.0, 3.1, 2.9],
    "B": [2.5, 2.475, 2.475],
    **{name: [3.2, 3.0, 3.1] for name in "CDEFGHIJ"},
}
FIRST = ("A", "B")


def only(plan: Plan, *arms: str) -> Plan:
    return replace(plan, cells=tuple(cell for cell in plan.cells if cell.arm in arms))


def test_verdict_that_further_arms_take_back_is_named(tmp_path: Path) -> None:
    """Ten arms share the error that two had, so that the interval of B reaches 0."""
    whole, ledger = made_up(tmp_path, VALUES)
    ledger.write_plan(only(whole, *FIRST))
    before = leaderboard(only(whole, *FIRST), ledger.records(whole))
    assert next(row for row in before.rows if row.arm == "B").verdict == "better"
    assert before.changed == ()
    grown = join_plan(ledger, whole)
    assert grown.families == ((FIRST, (0, 1, 2)),)
    ledger.write_plan(grown)
    assert ledger.read_plan() == grown
    assert join_plan(ledger, whole).families == grown.families, "a second time nothing joins"
    place = ["sweep", "--storage", tmp_path / "runs"]
    told = json.loads(ablate("leaderboard", *place, "--json").stdout)["leaderboard"]
    assert told["changed"] == [
        {"arm": "B", "before": "better", "after": "undecided", "compared_before": 1, "compared": 9}
    ]
    line = "B: was better while the error was that of 1, is undecided now that 9 arms share it"
    assert line in told["notes"] and line in ablate("leaderboard", *place).stdout


def test_sweep_without_verdicts_yet_has_no_earlier_ones(tmp_path: Path) -> None:
    whole, ledger = made_up(tmp_path, {"A": [3.0, 3.1], "B": ["pending"] * 2, "C": [1.0, 1.1]})
    ledger.write_plan(only(whole, "A", "B"))
    assert join_plan(ledger, whole).families == ()


def test_what_would_decide_stands_in_the_row_with_its_price(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [3.0, 3.1, 2.9], "B": [2.9, 2.8, 2.9]})
    board = leaderboard(plan, ledger.records())
    row = next(row for row in board.rows if row.arm == "B")
    assert row.verdict == "undecided" and row.seeds_to_decide
    assert row.hours_to_decide == pytest.approx(2 * 0.5 * (row.seeds_to_decide - 3))
    many = f"about {row.seeds_to_decide} seeds ({row.hours_to_decide:.2g} worker-hours more)"
    assert any(f"{many} would decide" in note for note in board.notes)
    assert next(row for row in board.rows if row.arm == "A").seeds_to_decide is None


def test_an_arm_is_added_to_a_study_whose_cells_have_finished(tmp_path: Path) -> None:
    """Its file is edited where it lists arms, which is no change of code."""
    study = tmp_path / "mine.py"
    text = LINE.read_text()
    without = text.replace('            "heavy": {"momentum": 0.9},\n', "")
    assert without != text
    study.write_text(without)
    place = ["--scale", "smoke", "--seeds", "0", "--storage", tmp_path / "runs"]
    for arm in ("plain", "half"):
        assert ablate("run", study, *place, "--here", arm).returncode == 0
    study.write_text(text)
    more = ablate("run", study, *place, "--here", "heavy")
    assert more.returncode == 0, more.stderr
    told = json.loads(ablate("leaderboard", "line-smoke", *place[4:], "--json").stdout)
    assert [row["finished"] for row in told["leaderboard"]["rows"]] == [1, 1, 1]
    assert "different code" not in str(told)
    study.write_text(text.replace("/ 16", "/ 8"))
    done = ablate("run", study, *place[:2], "--seeds", "1", *place[4:], "--here", "heavy")
    assert "the digest of the study's file was" in done.stderr


@pytest.mark.parametrize(
    ("edit", "same"),
    [
        (('"momentum": 0.9', '"momentum": 0.8'), True),
        (("seeds=(0, 1, 2)", "seeds=(0,\n 1)"), True),
        (('mode="min"', 'mode="max"'), False),
        (("# x", "# y"), False),
        (("run=LineRun", "run=Other"), False),
    ],
)
def test_arms_and_seeds_are_no_code(tmp_path: Path, edit: tuple[str, str], same: bool) -> None:
    text = LINE.read_text().replace('"""Does', '# x é\n"""Does')
    file = tmp_path / "line.py"
    file.write_text(text)
    before = study_code_digest(file)
    assert edit[0] in text
    file.write_text(text.replace(*edit))
    assert (study_code_digest(file) == before) == same
