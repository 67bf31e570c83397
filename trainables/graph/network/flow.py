"""Flow matching on the cells of a graph: from noise at time 0 to its edges at time 1.

Whether there is an edge and of which kind are two channels that are 0 or 1 in the data; the network
learns their velocity along straight lines (Lipman et al., arXiv 2210.02747). The index is read off
four logits besides, or is a third such channel.
After timlawrenz/jubilant-palm-tree, train.py@b47b5f3, loss.py and inference.py@9a6d19c.
Shape letters: B graphs, N nodes, F channels that flow, I and O channels in and out, X draws.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from trainables.draws import generator
from trainables.graph.config import GraphConfig
from trainables.graph.graphs import INDICES
from trainables.graph.network.buckets import Group

Network = Callable[[Tensor, Tensor, Tensor, bool], Tensor]
Decoded = tuple[Tensor, Tensor, Tensor]  # presence and kind, B N N, and logits of the index
VELOCITY, INDEX_CE = "train/velocity_mse", "train/index_ce_nats"
INDEX_MSE, INDEX_HITS = "train/index_mse", "train/edge_index_accuracy"  # of true edges


class ContinuousFlow:
    """Presence and kind as numbers that flow, the index as logits or, with "mse", as a third."""

    def __init__(self, cfg: GraphConfig):
        self.cfg = cfg
        rounds = cfg.loss.index == "mse"
        self._flowing = 3 if rounds else 2
        self._logits = 0 if rounds else INDICES
        channels = self._flowing + self._logits
        self.channels = channels, channels
        self._index = INDEX_MSE if rounds else INDEX_CE
        weights = cfg.loss.velocity_weight, cfg.loss.index_weight
        self.weights = {VELOCITY: weights[0], self._index: weights[1], INDEX_HITS: 0.0}

    def draws(self, cells: int, *key: int | str) -> Float[Tensor, "cells X"]:
        """Unit noise for each channel, a function of the key; where zeros are fed, zeros."""
        noise = torch.randn((self._flowing, cells), generator=generator(*key, "flow"))
        fed = torch.zeros((self._logits, cells))
        if self.cfg.sample.feed != "zeros":
            fed = torch.randn((self._logits, cells), generator=generator(*key, "index"))
        return torch.cat((noise, fed)).T

    def counts(self, cells: int, edges: int) -> dict[str, int]:
        """Over how many numbers each term is a mean, in so many cells with so many edges."""
        asked = edges if self.cfg.loss.cells == "edges" and self._logits else cells
        return {VELOCITY: 2 * cells, self._index: asked, INDEX_HITS: edges}

    def sums(
        self,
        network: Network,
        group: Group,
        time: Float[Tensor, " B"],
        drawn: Float[Tensor, "B N N X"],
        weights: Float[Tensor, " B"] | None = None,
    ) -> dict[str, Tensor]:
        """Each term of the loss, summed over the group's cells at that time and noise.

        With weights a graph counts so often.
        """
        flowing, clean = (
            self._flowing,
            clean_channels(group.states)[..., : self._flowing].to(drawn.dtype),
        )
        noise, fed = drawn.split((flowing, self._logits), -1)
        at = time[:, None, None, None]
        cells = torch.lerp(noise, clean, at)
        output = network(torch.cat((cells, fed), -1), time, group.motifs, group.padded)
        error = (output[..., :flowing] - (clean - noise)).square()
        index = index_of(group.states)
        if self._logits:
            logits = output[..., flowing:]
            asked = F.cross_entropy(logits.flatten(0, 2), index.flatten(), reduction="none")
            asked, guess = asked.view_as(index), logits.argmax(-1)
        else:
            asked = error[..., 2]
            guess = (cells + (1 - at) * output)[..., 2].round().clamp(0, INDICES - 1)
        real = group.real if self.cfg.loss.mask else torch.ones_like(group.edges)
        where = group.edges if self.cfg.loss.cells == "edges" and self._logits else real
        if weights is not None:
            real, where = (part * weights[:, None, None] for part in (real, where))
        return {
            VELOCITY: (error[..., :2].sum(-1) * real).sum(),
            self._index: (asked * where).sum(),
            INDEX_HITS: ((guess == index) & group.edges).sum().float(),
        }

    def start(self, group: Group, drawn: Float[Tensor, "B N N X"]) -> Float[Tensor, "B N N X"]:
        """What the cells hold at time 0."""
        return drawn

    def moved(
        self,
        held: Float[Tensor, "B N N X"],
        output: Float[Tensor, "B N N O"],
        left: int,
        drawn: Float[Tensor, "B N N X"],
    ) -> Float[Tensor, "B N N X"]:
        """What they hold after the next Euler step; as many are left with it."""
        flowing = self._flowing
        fed = output if self.cfg.sample.feed == "logits as run" else drawn
        moved = held[..., :flowing] + output[..., :flowing] / self.cfg.sample.steps
        return torch.cat((moved, fed[..., flowing:]), -1)

    def inputs(self, held: Float[Tensor, "B N N X"]) -> Float[Tensor, "B N N I"]:
        """What the network sees of what the cells hold."""
        return held

    def decoded(self, held: Float[Tensor, "B N N X"], output: Float[Tensor, "B N N O"]) -> Decoded:
        """Presence and kind, 0 or 1 in the data, and logits of the index."""
        if self._logits:
            return held[..., 0], held[..., 1], output[..., self._flowing :]
        classes = torch.arange(INDICES, device=held.device)
        return held[..., 0], held[..., 1], -(held[..., 2:] - classes).square()


def clean_channels(states: Int64[Tensor, "B N N"]) -> Float[Tensor, "B N N 3"]:
    """Presence, kind and index of each cell as numbers, all 0 where there is no edge."""
    kind = (states > INDICES).float()
    return torch.stack(((states > 0).float(), kind, index_of(states).float()), -1)


def index_of(states: Int64[Tensor, "B N N"]) -> Int64[Tensor, "B N N"]:
    """The index of each cell's edge, 0 where there is none."""
    return (states - 1).clamp(min=0) % INDICES
