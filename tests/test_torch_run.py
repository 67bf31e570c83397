"""A run that tells what it holds, a step and an evaluation is resumed to the bit, and judged."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import MultiStepLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset, TensorDataset

from ablate import Arms, Study, TorchRun
from infra.cell.reported import dump_state, load_state, same_state
from infra.preflight.preflight import preflight
from infra.study.plan import make_plan
from trainables.batches import batch_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    seed: int = 0
    steps: int = 60
    steps_per_report: int = 6
    rate: float = 0.05
    dropout: float = 0.2
    momentum: float = 0.9
    smoothing: float = 0.0  # which Dead reads and makes nothing of


class Noisy(Dataset):
    """Rows that are augmented from torch's global stream, as most data sets are."""

    def __init__(self, rows: torch.Tensor, kinds: torch.Tensor) -> None:
        self.rows, self.kinds = rows, kinds

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.rows[n] + 0.1 * torch.randn(5), self.kinds[n]


_DRAW = torch.Generator().manual_seed(7)
ROWS = torch.randn(110, 5, generator=_DRAW)
KINDS = (ROWS[:, :3] + torch.randn(110, 3, generator=_DRAW)).argmax(-1)
TRAIN = Noisy(ROWS[:70], KINDS[:70])


class Mine(TorchRun):
    """All that people train with: BatchNorm, dropout, EMA, schedule, scaler, two optimizers."""

    def build(self) -> None:
        cfg = self.cfg
        self.net = nn.Sequential(
            nn.Linear(5, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(cfg.dropout)
        )
        self.head = nn.Linear(12, 3)
        self.frozen = nn.Sequential(nn.Linear(5, 12), nn.BatchNorm1d(12)).eval()
        self.ema = AveragedModel(self.head, multi_avg_fn=get_ema_multi_avg_fn(0.9))
        self.optimizers = [
            torch.optim.SGD(self.net.parameters(), lr=cfg.rate, momentum=cfg.momentum),
            torch.optim.AdamW(self.head.parameters(), lr=0.1 * cfg.rate),
        ]
        self.schedule = MultiStepLR(self.optimizers[0], [20, 50])
        self.scaler = torch.amp.GradScaler("cpu", growth_interval=7)

    def step_once(self) -> dict[str, Any]:
        x, kinds = self.batch(TRAIN, 16, drop_last=False)
        flip = torch.randint(2, (len(x), 1)) * 2 - 1
        with torch.no_grad():
            target = self.frozen(x)
        with torch.autocast("cpu", torch.bfloat16):
            features = self.net(x * flip)
            loss = (
                cross_entropy(self.head(features), kinds, label_smoothing=self.smoothing())
                + 0.01 * (features - target).square().mean()
            )
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()
        self.schedule.step()
        self.ema.update_parameters(self.head)
        return {"train/loss": loss, "train/examples": len(x)}

    def smoothing(self) -> float:
        return self.cfg.smoothing

    def evaluate(self) -> dict[str, Any]:
        return {"val/loss": cross_entropy(self.ema(self.net(ROWS[70:])), KINDS[70:])}


class Dead(Mine):
    def smoothing(self) -> float:
        return 0.0 * self.cfg.smoothing


def saved(run: TorchRun) -> dict[str, Any]:
    """As a cell's folder would hold it."""
    return dict(load_state(dump_state(run.state_dict())))


def test_a_run_that_is_resumed_at_any_step_is_the_uninterrupted_one():
    run, states = Mine(Config()), {}
    for step in range(60):
        states[step] = saved(run)
        run.advance(1)
        if step % 7 == 0:
            run.evaluate()
    assert run.done()
    for step in (0, 3, 21, 53):  # within an epoch of five batches, behind changes of rate and scale
        torch.manual_seed(step)
        other = Mine(Config())
        other.load_state_dict(states[step])
        other.advance(100)
        assert same_state(saved(other), saved(run)), step
        assert other.evaluate() == run.evaluate()


def test_all_that_has_a_state_is_saved_under_its_name():
    state = Mine(Config()).state_dict()
    assert state.keys() == {
        "step", "model", "optimizers.0", "optimizers.1", "schedule", "scaler",
    }  # fmt: skip
    assert {name.split(".")[0] for name in state["model"]} == {"net", "head", "frozen", "ema"}


@pytest.mark.parametrize(
    ("run", "arms"),
    [(Mine, {"smooth": {"smoothing": 0.1}}), (Dead, {"drop": {"dropout": 0.3}})],
)
def test_the_preflight_passes_what_moves_something(run, arms):
    assert complaints(run, arms) == []


def test_the_preflight_finds_a_knob_that_is_read_and_moves_nothing():
    [text] = complaints(Dead, {"smooth": {"smoothing": 0.1}})
    assert "'smooth'" in text and "smoothing" in text


def complaints(run: type[TorchRun], arms: dict[str, dict[str, Any]]) -> list[str]:
    study = Study(
        name="mine", question="?", run=run, base=Config(), seeds=(0, 1, 2), metric="val/loss",
        mode="min", baseline="base", space=Arms(source="none", overrides={"base": {}} | arms),
    )  # fmt: skip
    tried = preflight(study, make_plan(study, "lab"), in_two_processes=False)
    return [complaint.text for complaint in tried if complaint.fatal]


def test_arms_share_what_they_have_in_common():
    class Seen(Mine):
        def build(self) -> None:
            super().build()
            self.batches: list[Any] = []

        def batch(self, *told: Any, **options: Any) -> Any:
            self.batches.append(super().batch(*told, **options))
            return self.batches[-1]

    loose, none = Seen(Config()), Seen(Config(dropout=0.0))
    begin = deepcopy(none.net.state_dict())
    assert same_state(begin, loose.net.state_dict())
    loose.advance(12), none.advance(12)
    assert same_state([list(b) for b in loose.batches], [list(b) for b in none.batches])


def test_networks_are_in_the_modes_of_build_in_steps_and_at_rest_in_evaluation():
    class Looking(Mine):
        seen: tuple[bool, ...] = ()

        def step_once(self) -> dict[str, Any]:
            self.seen = self.net.training, self.head.training, self.frozen.training
            self.net.eval()  # and forgotten
            return super().step_once() | {"modes": sum(self.seen)}

        def evaluate(self) -> dict[str, Any]:
            modes = self.net.training, self.head.training, self.frozen.training
            assert not any(modes) and not torch.is_grad_enabled()
            return super().evaluate() | {"draw": torch.rand(()), "step": self.step}

    run = Looking(Config())
    first = run.evaluate()
    assert run.advance(3)["modes"] == 2.0 and run.seen == (True, True, False)
    second = run.evaluate()
    assert first["draw"] == second["draw"] and second["step"] == 3
    assert all(type(value) in (int, float) for value in second.values())
    assert [module.training for module in (run.head, run.frozen)] == [True, False]


def test_a_report_tells_means_of_what_steps_told():
    class Telling(Mine):
        def step_once(self) -> Any:
            odd = {"odd": torch.tensor(self.step)} if self.step % 2 else {}
            return {"step": float(self.step), **odd}

    class Losing(Mine):
        def step_once(self) -> Any:
            return torch.tensor(2.0 * self.step, requires_grad=True)

    assert Telling(Config(steps=6)).advance(99) == {"step": 2.5, "odd": 3.0}

    class Numbered(Losing):
        def step_once(self) -> Any:
            return super().step_once().item() if self.step else None

    assert Losing(Config()).advance(4) == {"train/loss": 3.0}
    assert Numbered(Config()).advance(4) == {"train/loss": 4.0}
    ended = Losing(Config(steps=0))
    with pytest.raises(RuntimeError, match="Losing: at least one step must be left, got step 0"):
        ended.advance(1)


class Waits(TorchDispatchMode):
    """Counts how often the host asks for a tensor's value."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_the_host_waits_for_the_device_once_a_report():
    class Plain(TorchRun):
        def build(self) -> None:
            self.net = nn.Linear(5, 3)
            self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.1)

        def step_once(self) -> torch.Tensor:
            x, kinds = self.batch(TensorDataset(ROWS, KINDS), 16)
            loss = cross_entropy(self.net(x), kinds)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return loss

        def evaluate(self) -> dict[str, Any]:
            return {"val/loss": cross_entropy(self.net(ROWS), KINDS)}

    run = Plain(Config())
    with Waits() as waits:
        run.advance(20)
    assert waits.count == 1


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("data", [torch.arange(11), TensorDataset(torch.arange(11)), range(11)])
def test_a_batch_is_that_of_its_step_and_an_epoch_has_each_example_once(data, drop_last):
    def at(step: int, seed: int = 3) -> list[int]:
        told = batch_at(step, data, 4, seed, drop_last=drop_last)
        return (told[0] if isinstance(data, TensorDataset) else told).tolist()

    per_epoch = len(DataLoader(range(11), 4, drop_last=drop_last))  # pyright: ignore
    steps = [at(step) for step in range(2 * per_epoch)]
    assert [at(step) for step in reversed(range(2 * per_epoch))] == steps[::-1]
    epochs = [sum(steps[:per_epoch], []), sum(steps[per_epoch:], [])]
    assert [sorted(set(e)) == sorted(e) for e in epochs] == [True, True]
    assert [len(e) for e in epochs] == [8, 8] if drop_last else [11, 11]
    assert epochs[0] != epochs[1] and at(0, seed=4) != at(0)


def test_a_batch_is_made_by_the_function_that_makes_a_loaders():
    words = ["a", "bb", "ccc"]
    assert sorted(batch_at(0, words, 3, 0, collate_fn=lambda batch: batch)) == words
    other = batch_at(0, range(9), 9, 0, name="other")
    assert other.tolist() != batch_at(0, range(9), 9, 0).tolist()
    with pytest.raises(ValueError, match="size must be 1 to the 3 examples, got 4"):
        batch_at(0, words, 4, 0)


def test_what_is_not_written_or_configured_is_told_when_the_run_is_built():
    class NoStep(TorchRun):
        def build(self) -> None:
            pass

        def evaluate(self) -> dict[str, Any]:
            return {}

    @dataclass(frozen=True)
    class Short:
        seed: int = 0

    with pytest.raises(TypeError, match="NoStep.*step_once"):
        NoStep(Config())  # pyright: ignore[reportAbstractUsage]
    with pytest.raises(ValueError, match="Short: must have an int field 'steps'.*got None"):
        Mine(Short())
