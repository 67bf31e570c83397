"""Every knob of one run on portraits; defaults are the documented base arm, healed, at laptop size.

Documented is NanoDiT of timlawrenz/prx-tg@bc10412. What it did and why that is a defect is told at
the value that is named "as run"; no such value is a default. A field that only the evaluation reads
is in `sample` or `evaluation`, and so are the averages of weights in `ema`.
"""

from dataclasses import dataclass
from typing import Literal

from trainables.checks import refuse_numbers, refuse_types, refuse_unlisted

Control = Literal["", "mean", "noise", "another", "blur", "shift"]
Sampler = Literal["none", "dual", "self"]
Average = Literal["as run", "short", "middle", "long", "power"]
ALL = -1  # of `target.rank`: every dimension of a patch
LIMITS = {
    "at least 1": "steps steps_per_report portraits.size portraits.train portraits.held_out "
    "portraits.images_per_identity "
    "optim.batch optim.accumulation muon.ns_steps sample.steps evaluation.images "
    "evaluation.images_between",
    "above 0": "optim.lr optim.clip time.scale model.mlp_ratio",
    "at least 0": "optim.min_lr optim.weight_decay repa.weight parts.face parts.background "
    "parts.other model.adaln_rank evaluation.edits",
    "finite": "optim.lr optim.weight_decay time.loc time.scale model.mlp_ratio repa.weight "
    "parts.face parts.background parts.other sample.text sample.features sample.scale",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PortraitsConfig:
    """The portraits: drawn by a procedure, or with the run's `data` those of a folder.

    Drawn ones are the same for every seed of a run. `range` is what a pixel's 0 and 1 become:
    documented arms had 0 and 1, which is offset and half as large as noise expects; "half" is
    without the offset and as small, so that the two can be told apart. A flip that is "naive"
    leaves the joints and the caption where they were; "remapped" carries them along.
    """

    size: int = 32  # pixels of a side; documented 1024
    train: int = 4096
    held_out: int = 512
    images_per_identity: int = 4
    range: Literal["signed", "unit as run", "half"] = "signed"
    flip: Literal["none", "naive", "remapped"] = "none"
    teacher: str = ""  # file of weights of a network that gives features; empty trains a small one


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """The network; documented are hidden 768, depth 18, 12 heads, patches of 16.

    `adaln` is the modulation of the blocks: a projection each, or one for all with a low-rank term
    each (`adaln_rank`, 0 for none). Documented is a start at zero that a later initialisation of
    all weights overwrote ("xavier as run").
    """

    hidden: int = 96
    depth: int = 6
    heads: int = 4
    patch: int = 4
    mlp_ratio: float = 4.0
    adaln: Literal["per_block", "shared"] = "per_block"
    adaln_rank: int = 0
    adaln_init: Literal["zero", "xavier as run"] = "zero"
    checkpoint: bool = False  # whether activations of a block are computed again in the backward

    def __post_init__(self) -> None:
        refuse_types(self, "model.")
        if min(self.hidden, self.depth, self.heads, self.patch) < 1 or self.hidden % self.heads:
            raise ValueError(
                "model: hidden must be a multiple of heads and all counts at least 1, got hidden "
                f"{self.hidden}, depth {self.depth}, heads {self.heads}, patch {self.patch}"
            )
        if self.hidden * self.mlp_ratio < 1:
            raise ValueError(
                f"model.mlp_ratio must leave a number of hidden {self.hidden}, got {self.mlp_ratio}"
            )
        if self.hidden % 4:
            raise ValueError(
                f"model.hidden must be a multiple of 4 for the position code, got {self.hidden}"
            )
        if self.adaln_rank and self.adaln != "shared":
            raise ValueError(
                "model.adaln_rank needs model.adaln 'shared', which it adds to, got "
                f"{self.adaln_rank} with {self.adaln!r}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetConfig:
    """What the network predicts: the part of the noise that lies in `rank` dimensions, less x0.

    Rank 0 is the clean image, every dimension of a patch (-1) is the velocity, and between them
    AsymFlow (arXiv 2605.12964). Its public branch of this system trained to the low-rank target and
    sampled as if it were the velocity ("as run"); documented arms have rank 0.
    """

    rank: int = 0
    basis: Literal["pca", "first", "random", "dct"] = "pca"
    t_min: float = 0.05  # below which the time that divides is cut, in training
    as_run: bool = False

    def __post_init__(self) -> None:
        refuse_types(self, "target.")
        if self.rank < ALL:
            raise ValueError(f"target.rank must be 0 or more, or -1 for all, got {self.rank}")
        if not 0 < self.t_min < 1:
            raise ValueError(f"target.t_min must be in (0, 1), got {self.t_min}")
        if self.as_run and self.rank == 0:
            raise ValueError("target.as_run needs a target.rank other than 0, got 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeConfig:
    """The time of a training example: the sigmoid of a normal draw; 1 is noise, 0 the image.

    As run the two numbers were in the config and reached nothing.
    """

    loc: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """AdamW for all, or Muon for the matrices that `muon.scope` names and AdamW for the rest.

    A linear warm-up, then a cosine to `min_lr`; documented were 3e-4, 256 portraits a step one at a
    time, and a warm-up of a tenth.
    """

    name: Literal["adamw", "muon"] = "adamw"
    lr: float = 1e-3
    min_lr: float = 1e-6
    warmup: float = 0.1  # of the steps
    weight_decay: float = 0.03
    clip: float = 1.0
    batch: int = 8  # portraits of one micro-batch
    accumulation: int = 1

    def __post_init__(self) -> None:
        refuse_types(self, "optim.")
        if not 0 <= self.warmup <= 1:
            raise ValueError(f"optim.warmup must be in [0, 1] of the steps, got {self.warmup}")
        if self.min_lr > self.lr:
            raise ValueError(f"optim.min_lr must be at most lr {self.lr}, got {self.min_lr}")

    @property
    def examples_per_step(self) -> int:
        """Portraits of one optimizer step."""
        return self.batch * self.accumulation


@dataclass(frozen=True, kw_only=True, slots=True)
class MuonConfig:
    """Momentum, orthogonalised; updates as large as AdamW's (x .2 sqrt(the longer side)).

    As run every parameter of two dimensions takes it, tables of tokens and projections of
    conditions too; Muon's author advises the matrices within blocks alone.
    """

    momentum: float = 0.95
    nesterov: bool = True
    ns_steps: int = 5
    scope: Literal["hidden", "ndim2 as run"] = "hidden"

    def __post_init__(self) -> None:
        refuse_types(self, "muon.")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"muon.momentum must be in [0, 1), got {self.momentum}")


@dataclass(frozen=True, kw_only=True, slots=True)
class EmaConfig:
    """Averages of the weights that a run keeps beside them, each judged as `val/x@ema NAME`.

    Their memory is a share of the run, that of the document's 5,000 steps: `short`, `middle` and
    `long` are .99, .999 and .9999 there over what the steps left, from the first on (of `long` 8 %
    are then weights from within the warm-up), `as run` is .9999 behind a ramp over the warm-up (at
    the end 64 % of it are weights from within the ramp), `power` is .9999 behind
    (1 + s) / (10 + s). Without one the raw weights alone are judged.
    """

    kept: tuple[Average, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DropConfig:
    """How often a training portrait loses conditions; one of these falls on it at most.

    The names say what goes; "only" says what alone stays, documented as run.
    """

    all: float = 0.10
    only_text: float = 0.25
    only_whole: float = 0.05
    only_patches: float = 0.05
    pose: float = 0.10
    only_pose: float = 0.05

    def __post_init__(self) -> None:
        refuse_types(self, "drop.")
        shares = (
            self.all,
            self.only_text,
            self.only_whole,
            self.only_patches,
            self.pose,
            self.only_pose,
        )
        if min(shares) < 0 or not sum(shares) <= 1 + 1e-9:  # nan is not either
            raise ValueError(f"drop: shares must be at least 0 and sum to 1 at most, got {shares}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionsConfig:
    """The conditions that the network has.

    As run a dropped caption keeps its mask, so that its length shows. Patches may be pooled 2 x 2
    or left out.
    """

    null_mask: Literal["ones", "as run"] = "ones"
    patches: Literal["full", "pooled", "none"] = "full"
    pose: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class TreadConfig:
    """TREAD (arXiv 2501.04765): a share of the tokens goes around the blocks `start` to `end`.

    In training, and in the weak pass of self-guidance. An `end` below 0 counts from the depth, as
    in a list. One draw for the batch, documented, or one for each portrait.
    """

    rate: float = 0.0
    start: int = 1
    end: int = -2  # inclusive
    draw: Literal["shared", "per_sample"] = "shared"

    def last(self, depth: int) -> int:
        """The last routed block of so many."""
        return self.end + depth if self.end < 0 else self.end

    def __post_init__(self) -> None:
        refuse_types(self, "tread.")
        if not 0 <= self.rate < 1:
            raise ValueError(f"tread.rate must be in [0, 1), got {self.rate}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RepaConfig:
    """REPA (arXiv 2410.06940): states of a block are turned to the teacher's features of a patch.

    `on_dropped` asks it also of portraits whose patches the network does not see; when it sees them
    it can read the target. "shuffled" are another portrait's features, "pixels" a random projection
    of the patch. The weight goes to 0 linearly from the first to the second share of the run.
    """

    weight: float = 0.0
    block: int = -1  # after which it is taken; -1 is the middle
    decay: tuple[float, float] = (1.0, 1.0)
    on_dropped: bool = True
    teacher: Literal["features", "shuffled", "pixels"] = "features"

    def __post_init__(self) -> None:
        refuse_types(self, "repa.")
        if len(self.decay) != 2 or not 0 <= self.decay[0] <= self.decay[1] <= 1:
            raise ValueError(f"repa.decay must be two rising shares in [0, 1], got {self.decay}")


@dataclass(frozen=True, kw_only=True, slots=True)
class PartsConfig:
    """What an error counts by where it is; documented for arm E were 2, .5 and 1."""

    face: float = 1.0
    background: float = 1.0
    other: float = 1.0
    normalise: bool = True  # to a mean of 1 in each portrait

    def __post_init__(self) -> None:
        refuse_types(self, "parts.")
        if max(self.face, self.background, self.other) == 0:
            raise ValueError("parts: one weight must be above 0 at least, got 0 for all")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fp8Config:
    """Products in 8 bits by torchao (dynamic, tensorwise unless told otherwise).

    "attention_mlp" converts what lies within blocks and REPA's projection, "all" every linear layer
    that can be. Where the device has no 8-bit units, `emulate` computes what they would.
    """

    layers: Literal["none", "attention_mlp", "all"] = "none"
    recipe: Literal["tensorwise", "rowwise", "rowwise_with_gw_hp"] = "tensorwise"
    emulate: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleConfig:
    """Euler steps from noise to an image.

    "dual" adds what text and features change of an unconditional pass, each times a scale; "self"
    goes beyond a pass that is routed by TREAD; "none" has one pass. As run `t_min` was that of
    training, .05, so that the last step falls short.
    """

    sampler: Sampler = "none"
    text: float = 3.0
    features: float = 2.5
    scale: float = 3.0  # of self-guidance
    steps: int = 20  # documented 35
    t_min: float = 0.0

    def __post_init__(self) -> None:
        refuse_types(self, "sample.")
        if not 0 <= self.t_min < 1:
            raise ValueError(f"sample.t_min must be in [0, 1), got {self.t_min}")


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """How much is sampled: at the end, and between."""

    images: int = 64
    images_between: int = 32
    pose: Literal["present", "null", "absent as run"] = "present"
    edits: int = 32  # captions that are edited; those that no pair of words is in are not counted
    from_text: bool = True  # whether images are drawn from captions alone too
    samplers: bool = False  # whether the end is told for every sampler too
    lpips: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class PortraitConfig:
    """One run; a grid may override any field, nested ones by dotted names."""

    seed: int = 0
    steps: int = 400  # optimizer steps; documented 5,000
    steps_per_report: int = 100
    data: str = ""  # folder written by `ablate data portraits`; empty for drawn portraits
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    control: Control = ""  # images that no model made; such a run trains nothing
    portraits: PortraitsConfig = PortraitsConfig()
    model: ModelConfig = ModelConfig()
    target: TargetConfig = TargetConfig()
    time: TimeConfig = TimeConfig()
    optim: OptimConfig = OptimConfig()
    muon: MuonConfig = MuonConfig()
    ema: EmaConfig = EmaConfig()
    drop: DropConfig = DropConfig()
    conditions: ConditionsConfig = ConditionsConfig()
    tread: TreadConfig = TreadConfig()
    repa: RepaConfig = RepaConfig()
    parts: PartsConfig = PartsConfig()
    fp8: Fp8Config = Fp8Config()
    sample: SampleConfig = SampleConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def __post_init__(self) -> None:
        refuse_types(self)
        refuse_numbers(self, LIMITS)
        refuse_unlisted(self)
        if self.portraits.size % self.model.patch:
            raise ValueError(
                f"portraits.size must be a multiple of model.patch {self.model.patch}, got "
                f"{self.portraits.size}"
            )
        if self.target.rank > self.patch_dim:
            raise ValueError(
                f"target.rank must be at most the {self.patch_dim} dimensions of a patch, got "
                f"{self.target.rank}"
            )
        self._refuse_routes()

    def _refuse_routes(self) -> None:
        start, last, depth = self.tread.start, self.tread.last(self.model.depth), self.model.depth
        if self.tread.rate and not 0 < start <= last < depth - 1:
            raise ValueError(
                "tread: must have 0 < start <= end < depth - 1, so that the first and the last "
                f"block see all tokens, got start {start}, end {last}, depth {depth}"
            )
        if not -1 <= self.repa.block < depth:
            raise ValueError(
                f"repa.block must be below model.depth {depth}, or -1 for the middle, got "
                f"{self.repa.block}"
            )
        if self.sample.sampler == "self" and not self.tread.rate:
            raise ValueError(
                "sample.sampler 'self' needs tread.rate above 0, since its weak pass is a routed "
                "one, got 0; take 'dual' or 'none'"
            )

    @property
    def patch_dim(self) -> int:
        """Numbers of a patch."""
        return 3 * self.model.patch**2

    @property
    def repa_block(self) -> int:
        """After which block features are asked for."""
        return self.model.depth // 2 if self.repa.block < 0 else self.repa.block
