"""Every knob of a run that begins from a trained network, its stem, and tunes it or reads it alone.

Defaults are the documented settings, healed, at laptop size; what is named "as run" is a defect and
no default. A field that only the evaluation reads is in `sample`, `decode` or `evaluation`.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from trainables.checks import refuse_numbers, refuse_unlisted
from trainables.graph.config import (
    AxialConfig,
    CategoricalConfig,
    Control,
    CurriculumConfig,
    DecodeConfig,
    EvaluationConfig,
    GraphConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    ProgramsConfig,
    SampleConfig,
)
from trainables.graph.judge.laws import Rules
from trainables.graph.judge.reward import JACKPOT, AcyclicSign
from trainables.graph.network.structural import StructuralConfig

LIMITS = {
    "at least 1": "steps steps_per_report tune.batch tune.grad_steps",
    "above 0": "tune.lr tune.clip",
    "at least 0": "tune.weight_decay tune.structural_weight tune.anchor_weight tune.anchor_limit "
    "tune.reconstruction_weight",
}
Method = Literal["", "structural", "rwr", "ppo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StemConfig:
    """The network that a run begins from: a `GraphRun` of the same seed and data, to its end."""

    steps: int = 400
    state: Literal["continuous", "categorical"] = "continuous"
    programs: ProgramsConfig = ProgramsConfig()
    model: ModelConfig = ModelConfig()
    axial: AxialConfig = AxialConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    categorical: CategoricalConfig = CategoricalConfig()
    curriculum: CurriculumConfig = CurriculumConfig()


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodConfig:
    """What is done with the stem: nothing, or steps on batches of training graphs.

    `structural` follows the gradient of what breaks the laws, back through the last steps of the
    sampler; `rwr` learns its own samples, weighted by their reward; `ppo` makes those steps of a
    sampler with noise likelier that led to more reward than others. Documented rates were 1e-6 and
    5e-6 over 5,000 steps and more; the default goes as far in 60 (AdamW moves by the rate a step).
    """

    method: Method = ""
    lr: float = 1e-4
    batch: int = 8  # graphs of a step
    weight_decay: float = 1e-5
    clip: float = 1.0  # of the gradient's norm
    ema: float = 0.999  # what an average of the weights keeps at each step
    structural_weight: float = 0.1  # documented .01 to 1
    grad_steps: int = 3  # of the sampler's last ones, through which the structural loss is followed
    anchor_weight: float = 1.0  # of the squared distance to the stem's velocity; no KL, as named
    anchor_limit: float = 0.0  # above which the anchor has no gradient any more; documented 10
    reconstruction_weight: float = 0.5
    # As run a sample of fresh noise is held to the truth cell by cell, whose best answer is the
    # mean graph, and that has no edge at all; "flow" is the loss that the stem was trained with.
    reconstruction: Literal["flow", "endpoint as run"] = "flow"

    def __post_init__(self) -> None:
        if not 0 <= self.ema < 1:
            raise ValueError(f"tune.ema must be in [0, 1), got {self.ema}")
        if self.reconstruction == "endpoint as run" and self.method not in ("", "structural"):
            raise ValueError(
                "tune.reconstruction 'endpoint as run' needs samples with a gradient, which only "
                f"tune.method 'structural' has, got {self.method!r}; take 'flow'"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardConfig:
    """What graphs earn, read without a solver; documented are the published laws of that time."""

    acyclic_sign: AcyclicSign = "fixed"
    rules: Rules = "corrected"
    jackpot: float = JACKPOT


@dataclass(frozen=True, kw_only=True, slots=True)
class RwrConfig:
    """Samples weigh exp(reward / temperature), and 1 on average of a batch.

    A departure: in the original they weigh their reward less the mean, over the spread, so that
    half of all samples are unlearned, however good.
    """

    temperature: float = 0.5

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"rwr.temperature must be above 0, got {self.temperature}")


@dataclass(frozen=True, kw_only=True, slots=True)
class PpoConfig:
    """The sampler with noise, and how far its steps may become likelier on one batch.

    `marginal` bends the velocity back by what the noise spreads, so that samples stay what they are
    without (Flow-GRPO). As run the velocity itself is noisy and nothing makes up for it.
    """

    path: Literal["marginal", "velocity as run"] = "marginal"
    noise: float = 0.7  # documented 1, falling to .1; Flow-GRPO .7
    clip: float = 0.2  # how far the ratio of likelihoods counts
    updates: int = 2  # optimizer steps on a batch; documented 4 times each of the sampler's steps
    steps_per_update: int = 4  # of the sampler's, others in each, as far as there are any left

    def __post_init__(self) -> None:
        if not (self.noise > 0 and self.clip > 0 and min(self.updates, self.steps_per_update) > 0):
            raise ValueError(
                "ppo: noise, clip, updates and steps_per_update must be above 0, got "
                f"{self.noise}, {self.clip}, {self.updates} and {self.steps_per_update}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneConfig:
    """One run; a grid may override any field, nested ones by dotted names."""

    seed: int = 0
    steps: int = 60  # batches that are tuned on; without a method none
    steps_per_report: int = 20
    data: str = ""  # folder written by `ablate data ruby`; empty for generated programs
    control: Control = ""  # graphs that no model made; such a run needs no stem
    stem: StemConfig = StemConfig()
    tune: MethodConfig = MethodConfig()
    structural: StructuralConfig = StructuralConfig()
    rwr: RwrConfig = RwrConfig()
    ppo: PpoConfig = PpoConfig()
    reward: RewardConfig = RewardConfig()
    sample: SampleConfig = SampleConfig()
    decode: DecodeConfig = DecodeConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @property
    def graph(self) -> GraphConfig:
        """The stem as a run of its own, with what reads its samples."""
        stem = {name.name: getattr(self.stem, name.name) for name in fields(StemConfig)}
        beside = {
            "control": self.control,
            "sample": self.sample,
            "decode": self.decode,
            "evaluation": self.evaluation,
        }
        return GraphConfig(seed=self.seed, data=self.data, **stem, **beside)

    @property
    def stem_key(self) -> dict[str, Any]:
        """All that the stem's training depends on, beside the data."""
        blind = self.sample.feed == "zeros"  # the one thing of the sampler that training knows
        return {"run": "graph", "seed": self.seed, "blind": blind, **asdict(self.stem)}

    def __post_init__(self) -> None:
        refuse_unlisted(self)
        refuse_numbers(self, LIMITS)
        graph = self.graph
        if not self.tune.method:
            return
        if graph.state != "continuous" or graph.loss.index != "ce":
            raise ValueError(
                f"tune.method {self.tune.method!r}: must have stem.state 'continuous' and "
                f"stem.loss.index 'ce', got {graph.state!r} and {graph.loss.index!r}"
            )
        most = {"structural": self.tune.grad_steps, "ppo": self.ppo.updates}
        if most.get(self.tune.method, 0) > self.sample.steps:
            raise ValueError(
                f"tune.grad_steps and ppo.updates must be at most sample.steps {self.sample.steps},"
                f" got {most[self.tune.method]}"
            )
