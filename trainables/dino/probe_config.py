"""Every knob of a linear probe; the backbone that it probes has a `DinoConfig` inside.

Not documented and chosen here: SGD's momentum .9 and cosine, as in Caron et al., arXiv 2104.14294;
batches of 64; the learning rates.
"""

from dataclasses import dataclass

from trainables.ct.nodules import NodulesConfig
from trainables.dino.config import DinoConfig
from trainables.dino.probe_features import FeaturesConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class FitConfig:
    """How the linear layers are trained, one for each learning rate."""

    epochs: int = 100
    batch: int = 64  # nodules
    lrs: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    momentum: float = 0.9

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch) < 1 or not self.lrs or min(self.lrs) <= 0:
            raise ValueError(
                "fit: epochs and batch must be at least 1, lrs at least one and all above 0, got "
                f"{self.epochs}, {self.batch} and {self.lrs}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeConfig:
    """One pretraining and its probe; `seed` and `data` hold for both."""

    seed: int = 0
    steps_per_report: int = 40
    data: str = ""  # folder written by `ablate data ct`, with a nodules.csv; empty for the phantom
    pretrained: bool = True  # False probes the backbone as it was initialised
    dino: DinoConfig = DinoConfig()
    nodules: NodulesConfig = NodulesConfig()
    features: FeaturesConfig = FeaturesConfig()
    fit: FitConfig = FitConfig()
    shape_nodules: int = 256  # of the validation series, whose features' shape is reported

    def __post_init__(self) -> None:
        if self.dino.seed or self.dino.data:
            raise ValueError(
                "dino.seed and dino.data must be left alone, since seed and data hold for the "
                f"pretraining too, got {self.dino.seed} and {self.dino.data!r}"
            )

    @property
    def pretrain_steps(self) -> int:
        """P, the steps before the probe's first epoch."""
        return self.dino.steps if self.pretrained else 0

    @property
    def steps(self) -> int:
        """Steps of the whole run: of pretraining, then epochs of the probe."""
        return self.pretrain_steps + self.fit.epochs
