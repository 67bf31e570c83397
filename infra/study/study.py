"""What a study is, and what it asks of the run that trains one cell.

A study is one question: a trainable, a base config, a space of arms, seeds, the metric that answers
it. Everything is checked on construction, so a misspelt field fails on import and not on a cluster.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol

from infra.study.kinds import check_kinds
from infra.study.quantities import QUANTITIES
from infra.study.sampling import SampledSpace, drawn_arms
from infra.words import choices

DEFAULT_SCALE = "lab"


class Run(Protocol):
    """The live object that trains one cell; built from its config, which holds the seed.

    It may besides offer `examples(split)`, see `infra.preflight.leaks`, and `pictures()`, see
    `infra.cell.pictured`.
    """

    @property
    def step(self) -> int:
        """Optimizer steps done; every schedule and every draw is a function of it."""
        ...

    def advance(self, steps: int) -> Mapping[str, float]:
        """Train that many steps (fewer at the end) and give back training metrics."""
        ...

    def evaluate(self) -> Mapping[str, float]:
        """Metrics on held-out data; callable at any step, also 0; changes no state."""
        ...

    def done(self) -> bool:
        """Whether the step budget is spent."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything to resume from, with "step" and "model"; tensors and Python numbers only."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        ...


class Space(Protocol):
    """A documented set of arms."""

    @property
    def source(self) -> str:
        """Repository at commit, file and section."""
        ...

    def arms(self, scale: str) -> dict[str, dict[str, Any]]:
        """Arm name to overrides of the base config at that scale."""
        ...


class Finding(Protocol):
    """A documented claim; `holds` takes a seed view and is None where it cannot be tested."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def tag(self) -> str: ...  # noqa: D102
    @property
    def statement(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def documented(self) -> str: ...  # noqa: D102
    @property
    def other_data(self) -> str: ...  # noqa: D102
    @property
    def scales(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def holds(self) -> Callable[[Any], bool | float] | None: ...  # noqa: D102
    @property
    def needs(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question with arms.

    Attributes:
        name: The name of the study's file, its MLflow experiment and its place in storage.
        question: What is asked, in one sentence.
        run: Builds the run that trains one cell from its config.
        base: A frozen dataclass, nested by component, with `seed` and `steps_per_report`.
        space: The arms, listed or to be drawn.
        scales: Scale name to overrides that say how big a cell is; arms set other fields.
        seeds: Seeds in declared order; arms are compared seed by seed.
        metric: The key among the reported metrics that answers the question.
        mode: Whether less or more of the metric is better.
        baseline: The arm that the others are compared to.
        margin: Differences smaller than this, in units of the metric, do not matter; None means
            that equivalence is never claimed.
        chance: Band in which the metric of an untrained run lies; None where nothing is known.
        resolution: Step in which the metric moves, such as 1/256 for a share of 256; 0 for one
            that takes any value. None reads it off the points.
        twins: Groups of arms that are declared to do the same.
        controls: Arms that are not trained, such as a constant answer: their runs are `done()` at
            step 0. They run once per seed and are compared with, and no verdict is given on them.
        evaluation_only: Fields of the config, or components, that act in evaluation only: arms that
            differ in nothing else train to the same weights.
        explains: Field of the config, or component, to the realised quantities that it is meant to
            move besides, of `infra.study.quantities`: `{"batch": ("learning rate",)}`. Only what is
            neither declared nor seen to be moved before the sweep makes arms incomparable.
        findings: Documented claims to be judged.
        cell_seconds: Scale name to measured seconds of one cell, for the estimate before a sweep.
        usd_per_gpu_hour: Price of the GPU; None leaves costs empty.
        needs_data: Scales at which the run's default data would answer another question, with the
            command that prepares data for them.

    Raises:
        ValueError: When any cell of any scale cannot be built, naming study, arm and field.
    """

    name: str
    question: str
    run: Callable[[Any], Run]
    base: Any
    space: Space | SampledSpace
    scales: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...]
    metric: str
    mode: Literal["min", "max"]
    baseline: str
    margin: float | None = None
    chance: tuple[float, float] | None = None
    resolution: float | None = None
    twins: tuple[tuple[str, ...], ...] = ()
    controls: tuple[str, ...] = ()
    evaluation_only: tuple[str, ...] = ()
    explains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    cell_seconds: Mapping[str, float] = field(default_factory=dict)
    usd_per_gpu_hour: float | None = None
    needs_data: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_config_class(self)
        if self.mode not in ("min", "max"):
            raise ValueError(f"study {self.name!r}: mode must be 'min' or 'max', got {self.mode!r}")
        if self.resolution is not None and not self.resolution >= 0:
            raise ValueError(
                f"study {self.name!r}: resolution must be at least 0, got {self.resolution}"
            )
        if not isinstance(self.seeds, tuple | list):
            raise ValueError(
                f"study {self.name!r}: seeds must be a tuple such as (0, 1, 2), got {self.seeds!r}"
            )
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(
                f"study {self.name!r}: seeds must be distinct and at least one, got {self.seeds}"
            )
        for seed in self.seeds:
            try:
                check_seed(seed)
            except ValueError as error:
                raise ValueError(f"study {self.name!r}, seeds: {error}") from None
        if self.baseline not in self.arms:
            raise ValueError(
                f"study {self.name!r}: baseline must be one of its arms "
                f"{choices(self.arms, self.baseline)}, got {self.baseline!r}"
            )
        self._check_laws()
        for scale in getattr(self.space, "at", {}):
            if scale not in self.scales:
                raise ValueError(
                    f"study {self.name!r}: arms must be told for its scales "
                    f"{', '.join(self.scales)}, got {scale!r}"
                )
        for scale in self.scales or {DEFAULT_SCALE: {}}:
            self._check_scale(scale)

    @cached_property
    def arms(self) -> Mapping[str, Mapping[str, Any]]:
        """Every arm with its overrides at the default scale, listed or drawn."""
        return self._arms_at(DEFAULT_SCALE)

    def overrides(self, arm: str, scale: str) -> Mapping[str, Any]:
        """What the arm sets at that scale."""
        return self._arms_at(scale)[arm]

    def _arms_at(self, scale: str) -> Mapping[str, Mapping[str, Any]]:
        """Made once: a grid would name all its arms again for each of them."""
        if isinstance(self.space, SampledSpace):
            scale = DEFAULT_SCALE  # draws are the same at every scale
        if scale not in self._known_arms:
            self._known_arms[scale] = (
                drawn_arms(self.space, flatten(asdict(self.base)))
                if isinstance(self.space, SampledSpace)
                else self.space.arms(scale)
            )
        return self._known_arms[scale]

    @cached_property
    def _known_arms(self) -> dict[str, Mapping[str, Mapping[str, Any]]]:
        return {}

    def config(self, arm: str, seed: int, scale: str = DEFAULT_SCALE) -> Any:
        """The resolved config of one cell: base, then scale, then arm, then seed."""
        size = self.scales.get(scale, {})
        choice = self.overrides(arm, scale)
        if both := sorted(set(size) & set(choice)):
            raise ValueError(
                f"study {self.name!r}, arm {arm!r}: a field is set by the scale or by the arm, "
                f"not by both; scale {scale!r} also sets {', '.join(both)}; take it out of one"
            )
        try:
            if "seed" in (told := {**size, **choice}):
                raise ValueError(f"seed is set by Study.seeds alone, got {told['seed']!r}")
            config = replace_fields(self.base, {**told, "seed": seed})
            if not isinstance(cadence := config.steps_per_report, int) or cadence < 1:
                raise ValueError(f"steps_per_report must be an int of at least 1, got {cadence!r}")
            return config
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"study {self.name!r}, arm {arm!r}, scale {scale!r}: {error}"
            ) from error

    def _check_laws(self) -> None:
        laws = {
            "margin must be above 0 and finite": self.margin is None
            or 0 < self.margin < float("inf"),
            "chance must be a band, low before high": self.chance is None
            or self.chance[0] <= self.chance[1],
            "metric must be named": bool(self.metric),
            "twins must be arms": {arm for group in self.twins for arm in group} <= set(self.arms),
            "controls must be arms other than the baseline": set(self.controls)
            <= set(self.arms) - {self.baseline},
            "evaluation_only must name fields": all(map(self._has_field, self.evaluation_only)),
            "explains must name fields": all(map(self._has_field, self.explains)),
            f"explains must name some of {', '.join(QUANTITIES)}, in tuples": all(
                isinstance(names, tuple) and {*names} <= {*QUANTITIES}
                for names in self.explains.values()
            ),
            "names of arms must have no comma": not any("," in arm for arm in self.arms),
            "no scale may be called record, as imported sweeps are": "record" not in self.scales,
        }
        if broken := [law for law, holds in laws.items() if not holds]:
            told = f"margin {self.margin}, chance {self.chance}, twins {self.twins}, "
            told += f"controls {self.controls}, evaluation_only {self.evaluation_only}, "
            told += f"explains {self.explains}"
            raise ValueError(
                f"study {self.name!r}: {broken[0]}; got {told}, arms {list(self.arms)}"
            )

    def _has_field(self, name: str) -> bool:
        known = flatten(asdict(self.base))
        return any(field == name or field.startswith(f"{name}.") for field in known)

    def _check_scale(self, scale: str) -> None:
        seen: dict[str, str] = {}
        for arm in self.arms:
            resolved = repr(asdict(self.config(arm, self.seeds[0], scale)))
            if twin := seen.get(resolved):
                raise ValueError(
                    f"study {self.name!r}, scale {scale!r}: arms must differ, but {twin!r} and "
                    f"{arm!r} "
                    "resolve to the same config; remove one"
                )
            seen[resolved] = arm


def check_seed(seed: int) -> int:
    """The seed, if every generator takes it; ValueError otherwise."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number from 0 to 2^63 - 1, got {seed!r}")
    return seed


def replace_fields(config: Any, overrides: Mapping[str, Any]) -> Any:
    """A copy of a (nested) dataclass with fields replaced; keys are dotted for nested components.

    Raises:
        ValueError: When a field does not exist, naming the fields that do.
    """
    names = [f.name for f in fields(config)]
    direct: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for key, value in overrides.items():
        head, _, rest = key.partition(".")
        if head not in names or (rest and not is_dataclass(getattr(config, head))):
            raise ValueError(
                f"{type(config).__name__} has no field {key!r}; it has {', '.join(names)}"
            )
        if rest:
            nested.setdefault(head, {})[rest] = value
        else:
            direct[head] = value
    for head, values in nested.items():
        direct[head] = replace_fields(direct.get(head, getattr(config, head)), values)
    return replace(config, **direct)


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one level with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _check_config_class(study: Study) -> None:
    base = study.base
    if not is_dataclass(base) or isinstance(base, type):
        raise ValueError(f"study {study.name!r}: base must be a dataclass instance, got {base!r}")
    if not type(base).__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError(
            f"study {study.name!r}: {type(base).__name__} must be frozen; add frozen=True"
        )
    for needed in ("seed", "steps_per_report"):
        if needed not in {f.name for f in fields(base)}:
            raise ValueError(
                f"study {study.name!r}: {type(base).__name__} must have an int field {needed!r}; "
                "add it"
            )
