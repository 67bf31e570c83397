"""DINO on lung CT: a student learns to predict its own moving average across two views of a slice.

After Caron et al., arXiv 2104.14294, as timlawrenz/DINO-X@9b34237 trains it (phase5_big_run.py).
The weights in `LossConfig` add or put in its place what that program offers besides: SimCLR, which
tells slices apart by their two views, and masked autoencoding, which paints what was left out.
Shape letters: X views of a micro-batch, S image side in pixels, T tokens, D width, K prototypes.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int16, Int64
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from trainables.ct.slices import load_slices
from trainables.dino.config import DinoConfig
from trainables.dino.data import augmented, checked, told_spacing_mm
from trainables.dino.losses import (
    dino_loss,
    gram_loss,
    koleo_loss,
    simclr_loss,
    teacher_probabilities,
)
from trainables.dino.mae import mae_loss
from trainables.dino.metrics import (
    decoded_share,
    embedding_metrics,
    has_folds,
    prediction_metrics,
    retrieval,
)
from trainables.dino.network import DinoNetwork, new_decoder, new_network
from trainables.draws import batch_rows, uniform
from trainables.flops import Flops
from trainables.loop import Lap, autocast, best_device, weighted

DINO, GRAM, KOLEO = "train/dino_loss_nats", "train/gram_loss", "train/koleo_loss"
SIMCLR, MAE = "train/simclr_loss_nats", "train/mae_loss"
EVALUATION_SEED = 42  # the views that are evaluated are the same in every run and at every step


class DinoRun:
    """Trains one student; every draw is a function of `cfg.seed`, its purpose and the step."""

    def __init__(self, cfg: DinoConfig):
        self.cfg = cfg
        self.device = best_device()
        self.step = 0
        self.lr = 0.0
        self.slices = checked(load_slices(cfg.data, cfg.phantom), cfg).to(self.device)
        self.student = new_network(cfg, self.device)
        self.teacher = new_network(cfg, self.device).requires_grad_(False)
        self.decoder = new_decoder(cfg, self.device)
        self.center = self._first_center()
        self.optimizer = torch.optim.AdamW(
            self._parameters(), weight_decay=cfg.optim.weight_decay, fused=True
        )
        self._ema = get_ema_multi_avg_fn(cfg.teacher.momentum)
        self._top1_at_start: float | None = None
        self.flops = Flops()

    def done(self) -> bool:
        """Whether the step budget is spent."""
        return self.step >= self.cfg.steps

    def advance(self, steps: int) -> dict[str, float]:
        """Train that many optimizer steps (fewer at the end); means over them.

        Raises:
            FloatingPointError: When the loss was not finite in any of them.
        """
        optim, lap = self.cfg.optim, Lap(self, "dino run", steps, self._terms())
        for _ in range(lap.steps):
            self._train_step(lap.sums)
        means = lap.means(optim.accumulation, remedy="lower optim.lr")
        pace = lap.pace(examples=optim.examples_per_step)
        return means | self._account() | pace

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Metrics on fixed views of validation slices; draws nothing that training draws."""
        student, teacher, unit = self._embed(self.student, self.teacher)
        first, second = unit.chunk(2)
        values = prediction_metrics(student, teacher, self.center, self.cfg.loss)
        values |= embedding_metrics(first, second)
        read = dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))
        gain = read["val/top1"] - self._top1_of_start()
        count = len(first)
        read |= {"val/n": count, "val/ratio": read["val/top1"] * count, "val/top1_gain": gain}
        return read | self._spacing_metrics(unit)

    def examples(self, split: str) -> Iterator[Int16[Tensor, "B H W"]]:
        """Slices of the split before any view is made of them: "train" or "evaluation"."""
        rows = self.slices.train if split == "train" else self._evaluation_rows()
        return (self.slices.hu[some.to(self.slices.hu.device)] for some in rows.split(64))

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs; "model" is the student."""
        return {
            "step": self.step,
            "model": self.student.state_dict(),
            "teacher": self.teacher.state_dict(),
            "center": self.center,
            "optimizer": self.optimizer.state_dict(),
            "flops": self.flops.state_dict(),
        } | ({"decoder": self.decoder.state_dict()} if self.decoder else {})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.step = int(state["step"])
        self.student.load_state_dict(state["model"])
        self.teacher.load_state_dict(state["teacher"])
        self.center.copy_(state["center"])
        if self.decoder:
            self.decoder.load_state_dict(state["decoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.flops.load_state_dict(state["flops"])

    def _terms(self) -> dict[str, float]:
        """The terms of the loss that are switched on, with their weights."""
        loss = self.cfg.loss
        terms = {
            DINO: loss.dino_weight,
            GRAM: loss.gram_weight,
            KOLEO: loss.koleo_weight,
            SIMCLR: loss.simclr_weight,
            MAE: loss.mae_weight,
        }
        return {name: weight for name, weight in terms.items() if weight}

    def _train_step(self, sums: Tensor) -> None:
        """One optimizer step without a host sync; adds its micro-batches' losses to `sums`."""
        optim = self.cfg.optim
        first = self.step * optim.accumulation
        for micro_step in range(first, first + optim.accumulation):
            sums += self.flops.of(partial(self._micro_step, self._views(micro_step), micro_step))
        self.lr = optim.lr_at(first + optim.accumulation - 1, self.cfg.micro_steps)
        self.optimizer.param_groups[0]["lr"] = self.lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._ema(list(self.teacher.parameters()), list(self.student.parameters()), None)
        self.step += 1

    def _micro_step(self, views: Float[Tensor, "X 3 S S"], number: int) -> Float[Tensor, " terms"]:
        losses = self._losses(views, number)
        (losses[0] / self.cfg.optim.accumulation).backward()
        return losses.detach()

    @torch.no_grad()
    def _first_center(self) -> Float[Tensor, " K"]:
        """The center before the first step; resuming puts the saved one in its place."""
        cfg = self.cfg
        if cfg.center.start == "zero" or not cfg.loss.asks_teacher:
            return torch.zeros(cfg.head.out_dim, device=self.device)
        with autocast(self):
            _, logits = self.teacher(self._views(0), self._spacing_mm(self._rows(0)))
        return logits.float().mean(0)

    def _parameters(self) -> list[Tensor]:
        """All that the optimizer moves."""
        return [p for part in (self.student, self.decoder) if part for p in part.parameters()]

    def _rows(self, micro_step: int) -> Int64[Tensor, " B"]:
        train = self.slices.train
        return train[batch_rows(len(train), self.cfg.optim.batch, self.cfg.seed, micro_step)]

    def _views(self, micro_step: int) -> Float[Tensor, "X 3 S S"]:
        return self._augment(self._rows(micro_step), self.cfg.seed, "train", micro_step)

    def _augment(self, rows: Tensor, *key: int | str) -> Float[Tensor, "X 3 S S"]:
        return augmented(self.slices, rows, self.cfg, self.device, *key)

    def _spacing_mm(self, rows: Tensor) -> Float[Tensor, "X 3"] | None:
        return told_spacing_mm(self.slices, rows, self.cfg, self.device)

    def _losses(self, views: Float[Tensor, "X 3 S S"], micro_step: int) -> Float[Tensor, " terms"]:
        """The loss and its terms, in the order of `_terms`; moves the center."""
        cfg, spacing_mm = self.cfg.loss, self._spacing_mm(self._rows(micro_step))
        terms = self._view_terms(views, spacing_mm) if cfg.compares_views else {}
        if cfg.mae_weight:
            terms[MAE] = self._mae_term(views, spacing_mm, micro_step)
        return weighted(terms, self._terms())

    def _view_terms(self, views: Tensor, spacing_mm: Tensor | None) -> dict[str, Tensor]:
        cfg = self.cfg.loss
        with autocast(self):
            tokens, logits = self.student(views, spacing_mm)
        logits = logits.float()
        terms = self._teacher_terms(views, spacing_mm, tokens, logits) if cfg.asks_teacher else {}
        if cfg.koleo_weight:
            terms[KOLEO] = koleo_loss(logits)
        if cfg.simclr_weight:
            terms[SIMCLR] = simclr_loss(logits, cfg.simclr_temperature)
        return terms

    def _teacher_terms(
        self, views: Tensor, spacing_mm: Tensor | None, tokens: Tensor, logits: Tensor
    ) -> dict[str, Tensor]:
        cfg, terms = self.cfg.loss, {}
        with autocast(self), torch.no_grad():
            teacher_tokens, teacher_logits = self.teacher(views, spacing_mm)
        teacher_logits = teacher_logits.float()
        if cfg.dino_weight:
            target = teacher_probabilities(teacher_logits, self.center, cfg.teacher_temperature)
            log_p = F.log_softmax(logits / cfg.student_temperature, -1)
            terms[DINO] = dino_loss(log_p, target)
        if cfg.gram_weight:
            terms[GRAM] = gram_loss(tokens, teacher_tokens)
        self.center.lerp_(teacher_logits.mean(0), 1 - self.cfg.center_momentum)
        return terms

    def _mae_term(self, views: Tensor, spacing_mm: Tensor | None, micro_step: int) -> Tensor:
        cfg, shape, decoder = self.cfg, (len(views), self.cfg.vit.patches), self.decoder
        if decoder is None:
            raise RuntimeError("dino run: a decoder must be there where loss.mae_weight is above 0")
        noise = uniform(0.0, 1.0, shape, cfg.seed, "train", micro_step, "mask")
        noise = noise.to(self.device, non_blocking=True)
        with autocast(self):
            return mae_loss(self.student.backbone, decoder, views, noise, cfg.mae, spacing_mm)

    def _evaluation_rows(self) -> Int64[Tensor, " N"]:
        rows = self.slices.validation
        count = min(self.cfg.evaluation.slices, len(rows))
        return rows[torch.linspace(0, len(rows) - 1, count).long()]

    def _embed(self, *networks: DinoNetwork, stretch: float = 1.0) -> tuple[Tensor, ...]:
        """Each network's logits and the first one's unit CLS, for all first, then second views.

        With `stretch` the networks are told that voxels lie that many times further apart.
        """
        parts = []
        for start, some in enumerate(self._evaluation_rows().split(self.cfg.evaluation.batch)):
            views = self._augment(some, EVALUATION_SEED, "evaluation", start)
            spacing_mm = self._spacing_mm(some)
            told = None if spacing_mm is None else spacing_mm * stretch
            with autocast(self):
                outputs = [network(views, told) for network in networks]
            unit = F.normalize(outputs[0][0][:, 0].float(), dim=-1)
            parts.append([*(logits.float() for _, logits in outputs), unit])
        halves = (
            [half for half in zip(*(p.chunk(2) for p in part), strict=True)]
            for part in zip(*parts, strict=True)
        )
        return tuple(torch.cat([*first, *second]) for first, second in halves)

    def _spacing_metrics(self, unit: Float[Tensor, "X D"]) -> dict[str, float]:
        """What embeddings say about spacing, where spacing varies or the network is told it."""
        values, rows = {}, self._evaluation_rows()
        within_mm, series = self.slices.spacing_mm[rows, -1].log(), self.slices.series[rows]
        if has_folds(within_mm, series):
            values["val/spacing_r2"] = decoded_share(unit[: len(rows)], within_mm, series)
        if self.cfg.vit.spacing_embedding:
            doubled = self._embed(self.student, stretch=2.0)[-1]
            values["val/spacing_shift"] = 1 - float((unit * doubled).sum(-1).mean())
        return values

    def _top1_of_start(self) -> float:
        """Top-1 of the same network at step 0, which a resumed run finds again from the seed."""
        if self._top1_at_start is None:
            unit = self._embed(new_network(self.cfg, self.device))[-1]
            half = len(unit) // 2
            self._top1_at_start = float(retrieval(unit[:half], unit[half:])[0])
        return self._top1_at_start

    def _account(self) -> dict[str, float]:
        """What training really did so far."""
        cfg, parameters = self.cfg, self._parameters()
        return {
            "train/lr_realised": self.lr,
            "train/center_momentum": cfg.center_momentum if cfg.loss.asks_teacher else 1.0,
            "train/examples": self.step * cfg.optim.examples_per_step,
            "train/flops": self.flops.total,
            "train/parameters": sum(p.numel() for p in parameters),
            "train/parameters_trainable": sum(p.numel() for p in parameters if p.requires_grad),
        }
