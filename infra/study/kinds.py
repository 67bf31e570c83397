"""What kinds of values a study's fields take, told by the field's name before any is used."""

from collections.abc import Callable, Mapping
from typing import Any


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_or_none(value: Any) -> bool:
    return value is None or _number(value)


def _row(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple | list) and all(map(of, value))


def _named(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        return (
            isinstance(value, Mapping) and all(map(_text, value)) and all(map(of, value.values()))
        )

    return holds


_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "name": ("a text such as 'my_study'", lambda value: _text(value) and bool(value)),
    "question": ("a text", _text),
    "run": ("the class that builds a run from its config, and not a run", callable),
    "space": (
        "arms such as Arms(source='none', overrides={'a': {}, 'b': {'width': 64}})",
        lambda value: hasattr(value, "source"),
    ),
    "scales": (
        "a mapping such as {'smoke': {'steps': 8}, 'lab': {}}",
        _named(lambda value: isinstance(value, Mapping)),
    ),
    "metric": ("the name of a metric that runs report", _text),
    "baseline": ("the name of an arm", _text),
    "margin": ("a number or None", _number_or_none),
    "chance": (
        "a band such as (0.0, 0.1), or None",
        lambda value: value is None or (_row(_number)(value) and len(value) == 2),
    ),
    "resolution": ("a number or None", _number_or_none),
    "twins": ("groups of arms such as (('a', 'b'),)", _row(_row(_text))),
    "controls": ("a tuple of arms such as ('constant',)", _row(_text)),
    "evaluation_only": ("a tuple of fields such as ('decode',)", _row(_text)),
    "explains": (
        "quantities by field such as {'batch': ('learning rate',)}",
        _named(_row(_text)),
    ),
    "findings": ("a tuple of findings", lambda value: isinstance(value, tuple | list)),
    "cell_seconds": ("seconds by scale such as {'lab': 40}", _named(_number)),
    "usd_per_gpu_hour": ("a number or None", _number_or_none),
    "needs_data": ("commands by scale such as {'paper': 'ablate data ...'}", _named(_text)),
}  # fmt: skip


def check_kinds(study: Any) -> None:
    """ValueError that names the study, the field, what it must be and what it got."""
    for name, (wanted, holds) in _KINDS.items():
        if not holds(value := getattr(study, name)):
            raise ValueError(f"study {study.name!r}: {name} must be {wanted}, got {value!r}")
