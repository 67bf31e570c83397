#!/usr/bin/env python
"""Does momentum pay when fitting a line by gradient descent? The smallest study that is one."""

import os
import time
from dataclasses import dataclass

import torch

from ablate import Arms, Study, main


@dataclass(frozen=True, kw_only=True, slots=True)
class LineConfig:
    seed: int = 0
    steps: int = 40
    steps_per_report: int = 4
    rate: float = 0.1
    momentum: float = 0.0
    fails_at: int = -1


class LineRun:
    """Fits w in y = x w by stochastic gradient descent."""

    def __init__(self, cfg: LineConfig) -> None:
        self.cfg, self.step = cfg, 0
        self.target = torch.linspace(-1, 1, 8)
        self.weight = torch.randn(8, generator=self._draw("init"))
        self.velocity = torch.zeros(8)

    def _draw(self, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(hash((self.cfg.seed, len(purpose), self.step)) % 2**31)

    def advance(self, steps: int) -> dict[str, float]:
        loss = torch.zeros(())
        for _ in range(min(steps, self.cfg.steps - self.step)):
            if self.step == self.cfg.fails_at and self.cfg.seed > 0:
                raise FloatingPointError(f"loss must be finite, got nan at step {self.step}")
            x = torch.randn(16, 8, generator=self._draw("batch"))
            error = x @ (self.weight - self.target)
            loss = error.square().mean()
            self.velocity = self.cfg.momentum * self.velocity + x.T @ error / 16
            self.weight = self.weight - self.cfg.rate * self.velocity
            self.step += 1
            time.sleep(float(os.environ.get("LINE_SECONDS_PER_STEP", "0")))
        late = {"train/late": 1.0} if self.done() else {}
        return {"train/loss": float(loss), "train/parameters": 8, **late}

    def evaluate(self) -> dict[str, float]:
        return {"val/error": float((self.weight - self.target).square().mean())}

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict:
        return {"step": self.step, "model": {"weight": self.weight}, "velocity": self.velocity}

    def load_state_dict(self, state: dict) -> None:
        self.step, self.velocity = state["step"], state["velocity"]
        self.weight = state["model"]["weight"]


STUDY = Study(
    name="line",
    question="Does momentum pay when fitting a line?",
    run=LineRun,
    base=LineConfig(),
    space=Arms(
        source="none: an example",
        overrides={
            "plain": {"momentum": 0.0},
            "half": {"momentum": 0.5},
            "heavy": {"momentum": 0.9},
        },
    ),
    scales={"smoke": {"steps": 8}, "lab": {}, "paper": {"steps": 48}},
    seeds=(0, 1, 2),
    metric="val/error",
    mode="min",
    baseline="plain",
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
