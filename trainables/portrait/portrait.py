"""The pixel diffusion transformer: learns to draw portraits from captions, features and joints.

After timlawrenz/prx-tg production/train.py@bc10412; what is healed and what may be had as run is
told in `config`. Departures: the times of training follow `time`, every draw is a function of its
key, and an evaluation has the run's own weights, with averages of them beside. A run of a control
trains nothing, and its evaluation tells of images that no network made.
Shape letters: B portraits, H and W pixels.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from trainables.draws import batch_rows
from trainables.flops import Flops
from trainables.loop import Lap, autocast, best_device, weighted
from trainables.portrait.config import PortraitConfig
from trainables.portrait.data import examples, load_data
from trainables.portrait.evaluation import Evaluation, Sampler
from trainables.portrait.folder import refuse_lacking
from trainables.portrait.network.dit import new_network
from trainables.portrait.training.average import Averages
from trainables.portrait.training.batch import Batch, Batches
from trainables.portrait.training.fp8 import convert
from trainables.portrait.training.optim import Optimizer
from trainables.portrait.training.repa import repa_loss, taught, weight_at
from trainables.portrait.training.target import Target, basis

FLOW, REPA = "train/flow_loss", "train/repa_loss"


class PortraitRun:
    """Trains one network; every draw is a function of `cfg.seed`, its purpose and the step."""

    def __init__(self, cfg: PortraitConfig):
        self.cfg = cfg
        self.device = best_device()
        self.step = 0
        self.data = load_data(cfg.data, cfg.portraits)
        self.train = self.data.train
        _refuse_few(len(self.train), cfg.optim.examples_per_step)
        if cfg.data:
            refuse_lacking(cfg, self.train, self.data.words)
        self.network = new_network(cfg, self.train).to(self.device)
        convert(self.network, cfg.fp8)
        self.target = Target(
            cfg.target, cfg.model.patch, basis(cfg, self.train.images).to(self.device)
        )
        self.optimizer = Optimizer(cfg, self.network)
        self.averages = Averages(cfg.ema, cfg.steps, cfg.optim.warmup, self.network)
        self.batches = Batches(cfg, self.data)
        sampler = Sampler(cfg, self.network, self.target, lambda: autocast(self))
        self.evaluation = Evaluation(self.data, sampler, self.averages, self.device)
        self.flops = Flops()
        if cfg.compile:
            self.network.compile()

    def done(self) -> bool:
        """Whether the step budget is spent; that of a control is none."""
        return bool(self.cfg.control) or self.step >= self.cfg.steps

    def advance(self, steps: int) -> dict[str, float]:
        """Train that many optimizer steps (fewer at the end); means over them.

        Raises:
            FloatingPointError: When the loss was not finite in any of them.
            RuntimeError: When no step is left, or the run is a control.
        """
        if self.cfg.control:
            raise RuntimeError(f"portrait run: a control trains nothing, got {self.cfg.control!r}")
        lap = Lap(self, "portrait run", steps, self._weights())
        self.evaluation.forget()
        norms = torch.zeros((), device=self.device)
        for left in reversed(range(lap.steps)):
            norms += self._train_step(lap.sums, watched=left == 0)
        means = lap.means(self.cfg.optim.accumulation, remedy="lower optim.lr")
        means["train/grad_norm"] = float(norms) / lap.steps
        means |= self._account() | self.optimizer.statistics() | self.averages.metrics()
        return means | lap.pace(examples=self.cfg.optim.examples_per_step)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """What images are worth that are drawn for held-out portraits.

        Noise of its own, the same for all arms; fewer images before the end of the run than there.
        """
        values = self.evaluation.scores(self.done())
        return values if self.step else values | self.evaluation.stems()

    @torch.no_grad()
    def pictures(self) -> dict[str, bytes]:
        """PNG images by name: a few held-out portraits and what is drawn for them, at this step."""
        return self.evaluation.pictures(self.done())

    def examples(self, split: str) -> Iterator[UInt8[Tensor, "B 3 H W"]]:
        """The pictures of a split: "train" or "evaluation"."""
        return examples(self.train if split == "train" else self.data.held_out)

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs."""
        return {
            "step": self.step,
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "averages": self.averages.state_dict(),
            "flops": self.flops.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.step = int(state["step"])
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.averages.load_state_dict(state["averages"])
        self.flops.load_state_dict(state["flops"])
        self.evaluation.forget()

    def _train_step(self, sums: Tensor, watched: bool) -> Float[Tensor, ""]:
        """One optimizer step without a host sync; its losses go to `sums`, its norm comes back."""
        cfg = self.cfg
        rows = batch_rows(len(self.train), cfg.optim.examples_per_step, cfg.seed, self.step)
        for number, some in enumerate(rows.split(cfg.optim.batch)):
            batch = self.batches.of(some, self.device, cfg.seed, "train", self.step, number)
            losses = self._counted(batch)
            sums += losses
        norm = self.optimizer.step(self.step, watched)
        self.optimizer.zero_grad()
        self.averages.update(self.step)
        self.step += 1
        return norm

    def _counted(self, batch: Batch) -> Float[Tensor, " terms"]:
        """A micro-batch's loss and its terms, whose gradients are added to those of others."""

        def micro_step() -> Tensor:
            losses = weighted(self._terms(batch), self._weights())
            (losses[0] / self.cfg.optim.accumulation).backward()
            return losses.detach()

        return micro_step() if self.cfg.compile else self.flops.of(micro_step)

    def _terms(self, batch: Batch) -> dict[str, Tensor]:
        """What is lost on the velocity, and with REPA on the teacher's features."""
        cfg = self.cfg
        with autocast(self):
            drawn = self.network(batch.z, batch.t, batch.given, batch.visible)
        flow = self.target.loss(drawn.image, batch.x0, batch.noise, batch.t, batch.weights)
        terms = {FLOW: flow.mean()}
        if drawn.features is not None:
            patches, seen = batch.given.conditions.patches, batch.given.patches
            right = taught(cfg.repa, patches, batch.x0, cfg.model.patch, cfg.seed, self.step)
            visible = batch.visible if self._routed_tap() else None
            counted = None if cfg.repa.on_dropped else seen
            terms[REPA] = repa_loss(drawn.features, right, visible, counted)
        return terms

    def _weights(self) -> dict[str, float]:
        """What the terms of the loss count by at this step."""
        cfg = self.cfg
        if not cfg.repa.weight:
            return {FLOW: 1.0}
        return {FLOW: 1.0, REPA: weight_at(cfg.repa, self.step, cfg.steps)}

    def _routed_tap(self) -> bool:
        """Whether features are asked for where tokens are routed."""
        tread, depth = self.cfg.tread, self.cfg.model.depth
        return tread.start <= self.cfg.repa_block <= tread.last(depth)

    def _account(self) -> dict[str, float]:
        """What training really did so far."""
        told: dict[str, float] = {
            "train/lr": self.optimizer.lr,
            "train/lr_realised": self.optimizer.lr,
            "train/examples": self.step * self.cfg.optim.examples_per_step,
            "train/parameters": sum(p.numel() for p in self.network.parameters()),
            "train/portraits": len(self.train),
        }
        return told if self.cfg.compile else told | {"train/flops": self.flops.total}


def _refuse_few(portraits: int, needed: int) -> None:
    """ValueError when there are not enough training portraits for a step."""
    if portraits < needed:
        raise ValueError(
            f"portraits: must have the {needed} of a step at least, got {portraits} to train on; "
            "lower optim.batch or optim.accumulation, or prepare more"
        )
