"""What a stem is tuned by: the gradient of broken laws, its own best samples, or likelier steps.

After timlawrenz/jubilant-palm-tree, train_rlaif.py: PPO @b64acae with ppo.py@477cd59, then
reward-weighted regression, then structural losses @26d7d55. All hold the velocity to the frozen
stem's, which the original calls a KL, and may be trained on the truth beside. Departures: rewards
less their mean in the batch over their spread are PPO's advantage (as run less a running mean
alone), nothing ends its updates early, and indices are the likeliest ones (as run they were drawn
and part of the likelihood); a batch that is not finite ends the run, where as run it was passed
over.
Shape letters: B graphs, N nodes, X draws, I and O channels in and out.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.draws import generator
from trainables.graph.graphs import INDICES, Graphs
from trainables.graph.judge.reward import reward
from trainables.graph.network.buckets import Batch, batch_of
from trainables.graph.network.dit import forward_flops
from trainables.graph.network.flow import ContinuousFlow, Network, clean_channels, index_of
from trainables.graph.network.sampling import gathered
from trainables.graph.network.structural import structural_loss
from trainables.graph.network.walks import FLOWING, Noise, Visit, Walk
from trainables.graph.tuning_config import TuneConfig

LOSSES = {
    "structural": "train/structural_loss",
    "rwr": "train/weighted_flow_loss",
    "ppo": "train/ppo_loss",
}
ANCHOR, RECONSTRUCTION = "train/anchor_mse", "train/reconstruction_loss"
REWARD, LAWFUL = "train/reward_mean", "train/reward_positive"
CLIPPED, WEIGHED = "train/ppo_clipped", "train/rwr_graphs"
EVEN = 1e-6  # spread of rewards below which a batch tells nothing


class Anchored:
    """A network that keeps count of how far it is from its stem, where it is asked for a gradient.

    Attributes:
        flops: Of all passes through either, a backward one counting as two.
    """

    def __init__(self, network: nn.Module, stem: nn.Module, cfg: TuneConfig):
        self.network, self.stem, self.cfg = network, stem, cfg
        self.flops = 0
        self._sums: list[tuple[Tensor, Tensor]] = []

    def __call__(
        self,
        cells: Float[Tensor, "B N N I"],
        time: Float[Tensor, " B"],
        motifs: Int64[Tensor, "B N"],
        padded: bool,
    ) -> Float[Tensor, "B N N O"]:
        """What the network says."""
        output = self.loose(cells, time, motifs, padded)
        if torch.is_grad_enabled():
            with torch.no_grad():
                held = self.stem(cells, time, motifs, padded)
            self.flops += self._operations(motifs, output)
            self._sums.append(_squares(output - held, motifs > 0))
        return output

    def loose(
        self,
        cells: Float[Tensor, "B N N I"],
        time: Float[Tensor, " B"],
        motifs: Int64[Tensor, "B N"],
        padded: bool,
    ) -> Float[Tensor, "B N N O"]:
        """The same, where its distance from the stem does not count."""
        output = self.network(cells, time, motifs, padded)
        passes = 3 if torch.is_grad_enabled() else 1
        self.flops += passes * self._operations(motifs, output)
        return output

    def _operations(self, motifs: Int64[Tensor, "B N"], output: Tensor) -> int:
        """Those of a forward pass."""
        graphs, side = motifs.shape
        channels = output.shape[-1], output.shape[-1]
        stem = self.cfg.stem
        return graphs * forward_flops(stem.model, stem.axial, channels, side)

    def distance(self) -> Float[Tensor, ""]:
        """The mean square of that distance over cells and channels since it was last asked for."""
        sums, self._sums = self._sums, []
        total = torch.stack([square for square, _ in sums]).sum()
        distance = total / torch.stack([count for _, count in sums]).sum()
        limit = self.cfg.tune.anchor_limit
        return distance.clamp(max=limit) if limit else distance


class Tuning:
    """The losses of a method.

    Attributes:
        weights: Of each term.
        micro_batches: Losses of a step, each for an optimizer update of its own.
    """

    def __init__(self, cfg: TuneConfig, flow: ContinuousFlow, policy: Anchored):
        self.cfg, self.flow, self.policy = cfg, flow, policy
        tune = cfg.tune
        own = tune.structural_weight if tune.method == "structural" else 1.0
        told = {"rwr": WEIGHED, "ppo": CLIPPED}
        self.weights = {LOSSES[tune.method]: own, ANCHOR: tune.anchor_weight}
        if tune.reconstruction_weight:
            self.weights[RECONSTRUCTION] = tune.reconstruction_weight
        self.weights |= {REWARD: 0.0, LAWFUL: 0.0}
        if tune.method in told:
            self.weights[told[tune.method]] = 0.0
        self.micro_batches = cfg.ppo.updates if tune.method == "ppo" else 1

    def updates(
        self, graphs: Graphs, batch: Batch, *key: int | str
    ) -> Iterator[dict[str, Float[Tensor, ""]]]:
        """The terms of each update on a batch; the network may be moved from one to the next.

        Args:
            graphs: Training graphs; for their motifs edges are drawn.
            batch: The same in groups.
            key: Of which all draws are a function.
        """
        methods = {"structural": self._structural, "rwr": self._rwr, "ppo": self._ppo}
        for terms in methods[self.cfg.tune.method](graphs, batch, *key):
            if self.cfg.tune.reconstruction_weight and RECONSTRUCTION not in terms:
                terms[RECONSTRUCTION] = self._flow_loss(self.policy.loose, batch, *key, "truth")
            yield terms | {ANCHOR: self.policy.distance()}

    def _structural(
        self, graphs: Graphs, batch: Batch, *key: int | str
    ) -> Iterator[dict[str, Tensor]]:
        walk = Walk(self.flow, batch, key)
        first = walk.steps - self.cfg.tune.grad_steps
        held = walk.start(self._device)
        with torch.no_grad():
            for visits in walk.visits(self.policy, held, range(first)):
                held = [visit.after for visit in visits]
        *_, last = walk.visits(self.policy, held, range(first, walk.steps))
        broken = [self._broken(visit).sum() for visit in last]
        terms = {LOSSES["structural"]: torch.stack(broken).sum() / batch.graphs}
        if self.cfg.tune.reconstruction == "endpoint as run":
            terms[RECONSTRUCTION] = self._endpoint(last)
        yield terms | _told(self._earned(graphs, batch, last)[1])

    def _rwr(self, graphs: Graphs, batch: Batch, *key: int | str) -> Iterator[dict[str, Tensor]]:
        walk = Walk(self.flow, batch, key)
        with torch.no_grad():
            *_, last = walk.visits(self.policy, walk.start(self._device), range(walk.steps))
        made, rewards = self._earned(graphs, batch, last)
        weights = torch.softmax(rewards / self.cfg.rwr.temperature, 0)
        own = batch_of(made, self._device, self.cfg.stem.model.hidden, self.cfg.stem.programs.pad)
        loss = self._flow_loss(self.policy, own, *key, "own", weights=weights * len(weights))
        terms = {LOSSES["rwr"]: loss, WEIGHED: 1 / weights.square().sum()}
        yield terms | _told(rewards)

    def _ppo(self, graphs: Graphs, batch: Batch, *key: int | str) -> Iterator[dict[str, Tensor]]:
        ppo = self.cfg.ppo
        walk = Walk(self.flow, batch, key, Noise(ppo.path, ppo.noise))
        with torch.no_grad():
            path = list(walk.visits(self.policy, walk.start(self._device), range(walk.steps)))
            before = [[walk.log_probability(v, v.output) for v in visits] for visits in path]
        rewards = self._earned(graphs, batch, path[-1])[1]
        spread = rewards.std(correction=0)
        advantage = (rewards - rewards.mean()) / spread if spread > EVEN else rewards * 0
        order = torch.randperm(walk.steps, generator=generator(*key, "updates"))
        for numbers in order[: ppo.updates * ppo.steps_per_update].tensor_split(ppo.updates):
            pairs = [
                self._surrogate(walk, visit, old, advantage[visit.group.rows])
                for number in numbers.tolist()
                for visit, old in zip(path[number], before[number], strict=True)
            ]
            loss, clipped = torch.stack(pairs).sum(0) / (len(numbers) * batch.graphs)
            yield {LOSSES["ppo"]: loss, CLIPPED: clipped.detach()} | _told(rewards)

    def _surrogate(
        self,
        walk: Walk,
        visit: Visit,
        before: Float[Tensor, " B"],
        advantage: Float[Tensor, " B"],
    ) -> Float[Tensor, "2"]:
        """The sums of what is lost at one step of a group, and of ratios that count no further."""
        clip = self.cfg.ppo.clip
        output = walk.said(self.policy, visit.group, visit.held, visit.number)
        ratio = (walk.log_probability(visit, output) - before).exp()
        gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
        return torch.stack((-gain.sum(), ((ratio - 1).abs() > clip).sum()))

    def _broken(self, visit: Visit) -> Float[Tensor, " B"]:
        presence, kind, _ = self.flow.decoded(visit.after, visit.output)
        return structural_loss(presence, kind, visit.group.motifs, self.cfg.structural)

    def _endpoint(self, last: list[Visit]) -> Float[Tensor, ""]:
        """Where samples end, against the truth of the same motifs, logits against one-hot."""
        sums = []
        for visit in last:
            states = visit.group.states
            truth = clean_channels(states)[..., :FLOWING], F.one_hot(index_of(states), INDICES)
            ends = visit.after[..., :FLOWING], visit.output[..., FLOWING:]
            sums.append(
                _squares(torch.cat(ends, -1) - torch.cat(truth, -1), visit.group.motifs > 0)
            )
        return torch.stack([s for s, _ in sums]).sum() / torch.stack([n for _, n in sums]).sum()

    def _flow_loss(
        self,
        network: Network,
        batch: Batch,
        *key: int | str,
        weights: Float[Tensor, " all"] | None = None,
    ) -> Float[Tensor, ""]:
        """What the stem was trained by, on these graphs, each with a weight where there are any."""
        drawn = batch.drawn(self.flow.draws, self._device, *key)
        time = torch.rand(batch.graphs, generator=generator(*key, "time")).to(self._device)
        cells = batch.cells + (0 if self.cfg.stem.loss.mask else batch.padding)
        counts = self.flow.counts(cells, batch.edges)
        total = torch.zeros((), device=self._device)
        for group in batch.groups:
            own = None if weights is None else weights[group.rows]
            sums = self.flow.sums(network, group, time[group.rows], drawn[group.cells], own)
            for name, weight in self.flow.weights.items():
                total = total + weight * sums[name] / max(1, counts[name])
        return total

    def _earned(
        self, graphs: Graphs, batch: Batch, last: list[Visit]
    ) -> tuple[Graphs, Float[Tensor, " all"]]:
        """The graphs that samples end as, read without a solver, and their rewards."""
        ends = [self.flow.decoded(visit.after, visit.output) for visit in last]
        parts = [tuple(part.detach() for part in end) for end in ends]
        made = gathered(graphs, batch, parts).read("raw", self.cfg.decode.cut).graphs()
        cfg = self.cfg.reward
        earned = reward(made, cfg.acyclic_sign, cfg.rules, cfg.jackpot)
        return made, torch.from_numpy(earned).float().to(self._device)

    @property
    def _device(self) -> torch.device:
        return next(self.policy.network.parameters()).device


def _told(rewards: Float[Tensor, " all"]) -> dict[str, Tensor]:
    """Their mean, and the share above 0, which the original called validity."""
    return {REWARD: rewards.mean(), LAWFUL: (rewards > 0).float().mean()}


def _squares(
    distance: Float[Tensor, "B N N O"], nodes: Bool[Tensor, "B N"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The sum of squares over cells of two nodes, and how many numbers these are."""
    real = nodes[:, :, None, None] & nodes[:, None, :, None]
    return (distance.square() * real).sum(), (real.sum() * distance.shape[-1]).to(distance.dtype)
