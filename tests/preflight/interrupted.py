"""Ways to train that a save must hold more for than weights and optimizer, on one small classifier.

Each is whole; `forgetful` makes a run of it that neither saves nor loads what it has besides.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    seed: int = 0
    steps: int = 60
    steps_per_report: int = 6
    rate: float = 0.05


def generator(*key: int) -> torch.Generator:
    return torch.Generator().manual_seed(sum(k * 1009**i for i, k in enumerate(key)))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.norm = nn.Linear(5, 12), nn.BatchNorm1d(12)
        self.drop, self.outer = nn.Dropout(0.1), nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.outer(self.drop(self.norm(self.inner(x)).relu()))


class Run:
    """The classifier: BatchNorm, dropout drawn by step, SGD with momentum."""

    def __init__(self, cfg: Config) -> None:
        self.cfg, self.step = cfg, 0
        draw = generator(7)
        self.rows = torch.randn(120, 5, generator=draw)
        self.kinds = (self.rows[:, :3] + torch.randn(120, 3, generator=draw)).argmax(-1)
        torch.manual_seed(cfg.seed)
        self.net = Net()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=cfg.rate, momentum=0.9)
        self.begin()

    def begin(self) -> None:
        """Makes what this kind of run has besides."""

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.randint(80, (16,), generator=generator(self.cfg.seed, 3, self.step))
        return self.rows[rows], self.kinds[rows]

    def loss(self) -> torch.Tensor:
        x, kinds = self.batch()
        return cross_entropy(self.net(x), kinds)

    def learn(self) -> None:
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()
        self.after(self.step + 1)

    def after(self, steps: int) -> None:
        """What this kind of run does besides, once so many steps are done."""

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(min(steps, self.cfg.steps - self.step)):
            torch.default_generator.manual_seed(self.cfg.seed * 1000 + self.step)
            self.net.train()
            self.learn()
            self.step += 1
        return {"train/steps": self.step}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        return self.measured(self.net)

    def measured(self, net: nn.Module) -> dict[str, float]:
        net.eval()
        with torch.no_grad():
            return {"val/loss": float(cross_entropy(net(self.rows[80:]), self.kinds[80:]))}

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step, "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(), **self.more(),
        }  # fmt: skip

    def load_state_dict(self, state: Any) -> None:
        self.step = state["step"]
        self.net.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.take(state)

    def more(self) -> dict[str, Any]:
        """What this kind of run saves besides."""
        return {}

    def take(self, state: Any) -> None:
        """And takes back."""


class Averaged(Run):
    """Measured by an average of its weights."""

    def begin(self) -> None:
        self.average = deepcopy(self.net)

    @torch.no_grad()
    def after(self, steps: int) -> None:
        for mean, now in zip(self.average.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 0.1)

    def evaluate(self) -> dict[str, float]:
        return self.measured(self.average)

    def more(self) -> dict[str, Any]:
        return {"average": self.average.state_dict()}

    def take(self, state: Any) -> None:
        self.average.load_state_dict(state["average"])


class Taught(Averaged):
    """Trained to agree with an average of its weights, and measured by these themselves."""

    def loss(self) -> torch.Tensor:
        x, kinds = self.batch()
        with torch.no_grad():
            taught = self.average(x).softmax(-1)
        out = self.net(x)
        return cross_entropy(out, kinds) + cross_entropy(out, taught)

    def evaluate(self) -> dict[str, float]:
        return self.measured(self.net)


class Scheduled(Run):
    """A rate that falls at every twentieth step, counted by the scheduler."""

    def begin(self) -> None:
        self.schedule: Any = torch.optim.lr_scheduler.StepLR(self.optimizer, 20, 0.1)

    def after(self, steps: int) -> None:
        self.schedule.step()

    def more(self) -> dict[str, Any]:
        return {"schedule": self.schedule.state_dict()}

    def take(self, state: Any) -> None:
        self.schedule.load_state_dict(state["schedule"])


class Late(Scheduled):
    """A rate that falls once, near the end."""

    def begin(self) -> None:
        self.schedule = torch.optim.lr_scheduler.MultiStepLR(self.optimizer, [50])

    def more(self) -> dict[str, Any]:
        told = self.schedule.state_dict()
        return {"schedule": told | {"milestones": dict(told["milestones"])}}


class Plateau(Scheduled):
    """A rate that falls where the loss has not for two looks in a row."""

    def begin(self) -> None:
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, patience=0)

    def after(self, steps: int) -> None:
        if steps % 3 == 0:
            with torch.no_grad():
                self.schedule.step(cross_entropy(self.net(self.rows[:80]), self.kinds[:80]))


class Lookahead(Run):
    """Weights that go back half of the way at every fifth step."""

    def begin(self) -> None:
        self.slow = [p.detach().clone() for p in self.net.parameters()]

    @torch.no_grad()
    def after(self, steps: int) -> None:
        for slow, fast in zip(self.slow, self.net.parameters(), strict=True):
            if steps % 5 == 0:
                fast.copy_(slow.lerp_(fast, 0.5))

    def more(self) -> dict[str, Any]:
        return {"slow": self.slow}

    def take(self, state: Any) -> None:
        self.slow = [one.clone() for one in state["slow"]]


class MicroBatches(Run):
    """An update at every fourth step, from the gradients of four."""

    def learn(self) -> None:
        self.loss().backward()
        if (self.step + 1) % 4 == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()

    def more(self) -> dict[str, Any]:
        return {"gradients": [p.grad for p in self.net.parameters()]}

    def take(self, state: Any) -> None:
        for parameter, gradient in zip(self.net.parameters(), state["gradients"], strict=True):
            parameter.grad = gradient


class Epochs(Run):
    """Batches of an order that is drawn for each epoch, counted by the sampler."""

    def begin(self) -> None:
        self.epoch, self.place = 0, 0

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        order = torch.randperm(80, generator=generator(self.cfg.seed, 5, self.epoch))
        rows = order[16 * self.place :][:16]
        self.place = (self.place + 1) % 5
        self.epoch += self.place == 0
        return self.rows[rows], self.kinds[rows]

    def more(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "place": self.place}

    def take(self, state: Any) -> None:
        self.epoch, self.place = state["epoch"], state["place"]


class Curriculum(Run):
    """More of the rows, the better the loss was."""

    def begin(self) -> None:
        self.level = 1

    def loss(self) -> torch.Tensor:
        x, kinds = self.batch()
        few = slice(0, 4 * min(self.level, 4))
        loss = cross_entropy(self.net(x[few]), kinds[few])
        self.level += int(loss < 0.9)
        return loss

    def more(self) -> dict[str, Any]:
        return {"level": self.level}

    def take(self, state: Any) -> None:
        self.level = state["level"]


class Buffers(Run):
    """The statistics of BatchNorm, where the model is saved by its parameters."""

    def state_dict(self) -> dict[str, Any]:
        weights = {name: p.detach() for name, p in self.net.named_parameters()}
        return {**super().state_dict(), "model": weights}

    def load_state_dict(self, state: Any) -> None:
        full = {**self.net.state_dict(), **state["model"]}
        super().load_state_dict({**state, "model": full})

    def more(self) -> dict[str, Any]:
        return {"buffers": dict(self.net.named_buffers())}

    def take(self, state: Any) -> None:
        self.net.load_state_dict({**self.net.state_dict(), **state["buffers"]})


class Best(Run):
    """The best loss so far is told beside, and saved."""

    def begin(self) -> None:
        self.best = 1e9

    def after(self, steps: int) -> None:
        if steps % 6 == 0:
            self.best = min(self.best, self.measured(self.net)["val/loss"])
            self.net.train()

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        return {**super().evaluate(), "val/best": self.best}

    def more(self) -> dict[str, Any]:
        return {"best": self.best}

    def take(self, state: Any) -> None:
        self.best = state["best"]


KINDS: list[type[Run]] = [
    Averaged, Taught, Scheduled, Late, Plateau, Lookahead, MicroBatches, Epochs, Curriculum,
    Buffers, Best,
]  # fmt: skip


def forgetful(kind: type[Run]) -> type[Run]:
    """The kind, without what it saves besides."""
    nothing = {"more": Run.more, "take": Run.take}
    return type(f"Forgetful{kind.__name__}", (kind,), nothing)
