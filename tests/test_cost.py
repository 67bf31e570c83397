"""What cells take is known before they run, and held to limits and to the GPU."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import LINE, ablate
from made_up import made_up
from studies.line import STUDY, LineRun
from test_pace import PACED

from infra.cost import Need, ahead_s, cell_seconds, check_memory, estimate, measured, open_cells
from infra.errors import Refused
from infra.ledger import Ledger
from infra.plan import make_plan
from infra.storage import open_storage

PLAN = make_plan(PACED, "lab")


def test_an_arm_that_the_study_does_not_price_is_measured_at_its_real_size():
    """40 steps that sleep for 2 or 20 ms each."""
    needs = measured(PACED, PLAN, PLAN.cells, {}, "local")
    seconds = {arm: need.seconds or 0.0 for arm, need in needs.items()}
    assert seconds["plain"] >= 0.08 and seconds["slow"] >= 0.8
    assert (needs["plain"].memory, needs["plain"].of) == (0, 0)  # there is no GPU here


def test_what_is_known_is_not_measured_again_and_nothing_that_runs_elsewhere_is():
    assert set(measured(PACED, PLAN, PLAN.cells, {"plain": 1.0, "late": 1.0}, "local")) == {"slow"}
    assert measured(PACED, PLAN, PLAN.cells, {}, "10.0.0.1:6379") == {}
    assert measured(PACED, replace(PLAN, gpus=1.0), PLAN.cells, {}, "local") == {}


def test_an_arm_that_fails_only_at_its_real_size_is_refused_before():
    class Small(LineRun):
        def advance(self, steps: int) -> dict[str, float]:
            if self.cfg.steps > 10:
                raise MemoryError("too many steps to hold")
            return super().advance(steps)

    study = replace(STUDY, run=Small)
    plan = make_plan(study, "lab")
    with pytest.raises(Refused, match="must run at scale lab, but it raises MemoryError at test_c"):
        measured(study, plan, plan.cells, {}, "local")


def test_finished_cells_tell_more_than_a_measure_and_that_more_than_the_study(tmp_path: Path):
    plan, ledger = made_up(
        tmp_path, {"A": [1.0, 1.1], "B": [1.0, "pending"], "C": ["failed", "failed"]}, billed_s=90.0
    )
    records = ledger.records()
    study = replace(STUDY, cell_seconds={plan.scale: 10.0})
    known = cell_seconds(study, plan, records, {"A": Need(50.0), "C": Need(20.0)})
    assert known == {"A": 90.0, "B": 90.0, "C": 20.0}
    assert ahead_s(open_cells(plan, records), known) == 90.0
    again = open_cells(plan, records, retry_failed=True)
    assert ahead_s(again, known) == 130.0
    assert estimate(plan, again, known) == "about 20 to 90 s a cell, 0.036 worker-hours"


def test_where_an_arm_is_not_known_no_sum_is_told():
    assert ahead_s(PLAN.cells, {"plain": 1.0}) is None
    assert estimate(PLAN, PLAN.cells, {"plain": 1.0}) == ""


def test_cells_that_share_a_gpu_must_have_room_on_it():
    check_memory("wide", Need(1.0, 40 * 2**30, 80 * 2**30), 0.5)
    with pytest.raises(Refused, match="'wide': must fit in 0.5 of a GPU, 40.0 GiB, and"):
        check_memory("wide", Need(1.0, 41 * 2**30, 80 * 2**30), 0.5)


def test_failed_cells_that_run_again_are_paid_for_too(tmp_path: Path):
    place = ["--storage", tmp_path]
    small = ["--scale", "smoke", "--seeds", "0,1", "--here", "plain"]
    assert ablate("run", LINE, *small, *place).returncode == 0
    for key, record in Ledger(open_storage(str(tmp_path)), "line-smoke").records().items():
        if "-s1-" in key and record.status == "finished":
            done = tmp_path / "line-smoke" / "cells" / key / "done.json"
            done.write_text(done.read_text().replace('"finished"', '"failed"'))
    tight = ["resume", "line-smoke", "--dry-run", "--budget-hours", "0.0000001", *place]
    assert "and about 0 ahead" in ablate(*tight).stderr
    assert "and about 0 ahead" not in ablate(*tight, "--retry-failed").stderr


def test_the_budget_stops_a_cell_that_runs_here_and_it_goes_on_from_there(tmp_path: Path):
    here = ["run", LINE, "--here", "plain", "--seeds", "0", "--storage", tmp_path]
    stopped = ablate(*here, "--budget-hours", "0.0000001")
    assert stopped.returncode == 130 and "--budget-hours 1e-07 is spent" in stopped.stdout
    again = ablate(*here)
    assert again.returncode == 0 and "step 4 " not in again.stdout
