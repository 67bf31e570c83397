"""Pictures of runs lie with the commits that know of them, bounded, and fail no cell."""

import json
from pathlib import Path

import pytest
from pictured import STUDY, Config, Showing, png

from infra.cell.cell import Attempt
from infra.cell.driving import make_job
from infra.cell.pictured import Gallery
from infra.cell.worker import Capture
from infra.execution.here import run_here
from infra.ledger.ledger import Ledger
from infra.ledger.records import newest_pictures, pictures_of
from infra.ledger.storage import open_storage
from infra.preflight.preflight import preflight
from infra.study.plan import Plan, cell_config, make_plan
from infra.sweep_options import SweepOptions


def planned(folder: Path, *arms: str) -> tuple[Plan, Ledger]:
    return make_plan(STUDY, "lab", arms, [1]), Ledger(open_storage(str(folder)), "sweep")


def test_each_commit_has_its_pictures_and_a_resumed_cell_those_of_before(tmp_path, one_thread):
    plan, ledger = planned(tmp_path, "plain")
    [cell] = plan.cells
    job = make_job(STUDY, plan, ledger, 0.0, {"versions": {}})
    config = cell_config(STUDY, plan, cell, "")
    with Attempt(job, cell, config, "0001-a").running() as first:
        first.report()
        first.commit()
        first.report()  # not committed, so not shown
        first.release()
    (tmp_path / "sweep/cells" / cell.key / "0001-a/pictures/graph-000000005.png").write_bytes(b"")
    with Attempt(job, cell, config, "0002-a").running() as second:
        while not second.finished:
            second.report()
    record = ledger.record(cell.key)
    told = [(shown.name, shown.step) for shown in pictures_of(record)]
    assert told == [("graph", 2), ("heat.map", 2), ("graph", 6), ("heat.map", 6)]
    assert [ledger.read_picture(cell.key, s.path) for s in pictures_of(record)] == [
        png(12), png(112), png(16), png(116),
    ]  # fmt: skip
    assert [(s.name, s.step) for s in newest_pictures(record)] == [("graph", 6), ("heat.map", 6)]


def test_what_a_run_cannot_show_is_told_in_the_log_and_fails_nothing(tmp_path, one_thread):
    plan, ledger = planned(tmp_path, "raises", "oddly")
    for arm in plan.arms:
        assert run_here(STUDY, plan, ledger, arm, (), SweepOptions()) == 0
    logs, shown = {}, {}
    for cell in plan.cells:
        record = ledger.record(cell.key)
        assert record.status == "finished"
        logs[cell.arm] = ledger.read_log(cell.key, ledger.attempts(cell.key)[0])
        shown[cell.arm] = [picture.name for picture in newest_pictures(record)]
    assert "none, since it raises RuntimeError at pictured.py" in logs["raises"]
    assert shown == {"raises": [], "oddly": [f"p{i}" for i in range(8)]}
    for words in (
        "'a/b' at step 6: left out, since a name must be up to 60",
        "'text' at step 6: left out, since it must be the bytes of a PNG, got str",
        "'huge' at step 6: left out, since it must have at most 524288 bytes",
        "'p8' at step 6: left out, since a commit must have at most 8 pictures, got 12",
    ):
        assert words in logs["oddly"], logs["oddly"]


def test_a_head_without_pictures_does_not_speak_of_them(tmp_path, one_thread):
    plan, ledger = planned(tmp_path, "raises", "plain")
    for arm in plan.arms:
        run_here(STUDY, plan, ledger, arm, (), SweepOptions())
    heads = {path.parts[-3]: json.loads(path.read_text()) for path in tmp_path.rglob("head.json")}
    assert {key.split("-")[0]: "pictures" in head for key, head in heads.items()} == {
        "raises": False, "plain": True,
    }  # fmt: skip


def test_long_runs_show_themselves_ever_more_seldom_and_at_their_end() -> None:
    run, gallery, log = Showing(Config(steps=100_000)), Gallery(), Capture()
    steps = []
    for step in range(10, 100_001, 10):
        run.step = step
        steps += [step] if gallery.offered(run, step == 100_000, log) else []
    assert steps[:16] == list(range(10, 170, 10)) and len(steps) < 50 and steps[-1] == 100_000


def test_pictures_that_change_the_run_are_refused_and_ones_that_fail_are_not() -> None:
    plan = make_plan(STUDY, "lab", ["plain", "raises", "moves"])
    told = [c.text for c in preflight(STUDY, plan, [frozenset(STUDY.arms)], False) if c.fatal]
    assert len(told) == 1
    assert told[0].startswith("arm 'moves': pictures() must change no state")


@pytest.mark.parametrize("lost", [True, False])
def test_an_index_has_the_pictures_that_the_cells_have(tmp_path, one_thread, lost):
    from infra.answer.index import read_records

    plan, ledger = planned(tmp_path, "plain")
    run_here(STUDY, plan, ledger, "plain", (), SweepOptions())
    first = read_records(plan, ledger)
    if lost:  # a picture is no part of what is read
        next(tmp_path.rglob("graph-000000006.png")).unlink()
    [again] = ledger.records(plan).values()
    assert again.indexed and again == first[again.key] and len(pictures_of(again)) >= 2
