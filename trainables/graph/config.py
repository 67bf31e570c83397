"""Every knob of one run on motif graphs; defaults are the documented model, healed, at laptop size.

What the original did and why it is a defect is told at the value that is named "as run"; no such
value is a default. A field that only the evaluation reads is in `sample`, `decode` or `evaluation`.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from trainables.checks import refuse_numbers, refuse_unlisted
from trainables.graph.graphs import MOST_NODES

Control = Literal["", "empty", "chain", "constructive", "random", "table", "data", "noise"]
Solver = Literal[
    "raw", "+cycles", "+arity", "+clash", "repair", "complete", "judicial", "judicial as run"
]
STAGES = {"post": (0.125, 0.375), "run": (0.25, 0.75)}  # of the run, where a stage ends
LIMITS = {
    "at least 1": "steps steps_per_report optim.batch optim.accumulation sample.steps "
    "evaluation.graphs evaluation.graphs_between",
    "above 0": "optim.lr optim.clip",
    "at least 0": "optim.weight_decay loss.velocity_weight loss.index_weight "
    "evaluation.matched_nodes",
}
PHYSICAL = {"post": (16, 16, 16), "run": (16, 4, 1)}  # of 16 graphs of a step, those at once


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramsConfig:
    """The graphs: generated, or with `data` those of a folder that are neither too small nor large.

    Generated ones are the same for every seed of a run.
    """

    train: int = 4096  # generated ones; some are left out, see `trainables.graph.data`
    held_out: int = 512
    fewest_nodes: int = 3
    most_nodes: int = 8
    valid: float = 1.0  # share of generated graphs that keep every law
    pad: int = 0  # nodes that every graph is padded to; 0 pads within buckets of like size alone
    permute: bool = True  # whether the nodes of a training graph are permuted at each fetch

    def __post_init__(self) -> None:
        if not 1 <= self.fewest_nodes <= self.most_nodes <= MOST_NODES:
            raise ValueError(
                "programs: must have 1 <= fewest_nodes <= most_nodes <= "
                f"{MOST_NODES}, got {self.fewest_nodes} and {self.most_nodes}"
            )
        if self.pad and self.pad < self.most_nodes:
            raise ValueError(
                f"programs.pad must be 0 or at least most_nodes {self.most_nodes}, got {self.pad}"
            )
        if min(self.train, self.held_out) < 1 or not 0 <= self.valid <= 1:
            raise ValueError(
                "programs.train and held_out must be at least 1 and valid in [0, 1], got "
                f"{self.train}, {self.held_out} and {self.valid}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """The network; documented are hidden 256, 12 blocks, 8 heads."""

    hidden: int = 48
    depth: int = 4
    heads: int = 4
    embed: int = 16  # width of a motif's embedding, which rows and columns each have
    pos: Literal["none", "sin"] = "none"  # whether a node's place is told, which no law of it needs

    def __post_init__(self) -> None:
        if min(self.hidden, self.depth, self.heads, self.embed) < 1 or self.hidden % self.heads:
            raise ValueError(
                "model: hidden must be a multiple of heads and all counts at least 1, got hidden "
                f"{self.hidden}, depth {self.depth}, heads {self.heads}, embed {self.embed}"
            )
        if self.embed % 2 and self.pos == "sin":
            raise ValueError(f"model.embed must be even with pos 'sin', got {self.embed}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AxialConfig:
    """The attention: along rows, then along columns.

    As run time reaches the attention along rows alone, since the only norm stands before it, and
    cells of padding attend and are attended.
    """

    norm: Literal["each", "first_only as run"] = "each"
    mask: Literal["mask", "none as run"] = "mask"
    axes: Literal["both", "row", "column", "full"] = "both"  # all others are taken twice


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """AdamW at one rate, documented 1e-4, with clipped gradients.

    A step sees `batch` x `accumulation` graphs, and these do not depend on how they are parted.
    """

    batch: int = 16  # graphs of one micro-batch
    accumulation: int = 1
    lr: float = 1e-3
    weight_decay: float = 1e-5
    clip: float = 1.0

    @property
    def examples_per_step(self) -> int:
        """Graphs of one optimizer step."""
        return self.batch * self.accumulation


@dataclass(frozen=True, kw_only=True, slots=True)
class LossConfig:
    """Weights of the terms, and which cells are in them.

    As run the index is asked of all cells, nearly all of which have no edge and count as class 0.
    With "mse" it is a third channel of the flow and rounded, as in the first version.
    """

    velocity_weight: float = 1.0
    index_weight: float = 1.0
    index: Literal["ce", "mse"] = "ce"
    cells: Literal["edges", "all as run"] = "edges"
    mask: bool = True  # whether padding is left out


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleConfig:
    """Euler steps from noise, and what the network finds in the channels of the index.

    In training that is noise (with "zeros" nothing); as run it is its own last logits in sampling.
    """

    steps: int = 20
    feed: Literal["noise", "logits as run", "zeros"] = "noise"


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeConfig:
    """How values become a graph: cut where they are 0 or 1 in the data, then repaired.

    As run they are cut at 0, the value of "no edge", since a sigmoid is taken of them, a Boundary
    starts nothing in the judicial solver, and the stages of repair run once: those that the record
    adds one by one are the solvers with a plus.
    """

    cut: float = 0.5
    solver: Solver = "repair"


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoricalConfig:
    """Where a discrete flow begins: at cells that are masked, or at any state."""

    prior: Literal["mask", "uniform"] = "mask"


@dataclass(frozen=True, kw_only=True, slots=True)
class CurriculumConfig:
    """Small graphs first: up to so many nodes in the first stage, the second, then all.

    Both presets are fractions of 400 documented epochs: those of the post (50 and 150) and those
    of the long run (100 and 300), which put 16 graphs at once, then 4, then 1 through the network.
    """

    preset: Literal["", "post", "run"] = ""
    first_nodes: int = 10
    second_nodes: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.first_nodes <= self.second_nodes:
            raise ValueError(
                "curriculum: must have 1 <= first_nodes <= second_nodes, got "
                f"{self.first_nodes} and {self.second_nodes}"
            )

    def stage(self, step: int, steps: int) -> int:
        """The stage of a step of a run of so many: 0, 1 or 2, which is also that of no preset."""
        if not self.preset:
            return 2
        return sum(step >= fraction * steps for fraction in STAGES[self.preset])

    def most_nodes(self, stage: int) -> int:
        """Nodes of the largest graphs of a stage."""
        return (self.first_nodes, self.second_nodes, MOST_NODES)[stage]

    def at_once(self, stage: int, optim: OptimConfig) -> int:
        """Graphs of a micro-batch of the stage; without a preset those of the optimizer's."""
        if not self.preset:
            return optim.batch
        return max(1, optim.examples_per_step * PHYSICAL[self.preset][stage] // 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """How many held-out graphs are sampled: at the end, and between."""

    graphs: int = 512
    graphs_between: int = 128
    permute: bool = True  # whether their nodes stand in an order that is drawn
    matched_nodes: int = 8  # of graphs that are scored under the best exchange of like nodes too


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphConfig:
    """One run; a grid may override any field, nested ones by dotted names."""

    seed: int = 0
    steps: int = 400  # optimizer steps
    steps_per_report: int = 100
    data: str = ""  # folder written by `ablate data ruby`; empty for generated programs
    state: Literal["continuous", "categorical"] = "continuous"  # what a cell is while it flows
    control: Control = ""  # graphs that no model made; such a run trains nothing
    programs: ProgramsConfig = ProgramsConfig()
    model: ModelConfig = ModelConfig()
    axial: AxialConfig = AxialConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    sample: SampleConfig = SampleConfig()
    decode: DecodeConfig = DecodeConfig()
    categorical: CategoricalConfig = CategoricalConfig()
    curriculum: CurriculumConfig = CurriculumConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def __post_init__(self) -> None:
        refuse_numbers(self, LIMITS)
        refuse_unlisted(self)
        if self.decode.cut not in (0.5, 0.0):
            raise ValueError(f"decode.cut must be 0.5, or 0 as run, got {self.decode.cut}")
        self._refuse_unread()
        if not self.programs.pad and (self.axial.mask == "none as run" or not self.loss.mask):
            raise ValueError(
                "programs.pad must be set where padding counts: with axial.mask "
                f"{self.axial.mask!r} and loss.mask {self.loss.mask} it was 0; set it to "
                f"{self.programs.most_nodes} or more"
            )

    def _refuse_unread(self) -> None:
        """What would be set and never read; of categories edge and index are one state."""
        index: dict[str, object] = {"loss.cells": "edges", "sample.feed": "noise"}
        state = index | {"loss.index": "ce", "decode.cut": 0.5}
        rules = (
            (self.state == "categorical", "states are categorical", state),
            (self.state == "continuous", "states are continuous", {"categorical.prior": "mask"}),
            (self.loss.index == "mse", "the index is rounded", index),
        )
        for holds, where, defaults in rules:
            for name, default in defaults.items():
                value = attrgetter(name)(self)
                if holds and value != default:
                    raise ValueError(
                        f"{name} must be {default!r} where {where}, since nothing reads it there, "
                        f"got {value!r}"
                    )
