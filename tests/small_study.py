"""A study whose config is small and whose run is never built."""

from dataclasses import dataclass, field

from infra.study.study import Study
from search_spaces.space import Arms


@dataclass(frozen=True, kw_only=True)
class Head:
    outputs: int = 8


@dataclass(frozen=True, kw_only=True)
class Config:
    seed: int = 0
    steps: int = 10
    steps_per_report: int = 5
    rate: float = 0.1
    head: Head = field(default_factory=Head)

    def __post_init__(self):
        if self.rate <= 0:
            raise ValueError(f"rate must be above 0, got {self.rate}")


def study(**changes):
    settings = {
        "name": "s", "question": "?", "run": lambda cfg: None, "base": Config(), "seeds": (0, 1),
        "space": Arms(source="x@1", overrides={"a": {}, "b": {"rate": 0.2}}),
        "metric": "val/x", "mode": "min", "baseline": "a",
    }  # fmt: skip
    return Study(**{**settings, **changes})


def arms(**overrides):
    return Arms(source="x@1", overrides=overrides)
