"""Sequential sweeps: looks share the error, a verdict stays, seeds come in declared order."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up import made_up
from small_study import study

from infra.answer.board import open_rows
from infra.answer.compare import leaderboard
from infra.answer.sequential import check_max_seeds, declared_seeds, next_look, until_decided
from infra.answer.verdicts import Sample, judge_pair, looks, share_of_alpha
from infra.errors import Refused
from infra.execution.sweep import join_plan
from infra.study.plan import Plan, make_plan
from infra.words import spans
from infra.writeup.tables import leaderboard_table


def sample(*values: float) -> Sample:
    return Sample(tuple(range(len(values))), values)


def test_looks_come_at_half_as_many_seeds_more_and_end_where_told():
    assert looks(12) == [3, 5, 8, 12] and looks(10) == [3, 5, 8, 10] and looks(0) == []
    assert share_of_alpha(3, 12) == pytest.approx(0.05 / 12)


def test_a_look_is_stricter_than_a_fixed_sweep_of_the_same_seeds():
    values = sample(1.0, 1.5, 0.9)
    assert judge_pair(values, 1, None, "max")[1].verdict == "better"
    assert judge_pair(values, 1, None, "max", max_seeds=12)[1].verdict == "undecided"


def test_the_first_verdict_stays_whatever_later_seeds_say():
    early = (1.0, 1.001, 0.999)
    difference, (verdict, *_) = judge_pair(sample(*early, -50.0, 80.0), 1, None, "max", 12)
    assert verdict == "better" and difference.values == early


def test_seeds_between_two_looks_are_not_looked_at():
    difference, (verdict, *_) = judge_pair(sample(1.0, -1.0, 0.5, 1.1), 1, None, "max", 12)
    assert verdict == "undecided" and len(difference.values) == 3


def test_seeds_that_follow_each_other_are_a_span():
    assert spans([0, 1, 2, 5]) == "0-2, 5" and spans([42, 7, 8]) == "42, 7-8" and spans([]) == ""


def test_further_seeds_are_the_studys_and_then_the_numbers_that_follow():
    one = study(seeds=(42, 7, 9))
    assert declared_seeds(one, make_plan(one, "lab", seeds=[42, 7]), 5) == [42, 7, 9, 43, 44]


def test_the_last_look_is_fixed_once(tmp_path: Path):
    plan, _ = made_up(tmp_path, {"A": [1.0], "B": [2.0]}, max_seeds=8)
    check_max_seeds(plan, 8)
    with pytest.raises(Refused, match="must stay 8"):
        check_max_seeds(plan, 12)
    with pytest.raises(Refused, match="must be at least 3"):
        check_max_seeds(plan, 2)


def test_the_last_look_is_not_before_the_seeds_that_have_run(tmp_path: Path):
    plan, _ = made_up(tmp_path, {"A": [1.0] * 5, "B": [2.0] * 5})
    with pytest.raises(Refused, match="--max-seeds 3: must be at least 5, the seeds"):
        check_max_seeds(plan, 3)


def test_the_last_look_is_twelve_seeds_or_what_the_sweep_began_with(tmp_path: Path):
    plan, _ = made_up(tmp_path, {"A": [1.0], "B": [2.0]})
    assert until_decided(plan, 0, None).max_seeds == 12
    assert until_decided(plan, 0, replace(plan, max_seeds=8)).max_seeds == 8
    assert until_decided(plan, 5, None).max_seeds == 5


def test_seeds_asked_for_after_a_look_are_told_with_it(tmp_path: Path):
    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.2, 0.9], "B": [1.3, 1.1, 1.0]})
    ledger.write_plan(plan)
    further = replace(plan, cells=(*plan.cells, replace(plan.cells[0], key="A-s3", seed=3)))
    joined = join_plan(ledger, further)
    assert joined.looked == (3,) and Plan.from_json(joined.to_json()) == joined
    assert join_plan(ledger, replace(plan, max_seeds=12)).looked == (3,)
    assert join_plan(ledger, plan).looked == ()
    notes = " ".join(leaderboard(replace(plan, looked=(3,)), ledger.records()).notes)
    assert "looked at 3 seeds before more were asked for, which the intervals do not allow" in notes


def test_a_sequential_sweep_gets_no_seeds_beyond_its_last_look(tmp_path: Path):
    plan, ledger = made_up(tmp_path, {"A": [1.0] * 3, "B": [2.0] * 3}, max_seeds=4)
    further = [replace(plan.cells[0], key=f"A-s{seed}", seed=seed) for seed in (3, 4)]
    with pytest.raises(Refused, match="must end with 4 seeds, its last look, and would get 5"):
        join_plan(ledger, replace(plan, cells=(*plan.cells, *further)))


def test_cells_that_are_still_to_run_are_no_look(tmp_path: Path):
    values = {"A": [1.0, 1.2, 0.9, "pending"], "B": [1.3, 1.1, 1.0, "pending"]}
    plan, ledger = made_up(tmp_path, values)
    further = replace(plan, cells=(*plan.cells, replace(plan.cells[0], key="A-s9", seed=9)))
    assert join_plan(ledger, further).looked == ()


def test_a_sequential_sweep_gets_no_further_arms(tmp_path: Path):
    plan, ledger = made_up(tmp_path, {"A": [1.0], "B": [2.0]}, max_seeds=5)
    ledger.write_plan(plan)
    with pytest.raises(Refused, match="must keep the arms .* share the error, and 'C' is new"):
        join_plan(ledger, replace(plan, cells=(replace(plan.cells[0], arm="C", key="C-s0"),)))


@pytest.mark.parametrize("values", [[1.0, 1.2, 0.9], ["failed", 1.2, 0.9, 1.1]])
def test_arms_that_no_seed_decides_get_none(tmp_path: Path, values: list):
    """The first is the baseline again, the second has a baseline with a failed cell."""
    theirs = values if "failed" not in values else [9.0, 9.2, 8.9, 9.1]
    starts: dict[str, Any] = {} if "failed" in values else {"weights": lambda arm, seed: f"{seed}"}
    plan, ledger = made_up(tmp_path, {"A": values, "B": theirs}, max_seeds=12, **starts)
    rows = leaderboard(plan, ledger.records()).rows
    assert [row.verdict for row in rows if row.arm == "B"] == ["undecided"]
    assert open_rows(rows) == []


def test_an_arm_that_is_not_comparable_gets_no_further_seeds(tmp_path: Path):
    def starts(arm: str, seed: int) -> dict:
        return {"code": {"package_digest": arm}} if arm == "b" else {}

    one = study(seeds=(0, 1, 2))
    settings: dict[str, Any] = {"same": {}, "other": {"starts": starts}}
    for name, told in settings.items():
        values = {"a": [1.0, 1.2, 0.9], "b": [1.3, 1.1, 1.0]}
        plan, ledger = made_up(tmp_path / name, values, max_seeds=12, **told)
        board = leaderboard(plan, ledger.records())
        more = next_look(one, make_plan(one, "lab", max_seeds=12), board)
        assert more is None if name == "other" else more and more.seeds == [0, 1, 2, 3, 4]


def test_the_leaderboard_says_how_it_looks_and_what_would_decide(tmp_path: Path):
    values = {"A": [1.0, 1.2, 0.9], "B": [1.3, 1.1, 1.0]}
    plan, ledger = made_up(tmp_path, values, max_seeds=12)
    notes = " ".join(leaderboard(plan, ledger.records()).notes)
    assert "looks at 3, 5, 8, 12 seeds" in notes and "B: if mean and spread stayed" in notes
    assert "where seeds share one evaluation set, a verdict speaks of training again" in notes


def test_a_difference_over_other_seeds_than_the_means_says_which_and_orders_the_arms(
    tmp_path: Path,
):
    """B is ahead of A in each of its seeds, and behind by means over three and five seeds."""
    values = {"A": [2.0, 2.3, 2.1, 0.1, 0.2], "B": [1.9, 2.2, 2.0], "C": [2.2, 2.1, 2.3, 0.3, 0.1]}
    full = {arm: [*own, *["pending"] * (5 - len(own))] for arm, own in values.items()}
    plan, ledger = made_up(tmp_path, full, max_seeds=12)
    cells = tuple(cell for cell in plan.cells if cell.seed < len(values[cell.arm]))
    board = leaderboard(replace(plan, cells=cells), ledger.records())
    rows = {row.arm: row for row in board.rows}
    assert (rows["B"].over_seeds, rows["C"].over_seeds) == ("0-2", "")
    assert list(rows)[:2] == ["B", "A"]
    assert rows["B"].mean > rows["A"].mean
    assert any(note.startswith("means are over unlike seeds: arms stand") for note in board.notes)
    shown = {row[0]: row for row in leaderboard_table(board).rows}
    assert "over seeds 0-2" in shown["B"][-1]


def test_where_every_mean_is_over_the_seeds_of_the_difference_nothing_is_said(tmp_path: Path):
    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.2, 0.9], "B": [1.3, 1.1, 1.0]})
    board = leaderboard(plan, ledger.records())
    assert not any(row.over_seeds for row in board.rows)
    assert "unlike seeds" not in " ".join(board.notes)


def test_what_would_decide_is_not_told_of_an_arm_whose_cells_are_still_to_run(tmp_path: Path):
    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.2, 0.9, 1.0], "B": [1.3, 1.1, 1.0, "pending"]})
    board = leaderboard(plan, ledger.records())
    assert [row.awaits for row in board.rows if row.arm == "B"] == ["cells"]
    assert "would decide" not in " ".join(board.notes)
