"""What cells really computed with is on record, and forbids a verdict where it differs."""

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from infra.answer.compare import leaderboard
from infra.cell.cell import Attempt
from infra.cell.driving import make_job
from infra.errors import CellFailed
from infra.execution.here import run_here
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.study.plan import Plan, cell_config, make_plan
from infra.study.study import Study
from infra.sweep_options import SweepOptions
from search_spaces.space import Arms


@torch.compile(backend="eager")
def compiled_error(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model(x).square().mean()


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    seed: int = 0
    steps: int = 4
    steps_per_report: int = 2
    width: int = 6
    recipe: str = "plain"
    precision: str = "fp32"
    data: str = ""


class LinearRun:
    """Shrinks a linear map's output; `recipe` changes how that is computed behind the config."""

    def __init__(self, cfg: Config) -> None:
        self.cfg, self.step = cfg, 0
        torch.manual_seed(cfg.seed)
        self.model = torch.nn.Linear(cfg.width, 3)
        if "bf16" in (cfg.recipe, cfg.precision):
            self.model.to(torch.bfloat16)

    def error(self) -> torch.Tensor:
        draw = torch.Generator().manual_seed(self.step)
        x = torch.randn(5, self.cfg.width, generator=draw).to(self.model.weight.dtype)
        if self.cfg.recipe == "compiled":
            return compiled_error(self.model, x)
        return self.model(x).square().mean()

    def advance(self, steps: int) -> dict[str, float]:
        mixed = torch.autocast("cpu", torch.bfloat16) if self.cfg.recipe == "mixed" else None
        if self.cfg.recipe == "medium" and self.step:
            torch.set_float32_matmul_precision("medium")
        for _ in range(steps):
            with mixed or nullcontext():
                self.error().backward()
            with torch.no_grad():
                for weight in self.model.parameters():
                    weight -= 0.1 * (weight.grad if weight.grad is not None else 0.0)
                    weight.grad = None
            self.step += 1
        return {"train/steps": self.step}

    def evaluate(self) -> dict[str, float]:
        return {"val/error": float(self.model.weight.detach().float().square().mean())}

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict:
        return {"step": self.step, "model": self.model.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.step = state["step"]
        self.model.load_state_dict(state["model"])


ARMS = {"plain": {}, "wide": {"width": 7}} | {
    recipe: {"recipe": recipe} for recipe in ("bf16", "mixed", "compiled", "medium")
} | {"declared": {"precision": "bf16"}}  # fmt: skip
STUDY = Study(
    name="linear",
    question="Does it?",
    run=LinearRun,
    base=Config(),
    space=Arms(source="none", overrides=ARMS),
    seeds=(0, 1, 2),
    metric="val/error",
    mode="min",
    baseline="plain",
)


def swept(folder: Path, *arms: str) -> tuple[Plan, Ledger]:
    """The arms' cells, each really trained in this process."""
    plan = make_plan(STUDY, "lab", arms)
    ledger = Ledger(open_storage(str(folder)), "sweep")
    for arm in plan.arms:
        assert run_here(STUDY, plan, ledger, arm, (), SweepOptions()) == 0
    return plan, ledger


@pytest.mark.parametrize(
    ("arm", "told"),
    [
        ("bf16", "dtype differs (bfloat16, baseline float32)"),
        ("mixed", "autocast differs (bfloat16, baseline off)"),
        ("compiled", "compile state differs (compiled, baseline eager)"),
        ("medium", "precision of matrix products differs (bf16, ieee, baseline ieee)"),
    ],
)
def test_what_cells_computed_with_behind_the_config_stands_beside_where_nobody_looked_before(
    tmp_path: Path, arm: str, told: str
) -> None:
    plan, ledger = swept(tmp_path, "plain", arm)
    row = next(r for r in leaderboard(plan, ledger.records()).rows if r.arm == arm)
    what = told.partition(" differs")[0]
    remedy = f"if recipe is meant to, declare {what!r} of it in Study.explains"
    assert row.beside == (f"{told} in seed 0, 1, 2; {remedy}",)


def test_cells_that_computed_alike_or_otherwise_by_declaration_are_comparable(
    tmp_path: Path,
) -> None:
    plan, ledger = swept(tmp_path, "plain", "wide", "declared")
    rows = leaderboard(plan, ledger.records()).rows
    assert not [row.reason for row in rows if row.reason.startswith("not comparable")]


def test_every_cell_of_one_process_that_compiles_is_on_record_as_compiled(tmp_path: Path) -> None:
    """Beyond eight shapes in one process torch would fall back to eager without a word."""
    plan = make_plan(STUDY, "lab", ["compiled"], range(10))
    ledger = Ledger(open_storage(str(tmp_path)), "sweep")
    job = make_job(STUDY, plan, ledger, 0.0, {"versions": {}})
    found = []
    for number, cell in enumerate(plan.cells):
        config = Config(recipe="compiled", seed=cell.seed, width=2 + number, steps=2)
        with Attempt(job, cell, config, "0001-aa").running() as attempt:
            attempt.report()
        commit = ledger.record(cell.key).commit
        found.append(commit.realised["compile"] if commit else None)
    assert found == [["compiled"]] * 10


def test_resumed_cell_keeps_what_its_first_attempt_computed_with(tmp_path: Path) -> None:
    plan = make_plan(STUDY, "lab", ["plain"], [0])
    ledger = Ledger(open_storage(str(tmp_path)), "sweep")
    job, cell = make_job(STUDY, plan, ledger, 0.0, {"versions": {}}), plan.cells[0]
    with Attempt(job, cell, Config(recipe="mixed"), "0001-aa").running() as first:
        first.report()
        first.commit()
    with Attempt(job, cell, Config(), "0002-aa").running() as second:
        second.report()
    commit = ledger.record(cell.key).commit
    assert second.finished and commit
    assert commit.realised["autocast"] == ["bfloat16", "off"]


def manifest(folder: Path, digest: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"digest": digest}))


def test_data_digest_is_that_of_the_folder_the_run_was_given(tmp_path: Path) -> None:
    manifest(tmp_path / "data", "d1")
    plan = make_plan(STUDY, "lab", ["plain", "wide"], data=str(tmp_path / "data"), data_digest="d1")
    ledger = Ledger(open_storage(str(tmp_path / "runs")), "sweep")
    job = make_job(STUDY, plan, ledger, 0.0, {"versions": {}, "package_digest": "abcd"})
    for cell in plan.cells:
        manifest(tmp_path / "data", "d1" if cell.arm == "plain" else "d2")  # changed meanwhile
        config = cell_config(STUDY, plan, cell, plan.data)
        with Attempt(job, cell, config, "0001-aa").running() as attempt:
            while not attempt.finished:
                attempt.report()
        ledger.finish(cell.key, {"status": "finished", "attempt": "0001-aa"})
    ledger.write_plan(plan)
    row = next(r for r in leaderboard(plan, ledger.records()).rows if r.arm == "wide")
    assert "data digest differs (d2, baseline d1) in seed 0, 1, 2" in row.reason


def test_cell_whose_data_is_not_there_fails_and_says_so(tmp_path: Path) -> None:
    plan = make_plan(STUDY, "lab", ["plain"], [0], data=str(tmp_path / "data"))
    ledger = Ledger(open_storage(str(tmp_path / "runs")), "sweep")
    job, cell = make_job(STUDY, plan, ledger, 0.0, {"versions": {}}), plan.cells[0]
    attempt = Attempt(job, cell, cell_config(STUDY, plan, cell, plan.data), "0001-aa")
    with attempt.running(), pytest.raises(CellFailed, match="must hold manifest.json"):
        attempt.report()
