"""A trained network that is tuned, or only read: every cell of a seed begins from the same stem.

The stem is a `GraphRun` to its end. Without a method nothing is trained and the run tells what the
stem's samples are worth as the config draws and reads them, or as its control is. With one (see
`tuning_methods`) the network is moved, and the evaluation tells beside it what the stem gave
(`val/x@stem`), whether edges are vanishing, and at the end what an average of the weights gives
(`val/x@ema`).
SVR is always counted by right laws, whatever the reward pays for.
Shape letters: B graphs, N nodes.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from trainables.draws import batch_rows
from trainables.graph.data import load_data, shuffled
from trainables.graph.graph_dit import GraphRun
from trainables.graph.graphs import Graphs
from trainables.graph.held_out import (
    control_graphs,
    examples_of,
    held_out,
    held_out_rows,
    shown,
)
from trainables.graph.judge.scoring import main_scores, sample_scores
from trainables.graph.judge.tuning_scores import (
    beside,
    collapsed,
    machine_scores,
    reward_scores,
    rule_scores,
)
from trainables.graph.network.buckets import batch_of
from trainables.graph.network.dit import new_network
from trainables.graph.network.flow import ContinuousFlow
from trainables.graph.network.sampling import Sample, new_flow, noise_sample, sample
from trainables.graph.tuning_config import TuneConfig
from trainables.graph.tuning_methods import Anchored, Tuning
from trainables.loop import Lap, best_device, weighted
from trainables.stem import stem


class TuneRun:
    """Tunes or reads one stem; every draw is a function of `cfg.seed`, its purpose and the step.

    The stem is trained, or fetched from where another cell left it, when it is first needed: a run
    that goes on from a state has it from there.
    """

    def __init__(self, cfg: TuneConfig):
        self.cfg = cfg
        self.device = best_device()
        self.step = 0
        self.data = load_data(cfg.data, cfg.stem.programs)
        self.flow = new_flow(cfg.graph)
        network = new_network(cfg.stem.model, cfg.stem.axial, self.flow.channels, cfg.seed)
        self.network = network.to(self.device)
        self.frozen = deepcopy(self.network).requires_grad_(False)
        self.average = deepcopy(self.frozen)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), cfg.tune.lr, weight_decay=cfg.tune.weight_decay, fused=True
        )
        self._policy = Anchored(self.network, self.frozen, cfg)
        self._ema = get_ema_multi_avg_fn(cfg.tune.ema)
        self._tuning = None
        if cfg.tune.method and not cfg.control and isinstance(self.flow, ContinuousFlow):
            self._tuning = Tuning(cfg, self.flow, self._policy)
        self._has_stem = bool(cfg.control)  # which needs none
        self._stem_metrics: dict[str, float] = {}
        self._of_stem: dict[int, dict[str, float]] = {}  # by the number of graphs

    def done(self) -> bool:
        """Whether the step budget is spent; without a method, and for a control, it is none."""
        return self._tuning is None or self.step >= self.cfg.steps

    def advance(self, steps: int) -> dict[str, float]:
        """Tune on that many batches (fewer at the end); means over them.

        Raises:
            FloatingPointError: When the loss was not finite in any of them.
            RuntimeError: When there is nothing to train.
        """
        if self._tuning is None:
            raise RuntimeError(
                "tune run: there must be something to train, got tune.method "
                f"{self.cfg.tune.method!r} and control {self.cfg.control!r}"
            )
        self._begin()
        lap = Lap(self, "tune run", steps, self._tuning.weights)
        for _ in range(lap.steps):
            self._train_step(self._tuning, lap.sums)
        means = lap.means(self._tuning.micro_batches, remedy="lower tune.lr or the method's weight")
        return means | self._account() | lap.pace(examples=self.cfg.tune.batch)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """What graphs are worth that are drawn for the motifs of held-out ones.

        Fixed draws of their own, the same for all weights; fewer graphs before the end of the run
        than there.
        """
        cfg = self.cfg
        truth, programs = held_out(self.data, cfg.evaluation, cfg.seed, self.done())
        values = {"val/graphs": float(len(truth))}
        if cfg.control and cfg.control != "noise":
            made = control_graphs(self.flow.cfg, self.data, truth)
            values |= main_scores(made, truth, programs, cfg.evaluation, cfg.seed)
            values |= rule_scores(made) | reward_scores(made, truth, cfg.reward)
            return values | (machine_scores() if cfg.control == "data" else {})
        drawn = self._drawn(truth, "evaluation")
        values |= sample_scores(drawn, truth, programs, cfg.decode, cfg.evaluation, cfg.seed)
        values |= rule_scores(drawn.read(cfg.decode.solver, cfg.decode.cut).graphs())
        raw = drawn.read("raw", cfg.decode.cut).graphs()
        values |= reward_scores(raw, truth, cfg.reward)
        if self._tuning is not None:
            values |= self._beside(truth)
            values |= collapsed(values)
        return values | (self._stem_metrics if self.step == 0 else {})

    def pictures(self) -> dict[str, bytes]:
        """PNG images by name: a few of the held-out graphs, drawn and then read, at this step."""
        cfg = self.cfg
        asked = held_out(self.data, cfg.evaluation, cfg.seed, self.done())
        made = cfg.control and cfg.control != "noise"
        control = partial(control_graphs, self.flow.cfg, self.data) if made else None
        return shown(*asked, partial(self._drawn, purpose="pictures"), control, cfg.decode)

    def examples(self, split: str) -> Iterator[Int64[Tensor, "B rows N"]]:
        """The graphs of a split: "train" or "evaluation"; a row of motifs above the cells."""
        rows = held_out_rows(self.data, self.cfg.evaluation, self.done())
        return examples_of(self.data, self.data.train if split == "train" else rows)

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs, the stem's weights among it."""
        self._begin()
        state = {"step": self.step, "model": self.network.state_dict()}
        if self._tuning is None:
            return state
        return state | {
            "stem": self.frozen.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "flops": self._policy.flops,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken; no stem is trained."""
        self.step, self._has_stem = int(state["step"]), True
        self._of_stem.clear()
        self.network.load_state_dict(state["model"])
        if self._tuning is not None:
            self.frozen.load_state_dict(state["stem"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self._policy.flops = int(state["flops"])

    def _begin(self) -> None:
        """Has the stem, by training it where nobody has."""
        if self._has_stem:
            return
        found = stem(self.cfg.stem_key, self._trained_stem, self.cfg.data)
        for network in (self.network, self.frozen, self.average):
            network.load_state_dict(found.state["model"])
        self._stem_metrics, self._has_stem = found.metrics, True

    @torch.enable_grad()  # an evaluation may be the first to ask
    def _trained_stem(self) -> dict[str, Any]:
        run = GraphRun(self.cfg.graph)
        while not run.done():
            run.advance(self.cfg.stem.steps)
        return {"model": run.network.state_dict()}

    def _train_step(self, tuning: Tuning, sums: Tensor) -> None:
        """One batch without a host sync but for its rewards; adds its losses to `sums`."""
        cfg = self.cfg
        rows = batch_rows(len(self.data.train), cfg.tune.batch, cfg.seed, self.step)
        graphs = self.data.train.take(rows.tolist())
        if cfg.stem.programs.permute:
            graphs = graphs.permuted(shuffled(graphs, cfg.seed, "tune", self.step))
        batch = batch_of(graphs, self.device, cfg.stem.model.hidden, cfg.stem.programs.pad)
        for terms in tuning.updates(graphs, batch, cfg.seed, "tune", self.step):
            losses = weighted(terms, tuning.weights)
            losses[0].backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), cfg.tune.clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
            sums += losses.detach()
        self._ema(list(self.average.parameters()), list(self.network.parameters()), None)
        self.step += 1

    def _drawn(self, truth: Graphs, purpose: str) -> Sample:
        """Samples of the network; of noise alone what a solver gets before anything is learned."""
        if self.cfg.control != "noise":
            self._begin()
            return sample(self.network, self.flow, truth, self.cfg.seed, purpose)
        return noise_sample(truth, self.cfg.seed, purpose)

    def _beside(self, truth: Graphs) -> dict[str, float]:
        """What the stem gives by the same draws, and at the end the average of the weights."""
        cfg = self.cfg
        key = cfg.seed, "evaluation"
        if len(truth) not in self._of_stem:
            drawn = sample(self.frozen, self.flow, truth, *key)
            self._of_stem[len(truth)] = beside(drawn, truth, cfg.decode, "stem")
        values = self._of_stem[len(truth)]
        if self.done():
            drawn = sample(self.average, self.flow, truth, *key)
            values = values | beside(drawn, truth, cfg.decode, "ema")
        return values

    def _account(self) -> dict[str, float]:
        """What tuning really did so far."""
        return {
            "train/lr_realised": self.optimizer.param_groups[0]["lr"],
            "train/examples": self.step * self.cfg.tune.batch,
            "train/parameters": sum(p.numel() for p in self.network.parameters()),
            "train/graphs": len(self.data.train),
            "train/graphs_left_out": self.data.left_out.total(),
            "train/edges_clamped": self.data.clamped,
            "train/flops": self._policy.flops,
        }
