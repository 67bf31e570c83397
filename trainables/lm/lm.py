"""Language models at equal text: a plain transformer and what seven studies change in it.

After openai/parameter-golf, train_gpt.py and pull requests 1191 to 1197, which each changed a copy
of that script. The weights and switches in `LmConfig` add or put in its place what those offer.
A departure: windows of the training text come in an order that the seed draws, where that program
reads shards from their beginning in every run, so that its seeds share one order.
Shape letters: B windows of a micro-batch, T tokens.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from trainables.draws import batch_rows
from trainables.flops import Flops
from trainables.lm.bpb import bits_per_byte, window_count, window_rows, windows
from trainables.lm.config import LmConfig
from trainables.lm.hnet import RATIO_LOSS, ChunkedStack
from trainables.lm.network import LanguageModel, new_network, trained
from trainables.lm.objectives import causal_loss, future_loss, future_loss_as_run, masked_loss
from trainables.lm.optim import MATRICES, Optimizers
from trainables.lm.ssm import RATES
from trainables.lm.text import load_text
from trainables.loop import Lap, autocast, best_device, weighted

STRETCH = 1024  # tokens that are one example where texts are searched for each other
CAUSAL, MASKED, FUTURE = "train/causal_loss_nats", "train/masked_loss_nats", "train/jepa_loss"


class LmRun:
    """Trains one language model; every draw is a function of `cfg.seed`, its purpose and step."""

    def __init__(self, cfg: LmConfig):
        self.cfg = cfg
        self.device = best_device()
        self.step = 0
        self.lr_factor = cfg.optim.lr_factor(0, cfg.steps)
        self.text = load_text(cfg.data, cfg.text)
        self._rows = window_count(self.text.train, cfg.sequence)
        if self._rows < cfg.optim.batch:
            raise ValueError(
                f"text {cfg.data or 'of the library'!r}: must have at least {cfg.optim.batch} "
                f"windows of {cfg.sequence} tokens to train on (optim.batch), got {self._rows}; "
                "give more text"
            )
        seen = windows(self.text.validation, cfg.sequence, cfg.evaluation.tokens)
        self._validation = [part.to(self.device) for part in seen]
        self.network = new_network(cfg, self.text.vocab, self.device)
        self.teacher = self._new_teacher()
        matrices = (*MATRICES, RATES) if cfg.ssm.as_run else MATRICES
        self.optimizers = Optimizers(cfg.optim, trained(self.network, cfg), matrices)
        self._ema = get_ema_multi_avg_fn(cfg.jepa.teacher_momentum)
        self.flops = Flops()

    def done(self) -> bool:
        """Whether the step budget is spent."""
        return self.step >= self.cfg.steps

    def advance(self, steps: int) -> dict[str, float]:
        """Train that many optimizer steps (fewer at the end); means over them.

        Raises:
            FloatingPointError: When the loss was not finite in any of them.
        """
        cfg, lap = self.cfg, Lap(self, "lm run", steps, self._weights(self.step))
        for _ in range(lap.steps):
            self._train_step(lap.sums)
        means = lap.means(cfg.optim.accumulation, remedy="lower optim.lr or optim.muon_lr")
        pace = lap.pace(tokens=cfg.tokens_per_step)
        # Chunks are as long as the batch makes them, which the first one does not tell.
        flops = {} if self._chunks else {"train/flops": self.flops.total}
        return means | self._account() | pace | flops

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Bits per byte of validation text, from the causal pass alone."""
        self._tell()
        inputs, targets = self._validation
        batch = self.cfg.evaluation.batch
        score = bits_per_byte(self._logits, inputs, targets, self.text.pieces, batch)
        return score | self._chunk_metrics(inputs[:batch])

    def examples(self, split: str) -> Iterator[Int64[Tensor, "B T"]]:
        """The text of a split in stretches from its beginning: "train" or "evaluation".

        What begins elsewhere in the other split is not found by comparing stretches.
        """
        tokens = self.text.train if split == "train" else self.text.validation
        whole = len(tokens) // STRETCH * STRETCH
        return (part.long() for part in tokens[:whole].view(-1, STRETCH).split(64))

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs."""
        return {
            "step": self.step,
            "model": self.network.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "flops": self.flops.state_dict(),
        } | ({"teacher": self.teacher.state_dict()} if self.teacher else {})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.step = int(state["step"])
        self.network.load_state_dict(state["model"])
        self.optimizers.load_state_dict(state["optimizers"])
        self.flops.load_state_dict(state["flops"])
        if self.teacher:
            self.teacher.load_state_dict(state["teacher"])

    def _weights(self, step: int) -> dict[str, float]:
        """The terms of the loss that are switched on, with their weights at that step."""
        cfg = self.cfg
        late = step >= cfg.jepa.warmup_fraction * cfg.steps
        weights = {
            CAUSAL: 1 - cfg.diffusion.weight,
            MASKED: cfg.diffusion.weight,
            FUTURE: cfg.jepa.weight,
            RATIO_LOSS: cfg.hnet.ratio_weight if self._chunks else 0.0,
        }
        on = {name: weight for name, weight in weights.items() if weight}
        on |= {MASKED: cfg.diffusion.weight} if cfg.diffusion.enabled else {}
        return on | ({FUTURE: cfg.jepa.weight * late} if FUTURE in on else {})

    @property
    def _chunks(self) -> bool:
        return isinstance(self.network.stack, ChunkedStack)

    def _train_step(self, sums: Tensor) -> None:
        """One optimizer step without a host sync; adds its micro-batches' losses to `sums`."""
        cfg, optim = self.cfg, self.cfg.optim
        weights = self._weights(self.step)
        self._tell()
        self.network.refresh(self.step, cfg.steps)
        first = self.step * optim.accumulation
        kind = " ".join(name for name, weight in weights.items() if weight)
        for micro_step in range(first, first + optim.accumulation):
            sums += self.flops.of(partial(self._micro_step, micro_step, weights), kind)
        self.optimizers.step(self.step, cfg.steps)
        if self.teacher:
            self._ema(list(self.teacher.parameters()), list(self.network.parameters()), None)
        self.step += 1

    def _micro_step(self, number: int, weights: Mapping[str, float]) -> Float[Tensor, " terms"]:
        losses = weighted(self._terms(number, weights), weights)
        (losses[0] / self.cfg.optim.accumulation).backward()
        return losses.detach()

    def _terms(self, micro_step: int, weights: Mapping[str, float]) -> dict[str, Tensor]:
        """The terms of the loss on one micro-batch; one that waits is 0."""
        cfg, key = self.cfg, (self.cfg.seed, "train", micro_step)
        inputs, targets = self._batch(micro_step)
        terms: dict[str, Tensor] = {}
        with autocast(self):
            if CAUSAL in weights or FUTURE in weights:
                hidden, own = self.network(inputs)
                terms |= own | {CAUSAL: causal_loss(self.network, hidden, targets)}
                if FUTURE in weights:
                    waits = not weights[FUTURE]
                    terms[FUTURE] = hidden.new_zeros(()) if waits else self._future(hidden, inputs)
            if MASKED in weights:
                # What is masked are the targets: they are the tokens that both losses predict.
                terms[MASKED] = masked_loss(self.network, cfg.diffusion, targets, *key)
        return terms

    def _future(self, hidden: Tensor, inputs: Tensor) -> Tensor:
        if self.teacher is None:
            return future_loss_as_run(self.network, inputs)
        return future_loss(self.network, self.teacher, self.cfg.jepa, hidden, inputs)

    def _batch(self, micro_step: int) -> tuple[Int64[Tensor, "B T"], Int64[Tensor, "B T"]]:
        rows = batch_rows(self._rows, self.cfg.optim.batch, self.cfg.seed, micro_step)
        inputs, targets = window_rows(self.text.train, rows, self.cfg.sequence)
        return inputs.to(self.device), targets.to(self.device)

    def _logits(self, tokens: Int64[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        with autocast(self):
            return self.network.logits(self.network(tokens)[0])

    def _tell(self) -> None:
        """Lets the network know how far the run is."""
        cfg = self.cfg
        self.lr_factor = cfg.optim.lr_factor(self.step, cfg.steps)
        self.network.tell(self.step, cfg.steps, self.lr_factor)

    def _new_teacher(self) -> LanguageModel | None:
        cfg = self.cfg
        if not cfg.jepa.weight or cfg.jepa.as_run:
            return None
        return new_network(cfg, self.text.vocab, self.device).requires_grad_(False)

    def _chunk_metrics(self, tokens: Int64[Tensor, "B T"]) -> dict[str, float]:
        """What a chunker does: tokens to a chunk, or as run how far it moves an embedding."""
        values = {}
        if isinstance(self.network.stack, ChunkedStack):
            values["val/chunk_tokens"] = self.network.stack.chunk_length(
                self.network.embedded(tokens)
            )
        if self.network.smears:
            plain = self.network.normed(tokens)
            moved = self.network.embedded(tokens) - plain
            values["val/chunker_change"] = float(moved.norm() / plain.norm())
        return values

    def _account(self) -> dict[str, float]:
        """What training really did so far."""
        moved = trained(self.network, self.cfg)
        frozen = [b for b in self.network.buffers() if b.is_floating_point()]
        return {
            "train/lr_realised": self.optimizers.lr,
            "train/tokens": self.step * self.cfg.tokens_per_step,
            "train/parameters": sum(p.numel() for p in (*self.network.parameters(), *frozen)),
            "train/parameters_trainable": sum(p.numel() for _, p in moved),
            "train/text_digest": int(self.text.digest[:12], 16),  # 48 bits of it
        }
