"""The ledger: what a reader sees of whole, torn, late and damaged commits."""

import json

import pytest
from made_up import made_up
from small_study import study

from infra.ledger.folder import FolderStorage
from infra.ledger.ledger import Ledger, attempt_name, list_sweeps
from infra.ledger.records import Commit, Damaged, Point
from infra.study.plan import make_plan

ONE, TWO = attempt_name(1, "aaaaaa"), attempt_name(2, "bbbbbb")


@pytest.fixture
def ledger(tmp_path):
    book = Ledger(FolderStorage(str(tmp_path)), "sweep")
    book.write_plan(make_plan(study(), "lab"))
    return book


def commit(ledger, attempt, step, *, finished=False, state=b"state", elapsed_s=1.0):
    points = [Point(s, {"val/x": float(s), "perf/train_s": s * 0.5}) for s in range(0, step + 1, 5)]
    head = Commit(attempt, step, elapsed_s, "", "", "", "", finished, "w" if finished else "")
    return ledger.write_commit("cell", head, state, points)


def folder(ledger, attempt):
    return ledger.storage.root + f"/sweep/cells/cell/{attempt}/"


def test_a_commit_is_read_back_whole(ledger):
    written = commit(ledger, ONE, 10)
    record = ledger.record("cell")
    assert record.commit == written and record.status == "interrupted"
    assert [p.step for p in record.points] == [0, 5, 10]
    assert ledger.read_state("cell", written) == b"state"


def test_a_late_write_of_a_dead_attempt_changes_nothing(ledger):
    commit(ledger, TWO, 10)
    commit(ledger, ONE, 15)
    assert ledger.record("cell").commit.attempt == TWO


def test_until_the_next_attempt_commits_the_earlier_one_stands(ledger):
    commit(ledger, ONE, 10)
    ledger.start_attempt("cell", TWO, {"from_step": 10})
    record = ledger.record("cell")
    assert (record.commit.attempt, record.commit.step, record.attempts) == (ONE, 10, 2)


@pytest.mark.parametrize("name", ["head.json", "points-000000010.json"])
@pytest.mark.parametrize("cut", [0, 7])
def test_a_truncated_commit_is_passed_over_and_named(ledger, name, cut):
    commit(ledger, ONE, 5)
    commit(ledger, TWO, 10)
    with open(folder(ledger, TWO) + name, "r+b") as file:
        file.truncate(cut)
    record = ledger.record("cell")
    assert record.commit.attempt == ONE and record.points[-1].step == 5
    assert name.split("-")[0].split(".")[0] in record.damage and TWO in record.damage


def test_a_damaged_state_is_refused_by_its_digest(ledger):
    head = commit(ledger, ONE, 5)
    with open(folder(ledger, ONE) + head.state, "wb") as file:
        file.write(b"stat3")
    with pytest.raises(Damaged, match="must have digest"):
        ledger.read_state("cell", head)


def test_only_the_drivers_record_makes_a_cell_finished(ledger):
    commit(ledger, ONE, 10, finished=True)
    assert ledger.record("cell").status == "interrupted"
    ledger.finish("cell", {"status": "finished", "attempt_seconds": {ONE: 3.5}})
    record = ledger.record("cell")
    assert record.status == "finished" and record.billed_s == 3.5
    ledger.reopen("cell")
    assert ledger.record("cell").status == "interrupted"


def test_a_finished_cell_without_its_commit_is_open_again_and_says_so(ledger):
    ledger.finish("cell", {"status": "finished"})
    record = ledger.record("cell")
    assert record.status == "pending" and "its last commit is gone" in record.damage


def test_a_truncated_end_record_is_told_and_not_trusted(ledger):
    commit(ledger, ONE, 10, finished=True)
    ledger.storage.write("sweep/cells/cell/done.json", b'{"status": "fini')
    record = ledger.record("cell")
    assert record.status == "interrupted" and "done.json is damaged" in record.damage


def test_lost_attempts_are_billed(ledger):
    commit(ledger, ONE, 5, elapsed_s=4.0)
    commit(ledger, TWO, 10, finished=True, elapsed_s=2.0)
    ledger.finish("cell", {"status": "finished", "attempt_seconds": {TWO: 2.5}})
    assert ledger.record("cell").billed_s == 6.5


def test_what_a_failed_attempt_took_stays_on_the_bill_when_it_is_tried_again(ledger):
    ledger.start_attempt("cell", ONE, {"from_step": 0})
    ledger.finish("cell", {"status": "failed", "error": "x", "attempt_seconds": {ONE: 7200.0}})
    ledger.reopen("cell")
    assert ledger.record("cell").billed_s == 7200.0
    commit(ledger, TWO, 10, finished=True)
    ledger.finish("cell", {"status": "finished", "attempt_seconds": {TWO: 60.0}})
    assert ledger.record("cell").billed_s == 7260.0


def test_a_damaged_bill_leaves_what_the_commits_tell(ledger):
    commit(ledger, ONE, 5, elapsed_s=4.0)
    ledger.storage.write(f"sweep/cells/cell/{ONE}/bill.json", b'{"sec')
    assert ledger.record("cell").billed_s == 4.0


def test_attempts_tell_where_they_went_on_from(ledger):
    ledger.start_attempt("cell", ONE, {"code": "old"})
    commit(ledger, ONE, 5)
    ledger.start_attempt("cell", TWO, {"code": "new", "from_attempt": ONE})
    commit(ledger, TWO, 10)
    assert [start["code"] for start in ledger.record("cell").starts] == ["new", "old"]


def test_collecting_deletes_the_states_that_no_resume_needs(ledger):
    commit(ledger, ONE, 5)
    head = commit(ledger, TWO, 10, finished=True)
    ledger.finish("cell", {"status": "finished"})
    assert ledger.collect("cell", weights=False) == [f"sweep/cells/cell/{ONE}/state-000000005.pt"]
    assert ledger.read_state("cell", head) == b"state"
    ledger.collect("cell", weights=True)
    assert ledger.record("cell").status == "finished"
    with pytest.raises(FileNotFoundError):
        ledger.read_state("cell", head)


def test_non_finite_numbers_never_reach_a_file(ledger):
    with pytest.raises(ValueError):
        ledger.start_attempt("cell", ONE, {"x": float("nan")})


def test_sweeps_are_listed_by_their_plans(ledger):
    assert list_sweeps(ledger.storage) == {"sweep": 0}
    assert json.loads(ledger.storage.read("sweep/plan.json"))["schema"] == 1


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", ".hidden"])
def test_names_that_are_no_folder_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="choose with --name"):
        Ledger(FolderStorage(str(tmp_path)), name)


def test_a_truncated_start_record_is_told_and_costs_no_points(ledger):
    commit(ledger, ONE, 10)
    ledger.storage.write(f"sweep/cells/cell/{ONE}/start.json", b'{"arm": "a')
    record = ledger.record("cell")
    assert record.points[-1].step == 10 and "start.json is damaged" in record.damage


def test_what_else_lies_in_a_cells_folder_is_no_attempt(tmp_path) -> None:
    _, ledger = made_up(tmp_path, {"plain": [1.0]})
    key = next(iter(ledger.records()))
    stray = tmp_path / "runs" / "sweep" / "cells" / key / "notes"
    stray.mkdir()
    (stray / "read_me.txt").write_text("mine")
    assert ledger.attempts(key) == ["0001-aa"]
    assert ledger.record(key).status == "finished"


@pytest.mark.parametrize("content", ["{}", "[]", '{"status": "happy"}'])
def test_an_end_without_a_known_status_is_damage_and_no_crash(content, tmp_path) -> None:
    _, ledger = made_up(tmp_path, {"plain": [1.0]})
    key = next(iter(ledger.records()))
    (tmp_path / "runs" / "sweep" / "cells" / key / "done.json").write_text(content)
    record = ledger.record(key)
    assert record.status == "interrupted" and "done.json is damaged" in record.damage


def test_a_plan_without_its_fields_is_refused_in_one_line(tmp_path) -> None:
    _, ledger = made_up(tmp_path, {"plain": [1.0]})
    (tmp_path / "runs" / "sweep" / "plan.json").write_text('{"schema": 1, "cells": [{}]}')
    with pytest.raises(ValueError, match="plan.json: must have every field of a plan"):
        ledger.read_plan()
