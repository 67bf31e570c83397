"""Cells that share a stem: trained once, booked to each, and nothing but time when it is lost."""

import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from infra.answer.compare import leaderboard
from infra.cell.cell import Attempt
from infra.cell.driving import make_job, record_end
from infra.cell.stems import CODE, FOLDER, sharing_stems
from infra.execution.here import run_here
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.preflight.before import check_before
from infra.preflight.cost import cell_seconds, estimate, shared_seconds, without
from infra.study.plan import cell_config, make_plan
from infra.study.study import Study
from infra.sweep_options import Limit, SweepOptions
from search_spaces.space import Arms
from trainables.draws import generator
from trainables.stem import stem

STEM_S = 0.3
trained: list[int] = []  # seeds whose stem was trained in this process


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    seed: int = 0
    steps: int = 0
    steps_per_report: int = 2
    cut: float = 0.0


class Cutting:
    """What is left of a stem's weights above a cut, trained further for some steps."""

    def __init__(self, cfg: Config) -> None:
        self.cfg, self.step = cfg, 0
        self.stem = stem({"seed": cfg.seed, "width": 5}, self.train_stem)
        self.weight = self.stem.state["w"]

    def train_stem(self) -> dict:
        trained.append(self.cfg.seed)
        time.sleep(STEM_S)
        return {"w": torch.randn(5, generator=generator(self.cfg.seed, "init", "w"))}

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(min(steps, self.cfg.steps - self.step)):
            noise = torch.randn(5, generator=generator(self.cfg.seed, "noise", self.step))
            self.weight, self.step = 0.9 * self.weight + 0.1 * noise, self.step + 1
        return {}

    def evaluate(self) -> dict[str, float]:
        kept = self.weight.clamp(min=self.cfg.cut)
        return {"val/size": float(kept.square().mean()), **self.stem.metrics}

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict:
        return {"step": self.step, "model": {"w": self.weight}}

    def load_state_dict(self, state: dict) -> None:
        self.step, self.weight = state["step"], state["model"]["w"]


STUDY = Study(
    name="cutting", question="?", run=Cutting, base=Config(), seeds=(0, 1), metric="val/size",
    space=Arms(source="none", overrides={"none": {}, "half": {"cut": 0.5}, "one": {"cut": 1.0}}),
    mode="min", baseline="none",
)  # fmt: skip


@pytest.fixture(autouse=True)
def stems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "stems"))
    trained.clear()
    return tmp_path / "stems"


def ledger_in(folder: Path) -> Ledger:
    return Ledger(open_storage(str(folder)), "sweep")


def test_a_stem_is_trained_once_per_seed_and_booked_to_each_cell_with_a_mark(tmp_path) -> None:
    plan, ledger = make_plan(STUDY, "lab"), ledger_in(tmp_path / "runs")
    for arm in plan.arms:
        assert run_here(STUDY, plan, ledger, arm, (), SweepOptions()) == 0
    assert trained == [0, 1]
    records = ledger.records(plan)
    for cell in plan.cells:
        record, first = records[cell.key], cell.arm == "none"
        [point] = record.points
        assert point.metrics["perf/train_s"] == point.metrics["perf/stem_s"] >= STEM_S
        assert point.metrics["perf/stem_reused"] == float(not first)
        assert record.billed_s >= STEM_S and record.billed_s == record.spent_s + record.shared_s
        assert (record.shared_s == 0.0) == first
        assert record.commit and record.commit.state  # with the weights in it
    weights = {(c.arm, c.seed): records[c.key].commit.weights_sha256 for c in plan.cells}
    assert weights["none", 0] == weights["half", 0] != weights["none", 1]
    board = leaderboard(plan, records)
    [note] = [note for note in board.notes if "stem" in note]
    assert note.startswith("4 cells have a stem that was trained before: its 0.")
    index = tmp_path / "runs" / "sweep" / "index"
    ledger.write_index(plan, [])
    assert index.exists() and ledger.records(plan) == records


def test_an_estimate_books_stems_and_marks_it_and_a_budget_goes_by_what_is_spent(tmp_path) -> None:
    plan, ledger = make_plan(STUDY, "lab"), ledger_in(tmp_path / "runs")
    for arm in ("none", "half"):
        run_here(STUDY, plan, ledger, arm, [0], SweepOptions())
    records = ledger.records(plan)
    booked, shared = cell_seconds(STUDY, plan, records, {}), shared_seconds(plan, records, {})
    own = without(booked, shared)
    assert list(shared) == ["half"] and own["none"] == booked["none"]
    assert booked["half"] >= STEM_S and own["half"] < booked["half"]
    todo = [cell for cell in plan.cells if cell.arm == "half" and cell.seed == 1]
    told = estimate(plan, todo, booked, records, 0, shared)
    assert "of them for stems that cells share, booked to each)" in told
    assert "stem" not in estimate(plan, todo, booked, records, 0)
    spent = sum(record.spent_s for record in records.values())
    limit = Limit(hours=(spent + own["half"] + shared["half"] / 2) / 3600)
    check_before(STUDY, plan, records, todo, SweepOptions(limit=limit, preflight=False), ledger)


def test_arms_that_share_a_stem_are_tried_and_measured_with_one_training_a_seed(
    tmp_path, capsys
) -> None:
    plan, ledger = make_plan(STUDY, "lab", gpus=0.0), Ledger(open_storage(str(tmp_path)), "s")
    check_before(STUDY, plan, {}, plan.cells, SweepOptions(address="local"), ledger)
    assert sorted(trained) == [0, 1]  # the second seed shows that seeds differ
    told = capsys.readouterr().out
    assert "preflight: 3 arms run, read and differ" in told
    assert "of them for stems that cells share" in told and FOLDER in os.environ
    assert CODE not in os.environ


def test_a_stem_that_is_lost_costs_a_begun_cell_time_and_nothing_else(tmp_path, stems) -> None:
    study = replace(STUDY, base=Config(steps=6))
    plan = make_plan(study, "lab", ["none"], [0])
    [cell] = plan.cells
    config = cell_config(study, plan, cell, "")
    for name, losing in (("whole", False), ("resumed", True)):
        ledger = ledger_in(tmp_path / name)
        job = make_job(study, plan, ledger, 0.0, {"versions": {}})
        with Attempt(job, cell, config, "0001-a").running() as attempt:
            attempt.report()
            attempt.commit()
        if losing:
            shutil.rmtree(stems)
        with Attempt(job, cell, config, "0002-a").running() as attempt:
            while not attempt.finished:
                attempt.report()
        record_end(ledger, cell.key, "0002-a", "finished", {})
    one, two = (ledger_in(tmp_path / name).record(cell.key) for name in ("whole", "resumed"))
    assert trained == [0, 0] and one.commit and two.commit
    assert one.commit.weights_sha256 == two.commit.weights_sha256
    sizes = [[p.metrics["val/size"] for p in record.points] for record in (one, two)]
    assert sizes[0] == sizes[1] and len(sizes[0]) == 4
    seconds = [p.metrics["perf/train_s"] for p in two.points]
    assert seconds == sorted(seconds) and STEM_S <= seconds[0]
    assert seconds[-1] < seconds[0] + STEM_S  # the second training is on no cell's clock


def test_the_folder_is_the_users_alone_and_the_environment_as_before(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with sharing_stems("a"):
        folder, code = Path(os.environ[FOLDER]), os.environ[CODE]
        assert folder.parent == tmp_path and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert FOLDER not in os.environ and CODE not in os.environ
    with sharing_stems("b"):
        assert os.environ[CODE] != code
    folder.chmod(0o777)  # as somebody else may have left it there
    with sharing_stems("a"):
        assert os.environ[FOLDER] == ""
