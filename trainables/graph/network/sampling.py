"""Draws the edges of graphs from their motifs, by steps from noise to what the network has learned.

After timlawrenz/jubilant-palm-tree, inference.py@9a6d19c. A departure: every draw is keyed, so that
the same graphs with the same key give the same edges, alone or beside any training.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import nn

from trainables.draws import generator
from trainables.graph.config import GraphConfig, Solver
from trainables.graph.graphs import INDICES, Graphs, Squares
from trainables.graph.network.buckets import Batch, batch_of
from trainables.graph.network.categorical import CategoricalFlow
from trainables.graph.network.flow import ContinuousFlow
from trainables.graph.solver.decode import Channels, squares
from trainables.graph.solver.judicial import judicial
from trainables.graph.solver.repair import COMPLETE, DOCUMENTED, STAGES, repair

Flow = ContinuousFlow | CategoricalFlow
# Cells at once, so that what lies between the network's layers stays near or at least fits.
MOST_CELLS = {"cpu": 2**12, "cuda": 2**18}
ROUNDS = 32  # of repair at most; it ends by itself long before


def new_flow(cfg: GraphConfig) -> Flow:
    """The flow that the config asks for."""
    return CategoricalFlow(cfg) if cfg.state == "categorical" else ContinuousFlow(cfg)


@dataclass(frozen=True)
class Sample:
    """What a network drew for the cells of some graphs, before it is cut into edges.

    Attributes:
        channels: Of each cell; those of graphs that came out as no numbers are 0, and no solver
            gives these an edge.
        motifs: Of each node, padded to the largest graph.
        finite: Which graphs came out as numbers.
    """

    channels: Channels
    motifs: Int64[np.ndarray, "graphs side"]
    finite: Bool[np.ndarray, " graphs"]

    def read(self, solver: Solver, cut: float) -> Squares:
        """The graphs as a solver of `DecodeConfig` reads them: cut, then mended.

        Raises:
            ValueError: When there is no such solver.
        """
        if solver not in get_args(Solver):
            raise ValueError(f"sample: solver must be one of {get_args(Solver)}, got {solver!r}")
        graphs = self._read(solver, cut)
        presence = graphs.presence & self.finite[:, None, None]
        return squares(graphs.motifs, presence, graphs.kind, graphs.index)

    def _read(self, solver: Solver, cut: float) -> Squares:
        if solver in ("judicial", "judicial as run"):
            outputs = 1 if solver == "judicial" else 0
            return judicial(self.channels, self.motifs, outputs, cut=cut)
        if solver == "raw" or solver in DOCUMENTED:
            return repair(self.channels, self.motifs, DOCUMENTED.get(solver, ()), cut=cut)
        stages = COMPLETE if solver == "complete" else STAGES
        return repair(self.channels, self.motifs, stages, rounds=ROUNDS, cut=cut)


@torch.no_grad()
def sample(network: nn.Module, flow: Flow, graphs: Graphs, *key: int | str) -> Sample:
    """Edges for the motifs of graphs; what edges these have does not matter.

    Args:
        network: Which gives what the flow asks for.
        flow: The way from noise to edges.
        graphs: Whose motifs are given.
        key: Of which all draws are a function.
    """
    device = next(network.parameters()).device
    cfg = flow.cfg
    bound = MOST_CELLS[device.type]
    batch = batch_of(graphs, device, cfg.model.hidden, cfg.programs.pad, bound)
    groups = batch.groups
    drawn = batch.drawn(flow.draws, device, *key, 0)
    held = [flow.start(group, drawn[group.cells]) for group in groups]
    outputs = held
    for step in range(cfg.sample.steps):
        drawn = batch.drawn(flow.draws, device, *key, step + 1)
        time = torch.full((1,), step / cfg.sample.steps, device=device)
        outputs = [
            network(flow.inputs(cells), time.expand(len(cells)), group.motifs, group.padded)
            for group, cells in zip(groups, held, strict=True)
        ]
        left = cfg.sample.steps - step
        held = [
            flow.moved(cells, output, left, drawn[group.cells])
            for group, cells, output in zip(groups, held, outputs, strict=True)
        ]
    parts = [flow.decoded(*pair) for pair in zip(held, outputs, strict=True)]
    return gathered(graphs, batch, parts)


def gathered(graphs: Graphs, batch: Batch, parts: list[tuple[torch.Tensor, ...]]) -> Sample:
    """The groups' cells as those of one batch, in its order.

    Args:
        graphs: Of which the batch was made.
        batch: The same in groups.
        parts: Of each group presence, kind and logits of the index, see `ContinuousFlow.decoded`.
    """
    side = int(graphs.sizes.max(initial=0))
    shape = len(graphs), side, side
    presence, kind = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    index = np.zeros((*shape, INDICES), np.float32)
    for group, values in zip(batch.groups, parts, strict=True):
        own = min(side, group.motifs.shape[1])
        cells = np.ix_(group.rows, np.arange(own), np.arange(own))
        for whole, part in zip((presence, kind, index), values, strict=True):
            whole[cells] = part[:, :own, :own].float().cpu().numpy()
    motifs = graphs.squares().motifs
    channels = Channels(presence, kind, index)
    finite = channels.finite(motifs)
    for part in (presence, kind, index):
        part[~finite] = 0
    return Sample(channels, motifs, finite)


def noise_sample(graphs: Graphs, *key: int | str) -> Sample:
    """Unit noise in every cell, as before anything is drawn: what a solver makes of nothing."""
    motifs = graphs.squares().motifs
    shape = *motifs.shape, motifs.shape[1], 2 + INDICES
    values = torch.randn(shape, generator=generator(*key, "noise")).numpy()
    channels = Channels(values[..., 0], values[..., 1], values[..., 2:])
    return Sample(channels, motifs, np.ones(len(motifs), bool))
