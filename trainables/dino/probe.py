"""A linear probe on a frozen DINO backbone: which of two kinds is a nodule?

The protocol of studies 2.5: features are frozen, a linear layer is trained by SGD with weighted
binary cross-entropy for 100 epochs, once for each of several learning rates; the one with the best
AUROC on validation series is tested. Steps 1 to P pretrain, each later step is one epoch.
Not documented and chosen here: features are standardised by the training series, so that one sweep
of learning rates suits all of them.
Shape letters: K nodules, F width of the feature, L learning rates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import cos, isfinite, pi
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.ct.nodules import load_candidates, split_by_series
from trainables.dino.dino import DinoRun
from trainables.dino.probe_config import ProbeConfig
from trainables.dino.probe_features import center_brightness, features, shape_of
from trainables.draws import generator
from trainables.loop import steps_left


class LinearProbes(nn.Module):
    """A linear layer for each learning rate, all starting at zero."""

    def __init__(self, lrs: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(lrs, width))
        self.bias = nn.Parameter(torch.zeros(lrs))

    def forward(self, x: Float[Tensor, "K F"]) -> Float[Tensor, "K L"]:
        """Logits of the positive kind."""
        return x @ self.weight.mT + self.bias


class ProbeRun:
    """Pretrains a backbone, freezes it, and trains linear probes on it, all at once."""

    def __init__(self, cfg: ProbeConfig):
        self.cfg = cfg
        self.step = 0
        self.dino = DinoRun(replace(cfg.dino, seed=cfg.seed, data=cfg.data))
        self.slices, self.device = self.dino.slices, self.dino.device
        self.candidates = load_candidates(cfg.data, cfg.dino.phantom, self.slices, cfg.nodules)
        self.sides = split_by_series(self.candidates, cfg.seed)
        positive = self.candidates.positive
        self.labels = tuple(positive[side].to(self.device) for side in self.sides)
        width, lrs = cfg.features.width(cfg.dino.vit.dim), torch.tensor(cfg.fit.lrs)
        self.probes = LinearProbes(len(lrs), width).to(self.device)
        self.lrs = lrs.to(self.device)
        self.optimizer = torch.optim.SGD(
            self.probes.parameters(), lr=1.0, momentum=cfg.fit.momentum
        )
        bright = center_brightness(self.slices, self.candidates, self.sides[2], cfg.nodules.crop_px)
        self.auroc_of_brightness = float(auroc(bright.to(self.device), self.labels[2]))
        self._features: tuple[Float[Tensor, "K F"], ...] | None = None

    def done(self) -> bool:
        """Whether the backbone and the probe have had all their steps."""
        return self.step >= self.cfg.steps

    def advance(self, steps: int) -> dict[str, float]:
        """Pretrain, then probe, that many steps and epochs in all (fewer at the end).

        Raises:
            FloatingPointError: When a probe's loss was not finite.
        """
        cfg, metrics = self.cfg, {}
        steps = steps_left(self, "probe run", steps)
        pretraining = min(steps, max(0, cfg.pretrain_steps - self.step))
        if pretraining:
            metrics = self.dino.advance(pretraining)
            self.step += pretraining
        losses = [self._epoch() for _ in range(steps - pretraining)]
        if losses:
            metrics["train/probe_loss_nats"] = float(torch.stack(losses).mean(0).amin())
            if not isfinite(metrics["train/probe_loss_nats"]):
                raise FloatingPointError(
                    f"probe run: the loss must be finite, got {torch.stack(losses).mean(0)} at the "
                    f"learning rates {cfg.fit.lrs}; lower fit.lrs"
                )
        return metrics | {
            "train/examples": self._examples(),
            "train/flops": self.dino.flops.total,  # of pretraining alone
        }

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """AUROC of the learning rate that validation chooses, and the shape of the features.

        Before its first epoch the probe gives all nodules the same score, so AUROC is .5.
        """
        _, val, test = self._scores()
        aurocs = auroc(val, self.labels[1])
        best = int(aurocs.argmax())
        positives, n = int(self.labels[2].sum()), len(self.labels[2])
        tested = float(auroc(test[:, best : best + 1], self.labels[2]))
        return self._shape() | {
            "val/auroc": float(aurocs[best]),
            "test/auroc": tested,
            "test/auroc_se": auroc_se(tested, positives, n - positives),
            "test/auroc_center_hu": self.auroc_of_brightness,
            "test/n": n,
            "test/positives": positives,
            "probe/lr": self.cfg.fit.lrs[best],
        }

    def examples(self, split: str) -> Iterator[Tensor]:
        """Slices that the backbone is trained on, and held out from it; tests are on the latter."""
        return self.dino.examples(split)

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs; "model" is student and probes."""
        student = {f"student.{k}": v for k, v in self.dino.student.state_dict().items()}
        probes = {f"probes.{k}": v for k, v in self.probes.state_dict().items()}
        return {
            "step": self.step,
            "model": student | probes,
            "optimizer": self.optimizer.state_dict(),
            "dino": {} if self._frozen else self.dino.state_dict(),
            "flops": self.dino.flops.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.step = int(state["step"])
        for prefix, module in (("student.", self.dino.student), ("probes.", self.probes)):
            module.load_state_dict(
                {
                    k.removeprefix(prefix): v
                    for k, v in state["model"].items()
                    if k.startswith(prefix)
                }
            )
        self.optimizer.load_state_dict(state["optimizer"])
        if state["dino"]:
            self.dino.load_state_dict(state["dino"])
        self.dino.flops.load_state_dict(state["flops"])
        self.dino.student.requires_grad_(not self._frozen)
        self._features = None

    @property
    def _frozen(self) -> bool:
        return self.step >= self.cfg.pretrain_steps

    def _epoch(self) -> Float[Tensor, " L"]:
        """One pass over the training nodules; the mean loss of each learning rate."""
        cfg, epoch = self.cfg.fit, self.step - self.cfg.pretrain_steps
        x, y = self._frozen_features()[0], self.labels[0]
        weight = (~y).sum() / y.sum()  # documented 1,665 / 430 = 3.87
        order = torch.randperm(len(y), generator=generator(self.cfg.seed, "probe order", epoch))
        self.optimizer.param_groups[0]["lr"] = (1 + cos(pi * epoch / cfg.epochs)) / 2
        total = torch.zeros_like(self.lrs)
        for some in order.to(self.device).split(cfg.batch):
            logits, target = self.probes(x[some]), y[some, None].float().expand(-1, len(self.lrs))
            losses = F.binary_cross_entropy_with_logits(
                logits, target, pos_weight=weight, reduction="none"
            ).mean(0)
            self.optimizer.zero_grad()
            (losses * self.lrs).sum().backward()  # at SGD's rate 1 each row has its own rate
            self.optimizer.step()
            total += losses.detach() * len(some)
        self.step += 1
        return total / len(y)

    def _frozen_features(self) -> tuple[Float[Tensor, "K F"], ...]:
        """Standardised features of each side, found once: the backbone does not change any more."""
        if self._features is None:
            self.dino.student.requires_grad_(False)
            raw = [self._embed(side)[0] for side in self.sides]
            mean, std = raw[0].mean(0), raw[0].std(0).clamp(min=1e-6)
            self._features = tuple((part - mean) / std for part in raw)
        return self._features

    def _scores(self) -> tuple[Float[Tensor, "K L"], ...]:
        """Logits of each side; zero before the first epoch, which needs no features."""
        if self.step > self.cfg.pretrain_steps:
            return tuple(self.probes(x) for x in self._frozen_features())
        return tuple(torch.zeros(len(y), len(self.lrs), device=self.device) for y in self.labels)

    def _embed(self, which: Tensor) -> tuple[Tensor, Tensor]:
        cfg, backbone = self.cfg, self.dino.student.backbone
        return features(
            backbone, self.slices, self.candidates, which, cfg.nodules.crop_px, cfg.features
        )

    def _shape(self) -> dict[str, float]:
        side = self.sides[1]
        count = min(self.cfg.shape_nodules, len(side))
        some = side[torch.linspace(0, len(side) - 1, count).long()]
        feature, gram = self._embed(some)
        positive = self.candidates.positive[some].to(self.device)
        values = shape_of(feature, positive) | {"val/gram_mean": gram}
        return dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))

    def _examples(self) -> int:
        """Slices that pretraining has used, and nodules that the probe has."""
        pretraining = self.cfg.pretrain_steps
        slices = min(self.step, pretraining) * self.cfg.dino.optim.examples_per_step
        return slices + max(0, self.step - pretraining) * len(self.sides[0])


def auroc(scores: Float[Tensor, "K L"], positive: Bool[Tensor, " K"]) -> Float[Tensor, " L"]:
    """Share of (positive, negative) pairs in which the positive scores higher; ties count half."""
    apart = scores[positive][:, None] - scores[~positive][None]
    return (apart.sign().mean((0, 1)) + 1) / 2


def auroc_se(area: float, positives: int, negatives: int) -> float:
    """Standard error over nodules, by Hanley and McNeil, Radiology 143 (1982), 29."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    )
    return (max(0.0, variance) / (positives * negatives)) ** 0.5
