"""A trained network that is only read: all arms of a seed have the same stem and sample it apart.

The stem is a `PortraitRun` to its end, with its averages. It is trained under its own config, and
read under the arm's `sample`, `evaluation` and `conditions`. Nothing is trained after it: the run
is over at step 0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from trainables.checks import refuse_unlisted
from trainables.portrait.config import (
    ConditionsConfig,
    Control,
    DropConfig,
    EmaConfig,
    EvaluationConfig,
    Fp8Config,
    ModelConfig,
    MuonConfig,
    OptimConfig,
    PartsConfig,
    PortraitConfig,
    PortraitsConfig,
    RepaConfig,
    SampleConfig,
    TargetConfig,
    TimeConfig,
    TreadConfig,
)
from trainables.portrait.evaluation import together
from trainables.portrait.portrait import PortraitRun
from trainables.stem import stem


@dataclass(frozen=True, kw_only=True, slots=True)
class StemConfig:
    """The network that is read: a `PortraitRun` of the same seed and data, to its end."""

    steps: int = 400
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
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


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadConditionsConfig:
    """How conditions are masked in reading, whatever they were in the stem's training."""

    null_mask: Literal["ones", "as run"] = "ones"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadConfig:
    """One reading; a grid may override any field, nested ones by dotted names."""

    seed: int = 0
    steps_per_report: int = 1  # never needed, since nothing is trained
    data: str = ""  # folder written by `ablate data portraits`; empty for drawn portraits
    control: Control = ""  # images that no model made; such a run needs no stem
    stem: StemConfig = StemConfig()
    conditions: ReadConditionsConfig = ReadConditionsConfig()
    sample: SampleConfig = SampleConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def __post_init__(self) -> None:
        refuse_unlisted(self)
        _ = self.read  # refuses what cannot be run

    @property
    def trained(self) -> PortraitConfig:
        """The stem as a run of its own."""
        kept = {field.name: getattr(self.stem, field.name) for field in fields(StemConfig)}
        return PortraitConfig(seed=self.seed, data=self.data, **kept)

    @property
    def read(self) -> PortraitConfig:
        """The same as the arm reads it."""
        trained = self.trained
        return replace(
            trained,
            control=self.control,
            conditions=replace(trained.conditions, null_mask=self.conditions.null_mask),
            sample=self.sample,
            evaluation=self.evaluation,
        )

    @property
    def stem_key(self) -> dict[str, Any]:
        """All that the stem's training depends on, beside the data."""
        return {"run": "portrait", "seed": self.seed, **asdict(self.stem)}


class ReadRun:
    """Reads one stem, trained here or had from another cell when it is first needed."""

    def __init__(self, cfg: ReadConfig):
        self.cfg = cfg
        self.step = 0
        self.run = PortraitRun(cfg.read)
        self.device = self.run.device
        self._has_stem = bool(cfg.control)  # which needs none
        self._stem_metrics: dict[str, float] = {}

    def done(self) -> bool:
        """Always: nothing is trained here."""
        return True

    def advance(self, steps: int) -> dict[str, float]:
        """Refused.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(f"read run: must be read alone, got {steps} steps to train")

    def evaluate(self) -> dict[str, float]:
        """What the stem's images are worth as the config draws them, all at once."""
        self._begin()
        with torch.no_grad():
            values = self.run.evaluation.scores(done=True)
            return values | together(self._stem_metrics, self.run.evaluation.stems())

    def pictures(self) -> dict[str, bytes]:
        """PNG images by name: a few held-out portraits and what is drawn for them."""
        self._begin()
        with torch.no_grad():
            return self.run.evaluation.pictures(done=True)

    def examples(self, split: str) -> Iterator[UInt8[Tensor, "B 3 H W"]]:
        """The pictures of a split: "train" or "evaluation"."""
        return self.run.examples(split)

    def state_dict(self) -> dict[str, Any]:
        """The stem's weights and averages."""
        self._begin()
        return {"step": self.step, **_kept(self.run)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Read what `state` holds; no stem is trained."""
        self._load(state)

    def _begin(self) -> None:
        """Has the stem, by training it where nobody has."""
        if not self._has_stem:
            found = stem(self.cfg.stem_key, self._trained, self.cfg.data)
            self._stem_metrics = found.metrics
            self._load(found.state)

    def _load(self, state: Mapping[str, Any]) -> None:
        self.run.network.load_state_dict(state["model"])
        self.run.averages.load_state_dict(state["averages"])
        self.run.evaluation.forget()
        self._has_stem = True

    def _trained(self) -> dict[str, Any]:
        run = PortraitRun(self.cfg.trained)
        while not run.done():
            run.advance(run.cfg.steps)
        return _kept(run)


def _kept(run: PortraitRun) -> dict[str, Any]:
    return {"model": run.network.state_dict(), "averages": run.averages.state_dict()}
