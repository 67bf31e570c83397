"""Every knob of one run on CT slices; defaults are the documented DINO recipe at laptop size.

A micro-batch is what goes through the network at once; an optimizer step is `optim.accumulation` of
them. As documented, the schedule of the learning rate and the center count micro-batches, while the
teacher and the step of the run count optimizer steps.
"""

from dataclasses import dataclass
from math import cos, pi
from typing import Literal

from trainables.ct.phantom import PhantomConfig
from trainables.ct.views import ViewsConfig
from trainables.dino.mae import MaeConfig
from trainables.vit import VIT_LAB, ViTConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadConfig:
    """The head: two linear layers with GELU between, no normalisation."""

    out_dim: int = 1024  # K prototypes; ln K is the entropy wall


@dataclass(frozen=True, kw_only=True, slots=True)
class LossConfig:
    """Weights of the terms (0 switches a term off) and temperatures of the softmaxes."""

    dino_weight: float = 1.0
    gram_weight: float = 1.0
    koleo_weight: float = 0.1
    simclr_weight: float = 0.0
    mae_weight: float = 0.0
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    simclr_temperature: float = 0.1

    def __post_init__(self) -> None:
        names = ("dino_weight", "gram_weight", "koleo_weight", "simclr_weight", "mae_weight")
        weights = {name: getattr(self, name) for name in names}
        if min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError(
                f"loss weights must be at least 0 and one of them above, got {weights}"
            )
        names = ("student_temperature", "teacher_temperature", "simclr_temperature")
        temperatures = {name: getattr(self, name) for name in names}
        if min(temperatures.values()) <= 0:
            raise ValueError(f"loss temperatures must be above 0, got {temperatures}")

    @property
    def asks_teacher(self) -> bool:
        """Whether a term needs the teacher's outputs."""
        return self.dino_weight > 0 or self.gram_weight > 0

    @property
    def compares_views(self) -> bool:
        """Whether a term needs whole views: all but masked autoencoding."""
        return self.asks_teacher or self.koleo_weight > 0 or self.simclr_weight > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CenterConfig:
    """The running mean of the teacher's outputs, which is subtracted from them.

    It stays at zero where no term asks the teacher.

    A run shorter than the documented one sees fewer updates. With `reference_steps` above 0 the
    momentum is changed so that micro-batches x (1 - momentum) is what it would be in a run of that
    many: the center then forgets its start to the same degree. It starts at zero, as documented, or
    at the mean output of the untrained teacher on the first micro-batch.
    """

    momentum: float = 0.9
    reference_steps: int = 0
    start: Literal["zero", "teacher"] = "zero"

    def __post_init__(self) -> None:
        if self.start not in ("zero", "teacher"):
            raise ValueError(f"center.start must be 'zero' or 'teacher', got {self.start!r}")

    def effective_momentum(self, micro_steps: int) -> float:
        """The momentum in a run of that many micro-batches."""
        if not self.reference_steps:
            return self.momentum
        return 1 - (1 - self.momentum) * self.reference_steps / micro_steps


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherConfig:
    """The teacher is the student's exponential moving average, moved once per optimizer step."""

    momentum: float = 0.996


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """AdamW; linear warm-up and cosine, counted in micro-batches; gradients are not clipped."""

    batch: int = 32  # slices of one micro-batch; two views of each
    accumulation: int = 1
    lr: float = 2e-4
    lr_min: float = 1e-6
    warmup_fraction: float = 0.1  # of the run; documented 200 of 2,000
    weight_decay: float = 0.04

    @property
    def examples_per_step(self) -> int:
        """Slices of one optimizer step."""
        return self.batch * self.accumulation

    def lr_at(self, micro_step: int, micro_steps: int) -> float:
        """Learning rate of one micro-batch of a run of so many."""
        warmup = self.warmup_fraction * micro_steps
        if micro_step < warmup:
            return self.lr * min(1.0, (micro_step + 1) / warmup)
        share = (micro_step - warmup) / max(1.0, micro_steps - warmup)
        return self.lr_min + (self.lr - self.lr_min) * (1 + cos(pi * share)) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """How much of the validation split is looked at; two views of each slice."""

    slices: int = 256  # N of the retrieval; all of them where the split has fewer
    batch: int = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class DinoConfig:
    """One run on lung CT; a grid may override any field, nested ones by dotted names."""

    seed: int = 0
    steps: int = 600  # optimizer steps
    steps_per_report: int = 40
    data: str = ""  # folder written by `ablate data ct`; empty for the phantom
    precision: Literal["fp32", "bf16"] = "fp32"
    vit: ViTConfig = VIT_LAB
    head: HeadConfig = HeadConfig()
    loss: LossConfig = LossConfig()
    center: CenterConfig = CenterConfig()
    teacher: TeacherConfig = TeacherConfig()
    optim: OptimConfig = OptimConfig()
    views: ViewsConfig = ViewsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    phantom: PhantomConfig = PhantomConfig()
    mae: MaeConfig = MaeConfig()

    def __post_init__(self) -> None:
        counts = {
            "steps": self.steps,
            "steps_per_report": self.steps_per_report,
            "head.out_dim": self.head.out_dim,
            "optim.batch": self.optim.batch,
            "optim.accumulation": self.optim.accumulation,
            "evaluation.slices": self.evaluation.slices - 1,
            "evaluation.batch": self.evaluation.batch,
        }
        for name, count in counts.items():
            if count < 1:
                low = 2 if name == "evaluation.slices" else 1
                raise ValueError(f"{name} must be at least {low}, got {count + low - 1}")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be 'fp32' or 'bf16', got {self.precision!r}")
        if self.loss.mae_weight:
            self.mae.visible(self.vit.patches)
        if self.views.blur_fraction and self.views.blur_kernel_px > 2 * self.vit.image_px - 1:
            raise ValueError(
                f"views.blur_kernel_px {self.views.blur_kernel_px} must reach no further than "
                f"vit.image_px {self.vit.image_px}; make it at most {2 * self.vit.image_px - 1}"
            )
        if not 0 <= self.teacher.momentum <= 1:
            raise ValueError(f"teacher.momentum must be in [0, 1], got {self.teacher.momentum}")
        if not 0 <= (momentum := self.center_momentum) < 1:
            raise ValueError(
                f"center.momentum {self.center.momentum} with center.reference_steps "
                f"{self.center.reference_steps} must give a momentum in [0, 1), got {momentum:.4g} "
                f"over {self.micro_steps} micro-batches; raise steps or lower reference_steps"
            )

    @property
    def micro_steps(self) -> int:
        """Micro-batches of the whole run."""
        return self.steps * self.optim.accumulation

    @property
    def center_momentum(self) -> float:
        """The momentum that the center really has where it moves."""
        return self.center.effective_momentum(self.micro_steps)
