"""The nouns of a documented study: arms, grids, sampled spaces and findings."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field
from functools import partial
from itertools import product
from math import isfinite, prod
from typing import Any, Literal, Protocol, get_args

Tag = Literal["SEED", "REPO", "CAVEAT", "MATH", "CONFIG", "ERRATUM", "ARTIFACT"]
Sampler = Literal["random", "qmc"]


class SeedView(Protocol):
    """What a finding sees of a sweep: the finished cells of one seed."""

    def final(self, arm: str, metric: str) -> float:
        """The metric at the last point of the arm's cell."""
        ...

    def at(self, arm: str, metric: str, step: int) -> float:
        """The metric at the point reported at exactly this step."""
        ...

    def curve(self, arm: str, metric: str) -> list[tuple[int, float]]:
        """All (step, value) points of the metric, by step."""
        ...

    def config(self, arm: str, field: str) -> Any:
        """The resolved value of a config field, dotted for nested components."""
        ...


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Named sets of overrides of the base config, with letters and names as in the source.

    Attributes:
        source: Repository at commit, file and section of the documented grid.
        overrides: Arm name to {config field: value}; nested fields are dotted.
        at: Scale name to {arm: overrides}, for arms that are other sizes there.

    Raises:
        ValueError: When an arm is no mapping of fields to values, or `at` names one that is not
            there.
    """

    source: str
    overrides: Mapping[str, Mapping[str, Any]]
    at: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.overrides, Mapping):
            raise ValueError(
                f"arms: overrides must map names to fields, as in {{'a': {{}}}}, got "
                f"{self.overrides!r}"
            )
        for arms in (self.overrides, *self.at.values()):
            for name, fields in arms.items():
                if not (isinstance(name, str) and isinstance(fields, Mapping)):
                    raise ValueError(
                        f"arm {name!r}: must be a text that maps to fields, as in "
                        f"{{'wide': {{'width': 64}}}}, got {fields!r}"
                    )
        for scale, arms in self.at.items():
            if unknown := sorted(set(arms) - set(self.overrides)):
                raise ValueError(
                    f"arms at scale {scale!r}: must be among {', '.join(self.overrides)}, got "
                    f"{', '.join(unknown)}"
                )

    def arms(self, scale: str = "") -> dict[str, dict[str, Any]]:
        """Every arm with its overrides at that scale, in the documented order."""
        here = {**self.overrides, **self.at.get(scale, {})}
        return {name: dict(here[name]) for name in self.overrides}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The full product of some axes; an arm is named `field=value field=value`.

    A tuple is named by its items, as in `widths=4/4/1`. Where two values of an axis would have one
    name, texts are quoted and tuples in parentheses: `None` and `'None'`, `4` and `(4)`.

    Attributes:
        source: Repository at commit, file and section of the documented grid.
        axes: Config field to its values, nested fields dotted; the last axis varies fastest.

    Raises:
        ValueError: When two values of an axis, or two arms, cannot be told apart by their names.
    """

    source: str
    axes: Mapping[str, tuple[Any, ...]]

    def __post_init__(self) -> None:
        for name, values in self.axes.items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise ValueError(
                    f"grid, axis {name!r}: must be a tuple of values, got {values!r}; one value is "
                    "written (value,)"
                )
        count = prod(map(len, self.axes.values()))
        if len(self.arms()) < count:
            raise ValueError(
                f"grid: each of its {count} arms must have a name of its own, and they have "
                f"{len(self.arms())}; name axes {', '.join(self.axes)} otherwise"
            )

    def arms(self, scale: str = "") -> dict[str, dict[str, Any]]:
        """Every combination of the axes' values as an arm, at any scale."""
        axes = [
            [(f"{field.split('.')[-1]}={name}", value) for name, value in _named(field, values)]
            for field, values in self.axes.items()
        ]
        return {
            " ".join(name for name, _ in row): dict(
                zip(self.axes, (value for _, value in row), strict=True)
            )
            for row in product(*axes)
        }


def _named(field: str, values: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """The values of an axis with their names."""
    names = [_shown(value) for value in values]
    taken = Counter(names)
    names = [
        _quoted(value) if taken[name] > 1 else name
        for name, value in zip(names, values, strict=True)
    ]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(
            f"grid, axis {field!r}: its values must have names of their own, and {twice[0]} is one "
            "of several; take them out, or list the arms with Arms"
        )
    return list(zip(names, values, strict=True))


def _shown(value: Any) -> str:
    """As it is written; items of a tuple without the commas that no name of an arm may have."""
    text = str(value)
    return "/".join(map(_shown, value)) if "," in text and isinstance(value, list | tuple) else text


def _quoted(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({'/'.join(map(_quoted, value))})"
    return repr(value) if isinstance(value, str) else str(value)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        log: Whether equal ratios are equally likely, and not equal differences.
        whole: Whether only whole numbers are drawn.
    """

    low: float
    high: float
    _: KW_ONLY
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise ValueError(f"range: low must be below high, both finite, got {self}")
        if self.log and self.low <= 0:
            raise ValueError(f"range: low must be above 0 where log=True, got {self}")
        if self.whole and not (isinstance(self.low, int) and isinstance(self.high, int)):
            raise ValueError(f"range: low and high must be integers where whole=True, got {self}")


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """`n` arms drawn from axes, and the arm `base`: the base config as it is, to compare to.

    A draw is named by its number and values, as in `3 lr=0.00124 width=64`. The plan of a sweep
    holds all draws; a larger `n` extends it, since the first draws stay the same.

    Attributes:
        source: Repository at commit, file and section, or why these axes.
        axes: Config field to a tuple of choices or a `Range`; nested fields dotted.
        n: How many distinct points are drawn.
        seed: Of the draws; cells have seeds of their own.
        sampler: "random" draws each axis by itself; "qmc" is a scrambled Sobol sequence, which
            leaves smaller gaps.
    """

    source: str
    axes: Mapping[str, tuple[Any, ...] | Range]
    n: int
    seed: int = 0
    sampler: Sampler = "random"

    def __post_init__(self) -> None:
        if self.n < 1 or not self.axes:
            raise ValueError(
                f"sampled space: must have an axis and a draw at least, got {len(self.axes)} axes "
                f"and n = {self.n}"
            )
        if self.sampler not in get_args(Sampler):
            known = " or ".join(map(repr, get_args(Sampler)))
            raise ValueError(f"sampled space: sampler must be {known}, got {self.sampler!r}")
        if not 0 <= self.seed < 2**32:  # what the generator of Optuna takes
            raise ValueError(f"sampled space: seed must be from 0 to 2^32 - 1, got {self.seed}")
        for name, axis in self.axes.items():
            if not (isinstance(axis, Range) or (isinstance(axis, tuple) and axis)):
                raise ValueError(
                    f"sampled space, axis {name!r}: must be a Range or a tuple of choices, got "
                    f"{axis!r}"
                )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A documented claim as a predicate over results.

    Attributes:
        id: Name in the findings table, such as DINO-4.
        tag: What kind of claim it is.
        statement: The claim in one sentence.
        source: Where it is documented.
        documented: The documented numbers; "" where all of them were taken on other data.
        other_data: Documented numbers that were taken on other data than the study's: they are
            shown beside, and have no verdict.
        scales: Where `holds` can be judged: names of scales of the study, or "math" for arithmetic
            and "record" for documented tables, which need no sweep.
        holds: Whether the claim holds in one seed or, where it compares arms, by how much: above 0
            where it holds. None where no predicate can be tested here.
        needs: What is missing where `holds` is None or the scale does not fit.
    """

    id: str
    tag: Tag
    statement: str
    source: str
    documented: str = ""
    other_data: str = ""
    scales: tuple[str, ...] = field(default=())
    holds: Callable[[SeedView], bool | float] | None = None
    needs: str = ""

    def __post_init__(self) -> None:
        if self.holds is None and not (self.needs or self.other_data):
            raise ValueError(f"finding {self.id}: without a predicate it must say what it needs")
        if self.holds is not None and not self.scales:
            raise ValueError(f"finding {self.id}: a predicate needs the scales it can be judged at")


@dataclass(frozen=True)
class Claim:
    """Where a claim stands and where it can be judged; what it says makes a `Finding` of it.

    All four are the finding's own. Without scales it is one that nothing here can test.
    """

    id: str
    tag: Tag
    source: str
    scales: tuple[str, ...] = ()

    def says(
        self,
        statement: str,
        *,
        documented: str = "",
        other_data: str = "",
        holds: Callable[[SeedView], bool | float] | None = None,
        needs: str = "",
    ) -> Finding:
        """The finding: the claim in one sentence, its documented numbers, and how it is judged."""
        return Finding(
            **asdict(self),
            statement=statement,
            documented=documented,
            other_data=other_data,
            holds=holds,
            needs=needs,
        )


# Claims that need no sweep: they are judged on documented tables, or by arithmetic.
recorded = partial(Claim, scales=("record",))
calculated = partial(Claim, scales=("math",))
