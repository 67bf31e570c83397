"""Trainers of others tell their points by a line; tried with each library where it is installed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from ablate.callbacks import tell

X = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
ROWS = [{"x": x, "labels": x.sum()} for x in X]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        out = self.line(x)[:, 0]
        return {"loss": (out - labels).square().mean(), "out": out}


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ABLATE_POINTS", str(tmp_path / "points.jsonl"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "points.jsonl"


def told(points: Path, metric: str) -> dict[int, float]:
    """The metric by step; a step is told once."""
    lines = [json.loads(line) for line in points.read_text().splitlines()]
    assert all(type(v) in (int, float) for line in lines for v in line.values())
    found = [(line["step"], line[metric]) for line in lines if metric in line]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_what_is_no_number_is_left_out(points: Path) -> None:
    tell(4, {"a": torch.tensor([2.0]), "b": "1", "c": True, "d": None, "e": torch.ones(2), "f": 1})
    tell(5, {"note": "none", "step": 5})
    assert [json.loads(line) for line in points.read_text().splitlines()] == [
        {"step": 4, "a": 2.0, "f": 1.0}
    ]


def test_no_library_is_imported_that_nobody_asked_for() -> None:
    code = "import sys, ablate.callbacks; print('torch' in sys.modules, 'infra' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_a_hugging_face_trainer_tells_losses_and_evaluations(points: Path) -> None:
    pytest.importorskip("accelerate")
    transformers: Any = pytest.importorskip("transformers")
    from ablate.callbacks.huggingface import AblateCallback

    args = transformers.TrainingArguments(
        "out", max_steps=6, logging_steps=2, eval_strategy="steps", eval_steps=3, report_to=[],
        save_strategy="no", per_device_train_batch_size=4, use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=Net(), args=args, train_dataset=ROWS, eval_dataset=ROWS[:8],
        callbacks=[AblateCallback()],
    )  # fmt: skip
    trainer.train()
    logged = {
        one["step"]: one["eval_loss"] for one in trainer.state.log_history if "eval_loss" in one
    }
    assert told(points, "eval_loss") == {step: logged[step] for step in (3, 6)}
    assert list(told(points, "loss")) == [2, 4, 6]
    assert list(told(points, "perf/eval_runtime")) == [3, 6]


def test_lightning_tells_each_result_once_and_at_its_step(points: Path) -> None:
    lightning: Any = pytest.importorskip("lightning.pytorch")
    from ablate.callbacks.lightning import AblateCallback

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            loss = self.net(**batch)["loss"]
            self.log("train_loss", loss, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, _: int) -> None:
            self.log("val_loss", self.net(**batch)["loss"])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    trainer = lightning.Trainer(
        max_epochs=4, check_val_every_n_epoch=2, accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[AblateCallback()],
    )  # fmt: skip
    trainer.fit(Module(), DataLoader(ROWS, 4), DataLoader(ROWS, 8))  # pyright: ignore
    assert len(told(points, "train_loss")) == 4
    losses = told(points, "val_loss")
    assert len(losses) == 2 and max(losses) in told(points, "train_loss")
    assert losses[max(losses)] == pytest.approx(float(trainer.callback_metrics["val_loss"]))


def test_accelerate_tells_what_is_logged_with_a_step(points: Path) -> None:
    accelerate: Any = pytest.importorskip("accelerate")
    from ablate.callbacks.accelerate import AblateTracker

    accelerator = accelerate.Accelerator(cpu=True, log_with=AblateTracker())
    accelerator.init_trackers("any", config={"rate": 0.1})
    accelerator.log({"val_loss": 0.5, "note": "best"}, step=7)
    accelerator.end_training()
    assert told(points, "val_loss") == {7: 0.5}
    with pytest.raises(ValueError, match="must be told a step, got none with val_loss"):
        accelerator.log({"val_loss": 0.5})
