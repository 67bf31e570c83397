"""Cells of runs that are done at step 0: over with the point there, whoever drives them."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from infra.answer.compare import leaderboard
from infra.execution.here import run_here
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.study.plan import Plan, make_plan
from infra.study.study import Study
from infra.sweep_options import SweepOptions
from search_spaces.space import Arms


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    seed: int = 0
    steps: int = 6
    steps_per_report: int = 3
    rate: float = 0.1
    control: str = ""


class Shrinking:
    """Shrinks five drawn numbers, unless it is a control, which leaves or forgets them."""

    def __init__(self, cfg: Config) -> None:
        self.cfg, self.step = cfg, 0
        self.weight = torch.randn(5, generator=torch.Generator().manual_seed(cfg.seed))
        if cfg.control == "zero":
            self.weight = torch.zeros(5)

    def advance(self, steps: int) -> dict[str, float]:
        assert not self.done()
        for _ in range(steps):
            self.weight, self.step = self.weight * (1 - self.cfg.rate), self.step + 1
        return {}

    def evaluate(self) -> dict[str, float]:
        return (
            {} if self.cfg.control == "mute" else {"val/size": float(self.weight.square().mean())}
        )

    def done(self) -> bool:
        return self.cfg.control != "" or self.step >= self.cfg.steps

    def state_dict(self) -> dict:
        return {"step": self.step, "model": {"weight": self.weight}}

    def load_state_dict(self, state: dict) -> None:
        self.step, self.weight = state["step"], state["model"]["weight"]


def study_of(**overrides: dict) -> Study:
    return Study(
        name="shrinking", question="?", run=Shrinking, base=Config(), seeds=(0, 1, 2),
        space=Arms(source="none", overrides={"plain": {}, "quick": {"rate": 0.2}, **overrides}),
        metric="val/size", mode="min", baseline="plain", controls=tuple(overrides),
    )  # fmt: skip


def driven(tmp_path: Path, study: Study) -> tuple[Plan, Ledger]:
    plan, ledger = make_plan(study, "lab"), Ledger(open_storage(str(tmp_path)), "sweep")
    for arm in plan.arms:
        run_here(study, plan, ledger, arm, (), SweepOptions())
    return plan, ledger


def test_a_control_is_finished_by_its_point_at_step_0_and_has_its_row(tmp_path, one_thread):
    plan, ledger = driven(tmp_path, study_of(zero={"control": "zero"}, still={"control": "still"}))
    records = ledger.records(plan)
    for cell in plan.cells:
        record = records[cell.key]
        steps = [0] if cell.arm in plan.controls else [0, 3, 6]
        assert record.status == "finished" and [p.step for p in record.points] == steps
        assert record.commit and record.commit.weights_sha256 and record.commit.realised["dtype"]
    rows = {row.arm: row for row in leaderboard(plan, records).rows}
    assert (rows["zero"].verdict, rows["zero"].mean) == ("control", 0.0)
    assert rows["still"].difference and rows["still"].difference.mean > 0
    assert rows["quick"].verdict in ("better", "undecided") and not rows["quick"].beside


def test_an_arm_that_is_done_at_step_0_may_be_no_control_and_is_judged(tmp_path, one_thread):
    study = replace(study_of(still={"control": "still"}), controls=())
    plan, ledger = driven(tmp_path, study)
    records = ledger.records(plan)
    assert {r.status for r in records.values()} == {"finished"}
    still = next(row for row in leaderboard(plan, records).rows if row.arm == "still")
    assert (still.verdict, still.finished) == ("undecided", 3)
    assert any(line.startswith("steps differ (0, baseline 6)") for line in still.beside)


def test_a_run_that_ends_at_step_0_without_the_studys_metric_fails(tmp_path, one_thread):
    plan, ledger = driven(tmp_path, study_of(mute={"control": "mute"}))
    failed = [r for r in ledger.records(plan).values() if r.status == "failed"]
    assert len(failed) == 3
    assert "metric 'val/size': must be reported by the run" in failed[0].error


@pytest.mark.parametrize("keep", ["all", "last", "none"])
def test_a_control_is_not_run_again(tmp_path, one_thread, keep):
    study = study_of(zero={"control": "zero"})
    plan, ledger = (
        make_plan(study, "lab", keep_checkpoints=keep),
        Ledger(open_storage(str(tmp_path)), "sweep"),
    )
    for _ in range(2):
        assert run_here(study, plan, ledger, "zero", (), SweepOptions()) == 0
    [key] = [c.key for c in plan.cells if c.arm == "zero" and c.seed == 0]
    assert ledger.attempts(key) == ledger.attempts(key)[:1]
