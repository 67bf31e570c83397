"""The graph diffusion transformer: learns to draw the edges of programs from their motifs.

After timlawrenz/jubilant-palm-tree, train.py@b47b5f3 and run_ablation_grid.py@c39e15c; what is
healed and what may be had as run is told in `config`. Departures: graphs are computed in groups of
like size, and every draw is a function of its key. A run of a control trains nothing, and its
evaluation tells of graphs that no model made.
Shape letters: B graphs, N nodes.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from trainables.draws import generator
from trainables.graph.config import GraphConfig
from trainables.graph.data import load_data, shuffled, step_rows
from trainables.graph.graphs import Graphs, Program
from trainables.graph.held_out import (
    control_graphs,
    examples_of,
    held_out,
    held_out_rows,
    shown,
)
from trainables.graph.judge.scoring import main_scores, sample_scores
from trainables.graph.network.buckets import Batch, Group, batch_of
from trainables.graph.network.dit import forward_flops, new_network
from trainables.graph.network.sampling import Sample, new_flow, sample
from trainables.loop import Lap, best_device, weighted

PASSES = 3  # the backward pass takes twice the operations of the forward one


class GraphRun:
    """Trains one network; every draw is a function of `cfg.seed`, its purpose and the step."""

    def __init__(self, cfg: GraphConfig):
        self.cfg = cfg
        self.device = best_device()
        self.step = 0
        self.data = load_data(cfg.data, cfg.programs)
        self.flow = new_flow(cfg)
        network = new_network(cfg.model, cfg.axial, self.flow.channels, cfg.seed)
        self.network = network.to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), cfg.optim.lr, weight_decay=cfg.optim.weight_decay, fused=True
        )
        self._flops = 0

    def done(self) -> bool:
        """Whether the step budget is spent; that of a control is none."""
        return bool(self.cfg.control) or self.step >= self.cfg.steps

    def advance(self, steps: int) -> dict[str, float]:
        """Train that many optimizer steps (fewer at the end); means over them.

        Raises:
            FloatingPointError: When the loss was not finite in any of them.
            RuntimeError: When no step is left.
        """
        if self.cfg.control:
            raise RuntimeError(f"graph run: a control trains nothing, got {self.cfg.control!r}")
        lap = Lap(self, "graph run", steps, self.flow.weights)
        for _ in range(lap.steps):
            self._train_step(lap.sums)
        means = lap.means(1, remedy="lower optim.lr")
        return means | self._account() | lap.pace(examples=self.cfg.optim.examples_per_step)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """What graphs are worth that are drawn for the motifs of held-out ones.

        Fixed draws of their own; fewer graphs before the end of the run than there.
        """
        truth, programs = self._held_out()
        values: dict[str, float] = {"val/graphs": float(len(truth))}
        cfg, asked = self.cfg, (self.cfg.evaluation, self.cfg.seed)
        if cfg.control:
            made = control_graphs(cfg, self.data, truth)
            return values | main_scores(made, truth, programs, *asked)
        values |= self._losses(truth)
        return values | sample_scores(self._sample(truth), truth, programs, cfg.decode, *asked)

    def pictures(self) -> dict[str, bytes]:
        """PNG images by name: a few of the held-out graphs, drawn and then read, at this step."""
        cfg = self.cfg
        control = partial(control_graphs, cfg, self.data) if cfg.control else None
        draw = partial(self._sample, purpose="pictures")
        return shown(*self._held_out(), draw, control, cfg.decode)

    def examples(self, split: str) -> Iterator[Int64[Tensor, "B rows N"]]:
        """The graphs of a split: "train" or "evaluation"; a row of motifs above the cells."""
        rows = held_out_rows(self.data, self.cfg.evaluation, self.done())
        return examples_of(self.data, self.data.train if split == "train" else rows)

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs."""
        return {
            "step": self.step,
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "flops": self._flops,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.step, self._flops = int(state["step"]), int(state["flops"])
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _train_step(self, sums: Tensor) -> None:
        """One optimizer step without a host sync; adds its losses to `sums`."""
        cfg = self.cfg
        graphs = self.data.train.take(step_rows(self.data.train, cfg, self.step).tolist())
        if cfg.programs.permute:
            graphs = graphs.permuted(shuffled(graphs, cfg.seed, "train", self.step))
        at_once = cfg.curriculum.at_once(cfg.curriculum.stage(self.step, cfg.steps), cfg.optim)
        micro_batches = range(0, len(graphs), at_once)
        for number, first in enumerate(micro_batches):
            part = graphs.take(range(first, min(first + at_once, len(graphs))))
            key = (cfg.seed, "train", self.step, number)
            for group_losses in self._passes(self._batch(part), *key):
                losses = group_losses / len(micro_batches)
                losses[0].backward()
                sums += losses.detach()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), cfg.optim.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1

    def _passes(self, batch: Batch, *key: int | str) -> Iterator[Float[Tensor, " terms"]]:
        """The part of each group in the loss of the batch and its terms."""
        drawn = batch.drawn(self.flow.draws, self.device, *key)
        time = torch.rand(batch.graphs, generator=generator(*key, "time"))
        cells = batch.cells + (0 if self.cfg.loss.mask else batch.padding)
        counts = self.flow.counts(cells, batch.edges)
        for group in batch.groups:
            at = time[group.rows].to(self.device)
            sums = self.flow.sums(self.network, group, at, drawn[group.cells])
            if torch.is_grad_enabled():
                self._flops += PASSES * self._operations(group)
            terms = {name: total / max(1, counts[name]) for name, total in sums.items()}
            yield weighted(terms, self.flow.weights)

    def _operations(self, group: Group) -> int:
        """Those of the forward pass of a group."""
        graphs, side = group.motifs.shape
        return graphs * forward_flops(self.cfg.model, self.cfg.axial, self.flow.channels, side)

    def _batch(self, graphs: Graphs) -> Batch:
        return batch_of(graphs, self.device, self.cfg.model.hidden, self.cfg.programs.pad)

    def _losses(self, truth: Graphs) -> dict[str, float]:
        """The loss and its terms on held-out graphs."""
        parts = self._passes(self._batch(truth), self.cfg.seed, "evaluation")
        values = torch.stack(list(parts)).sum(0).tolist()
        names = ["train/loss", *self.flow.weights]
        read = dict(zip(names, values, strict=True))
        return {name.replace("train/", "val/"): value for name, value in read.items()}

    def _held_out(self) -> tuple[Graphs, list[Program]]:
        return held_out(self.data, self.cfg.evaluation, self.cfg.seed, self.done())

    def _sample(self, truth: Graphs, purpose: str = "evaluation") -> Sample:
        return sample(self.network, self.flow, truth, self.cfg.seed, purpose)

    def _account(self) -> dict[str, float]:
        """What training really did so far."""
        return {
            "train/lr_realised": self.optimizer.param_groups[0]["lr"],
            "train/examples": self.step * self.cfg.optim.examples_per_step,
            "train/parameters": sum(p.numel() for p in self.network.parameters()),
            "train/graphs": len(self.data.train),
            "train/graphs_left_out": self.data.left_out.total(),
            "train/edges_clamped": self.data.clamped,
            "train/flops": self._flops,
        }
