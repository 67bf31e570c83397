"""The arms of a sampled space, drawn by Optuna's seeded samplers.

Optuna draws and does nothing else: which draws there are is written into the plan.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

BASE = "base"
_TRIES = 100  # per draw, before a space is held to have no further distinct point


class Range(Protocol):
    """Numbers from `low` to `high`."""

    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102
    @property
    def log(self) -> bool: ...  # noqa: D102
    @property
    def whole(self) -> bool: ...  # noqa: D102


@runtime_checkable
class SampledSpace(Protocol):
    """Axes to draw `n` arms from: each a sequence of choices or a range."""

    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def axes(self) -> Mapping[str, Sequence[Any] | Range]: ...  # noqa: D102
    @property
    def n(self) -> int: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def sampler(self) -> str: ...  # noqa: D102


def drawn_arms(space: SampledSpace, base: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The arm `base`, which overrides nothing, and `n` draws named by their number and values.

    The number keeps two names apart whose values agree in the digits shown. A point that was drawn
    before, or that is the base config's own, is passed over.

    Args:
        space: What to draw from.
        base: The base config, with dotted names.

    Raises:
        ValueError: When the space has fewer than `n` distinct points.
    """
    arms: dict[str, dict[str, Any]] = {BASE: {}}
    seen = {repr([base.get(name) for name in space.axes])}
    for _, point in zip(range(_TRIES * space.n), _points(space), strict=False):
        if (shown := repr(list(point.values()))) not in seen:
            seen.add(shown)
            arms[f"{len(arms)} {_text(point)}"] = point
        if len(arms) > space.n:
            return arms
    raise ValueError(
        f"sampled space: must have n = {space.n} distinct points other than the base config's, got "
        f"{len(arms) - 1} in {_TRIES * space.n} draws; lower n or widen an axis"
    )


def _points(space: SampledSpace) -> Iterator[dict[str, Any]]:
    """Points of the space without end."""
    import optuna

    axes = {name: _distribution(axis) for name, axis in space.axes.items()}
    with _quiet():
        samplers = {
            "qmc": lambda: optuna.samplers.QMCSampler(scramble=True, seed=space.seed),
            "random": lambda: optuna.samplers.RandomSampler(seed=space.seed),
        }
        study = optuna.create_study(sampler=samplers[space.sampler]())
        # From a first trial QMC learns the axes; without one it draws its first point at random.
        lowest = {name: axis.low for name, axis in axes.items()}
        study.add_trial(optuna.create_trial(params=lowest, distributions={**axes}, value=0.0))
    while True:
        with _quiet():
            drawn = study.ask({**axes}).params
        yield {name: _value(axis, drawn[name]) for name, axis in space.axes.items()}


def _distribution(axis: Sequence[Any] | Range) -> Any:
    """Choices are drawn by their place: Optuna's own may only be text and numbers."""
    from optuna.distributions import FloatDistribution, IntDistribution

    if isinstance(axis, Sequence):
        return IntDistribution(0, len(axis) - 1)
    kind = IntDistribution if axis.whole else FloatDistribution
    return kind(axis.low, axis.high, log=axis.log)  # pyright: ignore[reportArgumentType]


def _value(axis: Sequence[Any] | Range, drawn: Any) -> Any:
    return axis[drawn] if isinstance(axis, Sequence) else drawn


def _text(point: Mapping[str, Any]) -> str:
    """As short as reads well; without commas, so that `--arms` can name it."""
    return " ".join(f"{name.split('.')[-1]}={_shown(v)}" for name, v in point.items())


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "/".join(map(_shown, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's line per study, and its word that QMC is experimental."""
    from optuna import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
