"""A cell's state tells of its first weights, of NaN that no metric reads, and of its rates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from infra.answer.compare import leaderboard
from infra.cell.cell import Attempt
from infra.cell.driving import make_job
from infra.cell.rates import rates
from infra.cell.weighed import Weighed
from infra.execution.here import run_here
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.study.plan import make_plan
from infra.study.study import Study
from infra.sweep_options import SweepOptions
from search_spaces.space import Arms

NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    seed: int = 0
    steps: int = 8
    steps_per_report: int = 2
    rate: float = 0.1
    batch: int = 8
    fault: str = ""


class TwoHeads:
    """Fits a map by its first head; the second is no part of the metric."""

    def __init__(self, cfg: Config) -> None:
        self.cfg, self.step = cfg, 0
        torch.manual_seed(0 if cfg.fault == "pretrained" else cfg.seed)
        self.body, self.side = torch.nn.Linear(3, 2), torch.nn.Linear(3, 1)
        self.mask = torch.full((2,), -INF)
        rate = cfg.rate * cfg.batch / 8 if cfg.fault == "scaled" else cfg.rate
        self.optimizer = torch.optim.SGD(self.body.parameters(), lr=rate)

    def advance(self, steps: int) -> dict[str, float]:
        loss = torch.zeros(())
        for _ in range(steps):
            draw = torch.Generator().manual_seed(self.cfg.seed * 100 + self.step)
            x = torch.randn(self.cfg.batch, 3, generator=draw)
            loss = (self.body(x) - x[:, :2]).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
        if self.cfg.fault == "nan" and self.step > 4:
            torch.nn.init.constant_(self.side.weight, NAN)
        return {"train/loss": loss.item()}

    def evaluate(self) -> dict[str, float]:
        return {"val/error": float(self.body.weight.detach().square().mean())}

    def done(self) -> bool:
        return self.step >= self.cfg.steps - 4 * (self.cfg.fault == "short")

    def state_dict(self) -> dict[str, Any]:
        model = {"body." + n: t for n, t in self.body.state_dict().items()} | {"mask": self.mask}
        side, unseen = self.side.state_dict(), torch.full((3,), NAN)
        return {"step": self.step, "model": model, "side": side, "unseen": {"scores": unseen},
                "optimizer": self.optimizer.state_dict()}  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        model = {n.removeprefix("body."): t for n, t in state["model"].items() if n != "mask"}
        self.body.load_state_dict(model)
        self.side.load_state_dict(state["side"])
        self.optimizer.load_state_dict(state["optimizer"])


def board(folder: Path, *faults: str, **more: Any) -> Any:
    arms = {"plain": {}, **{fault: {"fault": fault, **more} for fault in faults}}
    study = Study(
        name="heads", question="?", run=TwoHeads, base=Config(), metric="val/error", mode="min",
        space=Arms(source="none", overrides=arms), seeds=(0, 1, 2), baseline="plain",
    )  # fmt: skip
    plan = make_plan(study, "lab")
    ledger = Ledger(open_storage(str(folder)), "sweep")
    for arm in plan.arms:
        assert run_here(study, plan, ledger, arm, (), SweepOptions()) == 0
    return leaderboard(plan, ledger.records())


def test_nan_that_the_metric_does_not_read_is_told_with_its_tensor_and_takes_the_win(
    tmp_path: Path,
) -> None:
    told = board(tmp_path, "nan", rate=0.2)
    [note] = [note for note in told.notes if "NaN" in note]
    assert note == (
        "nan: NaN or infinity in 1 tensor of its networks (side.weight) in 3 of 3 cells, whatever "
        "val/error reads"
    )
    row = next(row for row in told.rows if row.arm == "nan")
    assert row.verdict in ("worse", "undecided")
    assert "3 of 3 cells of 'nan' hold NaN or infinity" in row.reason


def test_runs_that_end_before_their_steps_are_told_with_both_numbers(tmp_path: Path) -> None:
    [note] = [n for n in board(tmp_path, "short").notes if "in their config" in n]
    assert note.startswith("short end at step 4 of the 8 in their config, in 3 of 3 cells each")


def test_seeds_that_begin_with_the_same_weights_are_told_on_the_board(tmp_path: Path) -> None:
    [note] = [n for n in board(tmp_path, "pretrained").notes if "begin with" in n]
    assert note.startswith("all seeds of pretrained begin with the same weights")


def test_a_rate_in_the_optimizer_that_the_batch_scales_is_told_beside_the_row(
    tmp_path: Path,
) -> None:
    rows = board(tmp_path / "1", "scaled", batch=24).rows
    [scaled] = [row for row in rows if row.arm == "scaled"]
    assert scaled.beside == ("learning rate x 3 (no rate is set)",)
    rows = board(tmp_path / "2", "honest", batch=24).rows
    assert not any(row.beside for row in rows)
    rows = board(tmp_path / "3", "asked", batch=24, rate=0.3).rows
    assert not any(row.beside for row in rows)


def test_nothing_is_told_of_a_healthy_sweep_with_masks_and_empty_memories(tmp_path: Path) -> None:
    told = board(tmp_path, "none")
    assert not [n for n in told.notes if "NaN" in n or "begin with" in n or "in their config" in n]
    assert not [row.beside for row in told.rows if row.beside]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn])
def test_nan_is_found_in_any_precision_and_what_began_so_is_left_in_peace(
    dtype: torch.dtype,
) -> None:
    def state(value: float) -> dict[str, Any]:
        network = {"weight": torch.tensor([1.0, value]).to(dtype), "count": torch.tensor(3)}
        return {"model": {"w": torch.ones(2)}, "teacher": network, "best": {"loss": INF}}

    assert Weighed(state(0.0)).unsound(state(NAN)) == ("teacher.weight",)
    assert Weighed(state(0.0)).unsound(state(-2.0)) == ()
    assert Weighed(state(NAN)).unsound(state(NAN)) == ()


def test_a_nan_of_the_optimizer_alone_is_none_of_the_networks() -> None:
    model = {"model": {"w": torch.ones(2)}}
    moments = {"state": {0: {"exp_avg": torch.tensor([NAN])}}, "param_groups": [{"lr": 0.1}]}
    assert Weighed(model).unsound({**model, "optimizer": moments}) == ()


def test_rates_are_found_in_every_optimizer_of_a_state() -> None:
    net = torch.nn.Linear(2, 1)
    groups = [{"params": [net.weight]}, {"params": [net.bias], "lr": torch.tensor(0.5)}]
    one, two = torch.optim.SGD(groups, lr=0.25), torch.optim.Adam(net.parameters(), lr=0.125)
    state = {"step": 3, "opt": one.state_dict(), "both": {"b": two.state_dict()}}
    assert rates(state, 3) == {"3 opt.0 0.25", "3 opt.1 0.5", "3 both.b.0 0.125"}
    assert rates({"step": 3, "model": {"w": torch.ones(2)}}, 3) == set()


def test_a_resumed_cell_keeps_the_rates_of_its_first_attempt(tmp_path: Path) -> None:
    study = Study(
        name="heads", question="?", run=TwoHeads, base=Config(), metric="val/error", mode="min",
        space=Arms(source="none", overrides={"plain": {}}), seeds=(0,), baseline="plain",
    )  # fmt: skip
    plan = make_plan(study, "lab")
    ledger = Ledger(open_storage(str(tmp_path)), "sweep")
    job, cell = make_job(study, plan, ledger, 0.0, {"versions": {}}), plan.cells[0]
    with Attempt(job, cell, Config(), "0001-aa").running() as first:
        first.report()
        first.commit()
    with Attempt(job, cell, Config(), "0002-aa").running() as second:
        while not second.finished:
            second.report()
    commit = ledger.record(cell.key).commit
    assert commit and len(commit.realised["initial_weights"]) == 1
    steps = {int(told.split()[0]) for told in commit.realised["rates"]}
    assert steps == {2, 4, 8}
