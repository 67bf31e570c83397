"""Discrete flow matching on the cells of a graph: each is in one of nine states at any time.

No edge, or one of either kind with one of four indices. On the way a cell holds its state of the
data with probability t, else one of the prior: a mask, or any state. The network learns which state
of the data a cell has (cross-entropy); sampled is the chain whose rates are those probabilities
over 1 - t, a step of length h changing a cell with probability h / (1 - t) (tau-leaping).
After Campbell et al., arXiv 2402.04997, and Gat et al., arXiv 2407.15595 (the mixture path and its
velocity, which holds for both priors); on graphs DeFoG, Qin et al., arXiv 2410.04263.
A departure from these: motifs are given and only edges flow.
Shape letters: B graphs, N nodes, S states a cell can be in while it flows, X draws per cell.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from trainables.draws import uniform
from trainables.graph.config import GraphConfig
from trainables.graph.graphs import INDICES, Kind
from trainables.graph.network.buckets import Group
from trainables.graph.network.flow import INDEX_HITS, Decoded, Network

STATES = 1 + len(Kind) * INDICES
MASKED = STATES
STATE_CE = "train/state_ce_nats"


class CategoricalFlow:
    """Cells as states, held as numbers from 0 on."""

    def __init__(self, cfg: GraphConfig):
        self.cfg = cfg
        self._masks = cfg.categorical.prior == "mask"
        self.channels = STATES + self._masks, STATES
        self.weights = {STATE_CE: 1.0, INDEX_HITS: 0.0}

    def draws(self, cells: int, *key: int | str) -> Float[Tensor, "cells X"]:
        """Two uniform numbers a cell, a function of the key: whether it changes, and to what."""
        return torch.stack(
            [uniform(0.0, 1.0, (cells,), *key, use) for use in ("change", "state")], -1
        )

    def counts(self, cells: int, edges: int) -> dict[str, int]:
        """Over how many cells each term is a mean, in so many with so many edges."""
        return {STATE_CE: cells, INDEX_HITS: edges}

    def sums(
        self,
        network: Network,
        group: Group,
        time: Float[Tensor, " B"],
        drawn: Float[Tensor, "B N N X"],
    ) -> dict[str, Tensor]:
        """Each term of the loss, summed over the group's cells at that time and draws."""
        known = drawn[..., 0] < time[:, None, None]
        held = torch.where(known, group.states, self.start(group, drawn))
        output = network(self.inputs(held), time, group.motifs, group.padded)
        nats = F.cross_entropy(output.flatten(0, 2), group.states.flatten(), reduction="none")
        real = group.real if self.cfg.loss.mask else torch.ones_like(group.edges)
        states = group.states.clamp(min=1) - 1
        of_kind = output[..., 1:].unflatten(-1, (len(Kind), INDICES))
        of_kind = of_kind.take_along_dim((states // INDICES)[..., None, None], -2).squeeze(-2)
        hits = (of_kind.argmax(-1) == states % INDICES) & group.edges
        return {
            STATE_CE: (nats.view_as(group.states) * real).sum(),
            INDEX_HITS: hits.sum().float(),
        }

    def start(self, group: Group, drawn: Float[Tensor, "B N N X"]) -> Int64[Tensor, "B N N"]:
        """The states at time 0."""
        if self._masks:
            return torch.full_like(group.states, MASKED)
        return (drawn[..., 1] * STATES).long()

    def moved(
        self,
        held: Int64[Tensor, "B N N"],
        output: Float[Tensor, "B N N O"],
        left: int,
        drawn: Float[Tensor, "B N N X"],
    ) -> Int64[Tensor, "B N N"]:
        """The states after the next step, as many are left with it; what a mask left, stays.

        The time is 1 - left / steps, so that a step changes a cell with probability 1 / left.
        """
        changes = drawn[..., 0] * left < 1
        if self._masks:
            changes &= held == MASKED
        reached = output.softmax(-1).cumsum(-1)[..., :-1] <= drawn[..., 1:]
        return torch.where(changes, reached.sum(-1), held)

    def inputs(self, held: Int64[Tensor, "B N N"]) -> Float[Tensor, "B N N S"]:
        """One channel for each state."""
        return F.one_hot(held, self.channels[0]).float()

    def decoded(self, held: Int64[Tensor, "B N N"], output: Float[Tensor, "B N N O"]) -> Decoded:
        """Presence and kind, above .5 where sampled so, and logits of the index.

        Half of each is the sample, which so decides, half the network's last word, which ranks.
        """
        sampled = F.one_hot(held, STATES).float()
        both = (sampled + output.softmax(-1)) / 2
        execution, data = both[..., 1 : 1 + INDICES], both[..., 1 + INDICES :]
        presence = 1 - both[..., 0]
        share = data.sum(-1) / presence.clamp(min=1e-12)
        # Of a sampled edge the kind is the sample's, whatever the last word outweighs it with.
        kind = torch.where(held > 0, (share + (held > INDICES)) / 2, share)
        index = torch.where((kind > 0.5)[..., None], data, execution)
        return presence, kind, index.clamp(min=1e-12).log()
