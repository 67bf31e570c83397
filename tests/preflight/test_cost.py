"""What cells take is known before they run, and held to limits and to the GPU."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import LINE, ablate
from made_up import made_up
from studies.line import STUDY, LineConfig, LineRun

from infra.errors import Refused
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.preflight.cost import ahead_s, cell_seconds, estimate, open_cells, unknown
from infra.preflight.measure import Need, cell_gpus, lack_of_memory, measured, memory_text
from infra.study.plan import make_plan
from infra.study.study import Study

STEP_S = 0.02


class Slow(LineRun):
    """Every step takes a while, four times as long from half of a run with momentum on."""

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(min(steps, self.cfg.steps - self.step)):
            late = self.cfg.momentum and self.step >= self.cfg.steps / 2
            time.sleep(4 * STEP_S if late else STEP_S)
            told = super().advance(1)
        return told


SLOW = replace(STUDY, run=Slow)


def seconds_of(study: Study = SLOW, **settings: Any) -> dict[str, float]:
    study = replace(study, base=replace(LineConfig(), **settings), scales={})
    plan = make_plan(study, "lab", ["plain", "heavy"])
    needs = measured(study, plan, plan.cells, "local")
    return {arm: need.seconds or 0.0 for arm, need in needs.items()}


def test_an_arm_that_the_study_does_not_price_is_measured_with_what_begins_late():
    """40 steps of 20 ms; with momentum half of them take 80 ms."""
    told = seconds_of()
    assert told["plain"] >= 40 * STEP_S
    assert told["heavy"] >= 2 * 40 * STEP_S


def test_a_run_of_one_step_takes_that_step():
    assert seconds_of(steps=1)["plain"] >= STEP_S


def test_every_report_costs_an_evaluation_and_a_control_that_is_done_has_one():
    class Measuring(LineRun):
        def evaluate(self) -> dict[str, float]:
            time.sleep(STEP_S)
            return super().evaluate()

    class Control(Measuring):
        def done(self) -> bool:
            return True

    often = seconds_of(replace(STUDY, run=Measuring), steps=400, steps_per_report=1)["plain"]
    assert often >= 401 * STEP_S
    once = seconds_of(replace(STUDY, run=Control), steps=400, steps_per_report=1)["plain"]
    assert STEP_S <= once < often / 2


def test_a_run_that_does_not_count_its_steps_does_not_hold_up_the_measure():
    class Stuck(LineRun):
        def advance(self, steps: int) -> dict[str, float]:
            return {}

    assert seconds_of(replace(STUDY, run=Stuck))


def test_nothing_of_a_measured_run_lives_on():
    alive: list[Any] = []

    class Kept(LineRun):
        def __init__(self, cfg: LineConfig) -> None:
            super().__init__(cfg)
            self.me = self  # a cycle, which only the collector ends
            alive.append(1)

        def __del__(self) -> None:
            alive.pop()

    assert seconds_of(replace(STUDY, run=Kept)) and not alive


def test_what_is_known_is_not_measured_nor_what_runs_elsewhere(monkeypatch: pytest.MonkeyPatch):
    plan = make_plan(STUDY, "lab")
    cells = plan.cells
    priced = replace(STUDY, cell_seconds={"lab": 1.0})
    assert measured(priced, plan, cells, "local") == {}
    assert measured(STUDY, plan, cells, "10.0.0.1:6379") == {}
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert measured(STUDY, plan, cells, "auto") == {}
    assert set(measured(STUDY, plan, cells, "local")) == {"plain", "half", "heavy"}


def test_arms_that_fail_only_at_their_real_size_are_refused_before_a_line_each():
    class Small(LineRun):
        def advance(self, steps: int) -> dict[str, float]:
            if self.cfg.steps > 10 and self.cfg.momentum:
                raise MemoryError("too many steps to hold")
            return super().advance(steps)

    study = replace(STUDY, run=Small)
    plan = make_plan(study, "lab")
    with pytest.raises(Refused, match="scale lab, but it raises MemoryError at test_c") as told:
        measured(study, plan, plan.cells, "local")
    lines = str(told.value).splitlines()
    assert [re.findall("arm '(.+?)'", line) for line in lines] == [["half"], ["heavy"]]


def test_finished_cells_tell_more_than_a_measure_and_that_more_than_the_study(tmp_path: Path):
    plan, ledger = made_up(
        tmp_path, {"A": [1.0, 1.1], "B": [1.0, "pending"], "C": ["failed", "failed"]}, billed_s=90.0
    )
    records = ledger.records()
    study = replace(STUDY, cell_seconds={plan.scale: 10.0})
    known = cell_seconds(study, plan, records, {"A": Need(50.0), "C": Need(20.0)})
    assert known == {"A": 90.0, "B": 90.0, "C": 20.0}
    assert ahead_s(open_cells(plan, records), known, records) == 90.0
    again = open_cells(plan, records, retry_failed=True)
    told = estimate(plan, again, known, records, gpus=0.5)
    assert told == "about 20 to 90 s a cell, 0.036 worker-hours, 0.018 GPU-hours"
    far = estimate(replace(plan, max_seeds=12), again, known, records, gpus=0)
    assert far.endswith(", at most 0.67 with all 12 seeds")
    dear = replace(plan, usd_per_gpu_hour=100.0)
    assert estimate(dear, again, known, records, gpus=0.5).endswith(", $1.81")


def test_of_a_cell_that_was_begun_only_what_is_left_is_ahead(tmp_path: Path):
    plan, ledger = made_up(tmp_path, {"A": ["interrupted"]}, configs={"A": {"steps": 160}})
    (record,) = ledger.records().values()
    assert record.commit and record.commit.step == 20
    assert ahead_s(plan.cells, {"A": 100.0}, ledger.records()) == 87.5


def test_where_an_arm_is_not_known_no_sum_is_told_but_the_others_count():
    plan = make_plan(STUDY, "lab")
    known: Mapping[str, float] = {"plain": 100.0}
    assert unknown(plan.cells, known) == ["half", "heavy"]
    assert estimate(plan, plan.cells, known, {}, gpus=0) == ""
    assert ahead_s(plan.cells, known, {}) == 300.0


def test_cells_that_share_a_gpu_must_have_room_on_it():
    need = Need(1.0, 41 * 2**30, 80 * 2**30)
    assert lack_of_memory("wide", need, 1.0) == lack_of_memory("wide", need, 2.0) == ""
    assert "'wide': must fit in 0.5 of a GPU, 40.0 GiB" in lack_of_memory("wide", need, 0.5)
    assert memory_text({"a": Need(1.0), "wide": need}).startswith("at most 41.0 of 80.0 GiB")
    assert memory_text({"a": Need(1.0)}) == ""


def test_gpus_are_those_that_were_asked_for_or_that_are_here():
    plan = make_plan(STUDY, "lab")
    assert cell_gpus(replace(plan, gpus=0.0), "local") == 0
    assert cell_gpus(plan, "10.0.0.1:6379") == 0
    assert cell_gpus(replace(plan, gpus=0.25), "10.0.0.1:6379") == 0.25
    with pytest.raises(Refused, match="--gpus-per-cell 99: must fit on this machine"):
        cell_gpus(replace(plan, gpus=99.0), "local")


def test_a_measured_cost_beyond_the_budget_is_refused_before_the_first_cell(tmp_path: Path):
    few = ["run", LINE, "--storage", tmp_path, "--budget-hours", "0.000001"]
    done = ablate(*few, "--address", "local", "--dry-run")
    assert done.returncode == 2 and "measured: about" in done.stdout
    assert "0 worker-hours spent and about" in done.stderr
    blind = ablate(*few, "--address", "local", "--dry-run", "--no-preflight")
    assert blind.returncode == 0 and "is not known before, so the budget" in blind.stdout


def test_failed_cells_that_run_again_are_paid_for_too(tmp_path: Path):
    study = tmp_path / "failing.py"
    study.write_text(LINE.read_text().replace('"momentum": 0.5', '"momentum": 0.5, "fails_at": 4'))
    place = ["--storage", tmp_path / "runs"]
    ended = ablate("run", study, "--seeds", "0,1", "--here", "half", *place)
    assert ended.returncode == 1  # one of its two seeds failed
    tight = ["resume", "line-lab", "--dry-run", "--budget-hours", "0.0000001", *place]
    ahead = []
    for more in ([], ["--retry-failed"]):
        refused = ablate(*tight, *more)
        assert refused.returncode == 2
        ahead += re.findall(r"about (\S+) ahead", refused.stderr) or ["nothing"]
    assert ahead[0] == "nothing" and float(ahead[1]) > 0


def test_the_budget_stops_cells_that_run_here_and_they_go_on_from_there(tmp_path: Path):
    here = ["run", LINE, "--here", "plain", "--storage", tmp_path, "--json"]
    stopped = ablate(*here, "--budget-hours", "0.0000001")
    assert stopped.returncode == 130 and json.loads(stopped.stdout)["status"] == 130
    assert "--budget-hours 1e-07 is spent" in stopped.stderr
    assert "the same command goes on" not in stopped.stderr  # it would be refused
    records = Ledger(open_storage(str(tmp_path)), "line-lab").records().values()
    assert [r.status for r in records] == ["interrupted", "pending", "pending"]
    again = ablate(*here)
    assert again.returncode == 0 and again.stderr.count("step 4 ") == 2


def test_a_budget_that_is_spent_begins_no_further_cell_here(tmp_path: Path):
    """One report a cell, so that each is finished when it first hears of the budget."""
    study = tmp_path / "one.py"
    study.write_text(
        LINE.read_text().replace("steps_per_report: int = 4", "steps_per_report: int = 40")
    )
    here = ["run", study, "--here", "plain", "--storage", tmp_path / "runs"]
    assert ablate(*here, "--budget-hours", "0.0000001").returncode == 130
    records = Ledger(open_storage(str(tmp_path / "runs")), "line-lab").records().values()
    assert [r.status for r in records] == ["finished", "pending", "pending"]


def test_what_cannot_run_here_is_refused(tmp_path: Path):
    here = ["run", LINE, "--here", "plain", "--storage", tmp_path]
    assert "must fit on this machine, which has" in ablate(*here, "--gpus-per-cell", "99").stderr
    left_out = ablate(*here, "--arms", "half", "--name", "another")
    assert "--here plain: must be an arm of this sweep, which has half;" in left_out.stderr
