"""The way of a batch from noise to edges, step by step, as what tunes a network needs it.

A step may be noisy, which makes it a draw from a Gaussian with a likelihood. `marginal` noise comes
with a pull towards where data are, of the size at which each moment's distribution stays what it is
without: for a straight path at time t the score is -(x - t v) / (1 - t), and noise of variance
s^2 = a^2 (1 - t) / t a unit of time asks for half of s^2 times that (Liu et al., Flow-GRPO, arXiv
2505.05470; before it DDPO, Black et al., arXiv 2305.13301). At time 0 the t in s^2 is one step.
As run (timlawrenz/jubilant-palm-tree, ppo.py@477cd59, train_rlaif.py@b64acae) the velocity itself
was a draw, and a sample is then that much noisier than the network knows.
Shape letters: B graphs, N nodes, F channels that flow, I and O channels in and out, X draws.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trainables.draws import generator
from trainables.graph.network.buckets import Batch, Group
from trainables.graph.network.flow import ContinuousFlow, Network

FLOWING = 2  # presence and kind
Path = Literal["marginal", "velocity as run"]


@dataclass(frozen=True)
class Noise:
    """How noisy the steps are.

    Attributes:
        path: What is done about the noise, see above.
        level: `a` of the marginal path, or the spread of the velocity as run.
    """

    path: Path
    level: float

    def step(
        self,
        cells: Float[Tensor, "B N N F"],
        velocity: Float[Tensor, "B N N F"],
        time: float,
        length: float,
    ) -> tuple[Float[Tensor, "B N N F"], float]:
        """The mean and the spread of what the cells hold after a step of that length."""
        if self.path == "velocity as run":
            return cells + length * velocity, self.level * length
        variance = self.level**2 / max(time, length)  # but for its factor 1 - t
        pulled = velocity - variance / 2 * (cells - time * velocity)
        return cells + length * pulled, (variance * (1 - time) * length) ** 0.5


@dataclass(frozen=True, eq=False)
class Visit:
    """One group at one step.

    Attributes:
        group: Of the batch.
        number: Of the step, from 0.
        held: What its cells held before it.
        output: What the network said of them.
        after: What they hold after it.
    """

    group: Group
    number: int
    held: Float[Tensor, "B N N X"]
    output: Float[Tensor, "B N N O"]
    after: Float[Tensor, "B N N X"]


@dataclass(frozen=True, eq=False)
class Walk:
    """A batch on its way; the draws of its steps are those of `sampling.sample` at the same key.

    Attributes:
        flow: The way from noise to edges.
        batch: Whose motifs are given.
        key: Of which all draws are a function.
        noise: Of the steps; None for the sampler's own.
    """

    flow: ContinuousFlow
    batch: Batch
    key: tuple[int | str, ...]
    noise: Noise | None = None

    @property
    def steps(self) -> int:
        """Of the whole way."""
        return self.flow.cfg.sample.steps

    def start(self, device: torch.device) -> list[Float[Tensor, "_ _ _ X"]]:
        """What each group's cells hold at time 0."""
        drawn = self.batch.drawn(self.flow.draws, device, *self.key, 0)
        return [self.flow.start(group, drawn[group.cells]) for group in self.batch.groups]

    def visits(
        self, network: Network, held: list[Tensor], steps: Iterable[int]
    ) -> Iterator[list[Visit]]:
        """Each of these steps, one after the other, a visit for each group."""
        for number in steps:
            device = held[0].device if held else torch.device("cpu")
            drawn = self.batch.drawn(self.flow.draws, device, *self.key, number + 1)
            explored = self._explored(device, number)
            visits = []
            for group, cells in zip(self.batch.groups, held, strict=True):
                output = self.said(network, group, cells, number)
                after = self.flow.moved(cells, output, self.steps - number, drawn[group.cells])
                if explored is not None:
                    mean, spread = self.mean(cells, output, number)
                    noisy = mean + spread * explored[group.cells]
                    after = torch.cat((noisy, after[..., FLOWING:]), -1)
                visits.append(Visit(group, number, cells, output, after))
            yield visits
            held = [visit.after for visit in visits]

    def said(
        self, network: Network, group: Group, held: Float[Tensor, "B N N X"], number: int
    ) -> Float[Tensor, "B N N O"]:
        """What a network says of cells at the time of a step."""
        time = torch.full((len(held),), number / self.steps, device=held.device)
        return network(self.flow.inputs(held), time, group.motifs, group.padded)

    def mean(
        self, held: Float[Tensor, "B N N X"], output: Float[Tensor, "B N N O"], number: int
    ) -> tuple[Float[Tensor, "B N N F"], float]:
        """The mean and the spread of the channels that flow after a noisy step.

        Raises:
            RuntimeError: When the steps are not noisy.
        """
        if self.noise is None:
            raise RuntimeError("walk: steps must be noisy to have a spread, and they are not")
        cells, velocity = held[..., :FLOWING], output[..., :FLOWING]
        return self.noise.step(cells, velocity, number / self.steps, 1 / self.steps)

    def log_probability(
        self, visit: Visit, output: Float[Tensor, "B N N O"]
    ) -> Float[Tensor, " B"]:
        """The log-density of a noisy step under what a network says, but for a constant."""
        mean, spread = self.mean(visit.held, output, visit.number)
        distance = (visit.after[..., :FLOWING] - mean).square().sum(-1)
        return -(distance * deciding(visit.group)).sum((1, 2)) / (2 * spread**2)

    def _explored(self, device: torch.device, number: int) -> Tensor | None:
        if self.noise is None:
            return None
        return self.batch.drawn(_normal, device, *self.key, "explored", number)


def deciding(group: Group) -> Bool[Tensor, "B N N"]:
    """Which cells may be an edge: of two nodes, and not from one to itself."""
    side = group.motifs.shape[1]
    return group.real & ~torch.eye(side, dtype=torch.bool, device=group.motifs.device)


def _normal(cells: int, *key: int | str) -> Float[Tensor, "cells F"]:
    return torch.randn((FLOWING, cells), generator=generator(*key)).T
