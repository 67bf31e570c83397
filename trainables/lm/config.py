"""Every knob of one language-model run; defaults are the plain baseline at laptop size.

A component is off where its switch is 0 or False: `universal.iterations`, `diffusion.weight`,
`adapters.enabled`, `jepa.weight`, `ssm.ratio`, `hnet.layers`, `leaky.enabled`. `as_run` builds a
component as its published script did, defects included; otherwise it is what its name promises.
"""

from dataclasses import dataclass
from typing import Literal

from trainables.lm.optim import OptimConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneConfig:
    """The decoder-only transformer; documented are 9 layers of width 512, 8 heads, 4 of KV."""

    layers: int = 9
    width: int = 64
    depth_factor: float = 1.0  # what layers and width are multiplied with, rounded to what fits
    width_factor: float = 1.0
    heads: int = 4
    kv_heads: int = 2
    mlp_factor: int = 2  # hidden width over width
    rope_base: float = 10000.0
    logit_cap: float = 30.0
    embedding_std: float = 0.005

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads or self.width % (2 * self.heads):
            raise ValueError(
                "backbone.heads must be a multiple of kv_heads and width of twice heads, got "
                f"heads {self.heads}, kv_heads {self.kv_heads}, width {self.width}"
            )

    @property
    def depth(self) -> int:
        """Layers that there really are."""
        return round(self.layers * self.depth_factor)

    @property
    def dim(self) -> int:
        """The width that it really has, a multiple of twice the heads."""
        return 2 * self.heads * round(self.width * self.width_factor / (2 * self.heads))


@dataclass(frozen=True, kw_only=True, slots=True)
class LeakyConfig:
    """LeakyReLU squared with a learned scale and bias per hidden unit, in place of ReLU squared."""

    enabled: bool = False
    slope: float = 0.75


@dataclass(frozen=True, kw_only=True, slots=True)
class UniversalConfig:
    """One block that is applied again and again, in place of the layers; 0 iterations is off."""

    iterations: int = 0
    as_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SsmConfig:
    """Layers of a selective state space among those of attention.

    Layer i is of attention where i mod (ratio + 1) is ratio, so 0 is attention alone.
    """

    ratio: int = 0
    states: int = 16
    expand: int = 2  # inner width over width
    as_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffusionConfig:
    """A share of the loss is that of masked tokens, predicted from both sides."""

    weight: float = 0.0  # of the masked loss; the causal one has the rest
    min_ratio: float = 0.1  # of masked positions
    max_ratio: float = 1.0
    as_run: bool = False  # the masked pass is made even at weight 0

    @property
    def enabled(self) -> bool:
        """Whether there is a masked pass."""
        return self.as_run or self.weight > 0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1 or not 0 < self.min_ratio <= self.max_ratio <= 1:
            raise ValueError(
                "diffusion.weight must be in [0, 1] and 0 < min_ratio <= max_ratio <= 1, got "
                f"{self.weight}, {self.min_ratio} and {self.max_ratio}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class AdaptersConfig:
    """Frozen random maps with a learned scale and shift per output, in place of all matrices."""

    enabled: bool = False
    rank: int = 0  # of a trained low-rank term (as run: of the frozen map itself; 0 is full)
    unfrozen_fraction: float = 0.0  # of each matrix's rows that train
    progressive: bool = False  # whether these rows join one by one over the run
    as_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class JepaConfig:
    """A second loss: hidden states are predicted from earlier ones.

    As meant the target is an exponential average's state `offset` tokens on, both normalised. As
    run it is the mean state of the window's last quarter, from the same weights and unnormalised.
    """

    weight: float = 0.0
    warmup_fraction: float = 0.0  # of the run without this loss; documented 100 of 200 steps
    offset: int = 8
    teacher_momentum: float = 0.99
    as_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class HnetConfig:
    """Layers before and after a main stack that sees chunks; 0 layers is off.

    As run nothing is chunked: there are `layers` smears of the previous token with a linear map,
    and the other two fields are stored and not used.
    """

    layers: int = 0
    chunk_tokens: float = 3.0  # tokens to a chunk that the ratio loss aims at
    ratio_weight: float = 0.03
    as_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TextConfig:
    """What is read where `data` names no folder: this machine's Python library, tokenised."""

    vocab: int = 1024
    validation_fraction: float = 0.1
    most_files: int = 0  # of the library; 0 is all


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """How much of the validation text is scored, in windows spread over it; 0 is all."""

    tokens: int = 16384
    batch: int = 16  # windows at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class LmConfig:
    """One run; a grid may override any field, nested ones by dotted names."""

    seed: int = 0
    steps: int = 200  # optimizer steps, as documented
    steps_per_report: int = 40
    data: str = ""  # folder written by `ablate data text`; empty for the machine's own text
    precision: Literal["fp32", "bf16"] = "fp32"
    sequence: int = 128  # tokens of a window
    backbone: BackboneConfig = BackboneConfig()
    leaky: LeakyConfig = LeakyConfig()
    universal: UniversalConfig = UniversalConfig()
    ssm: SsmConfig = SsmConfig()
    diffusion: DiffusionConfig = DiffusionConfig()
    adapters: AdaptersConfig = AdaptersConfig()
    jepa: JepaConfig = JepaConfig()
    hnet: HnetConfig = HnetConfig()
    optim: OptimConfig = OptimConfig()
    text: TextConfig = TextConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one optimizer step."""
        return self.optim.batch * self.optim.accumulation * self.sequence

    def __post_init__(self) -> None:
        counts = {
            "steps": self.steps,
            "steps_per_report": self.steps_per_report,
            "sequence": self.sequence,
            "backbone.layers": self.backbone.depth,
            "backbone.width": self.backbone.dim,
            "optim.batch": self.optim.batch,
            "optim.accumulation": self.optim.accumulation,
            "evaluation.batch": self.evaluation.batch,
        }
        for name, count in counts.items():
            if count < 1:
                raise ValueError(f"{name} must be at least 1, got {count}")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be 'fp32' or 'bf16', got {self.precision!r}")
        if 2 * self.hnet.layers >= self.backbone.depth and not self.hnet.as_run:
            raise ValueError(
                f"hnet.layers {self.hnet.layers} on either side must leave a main stack of "
                f"backbone.layers {self.backbone.layers}; raise these or lower those"
            )
