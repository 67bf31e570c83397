"""What a sweep says of documented claims: each is judged seed by seed over finished cells.

A predicate says whether the claim holds in a seed, or by how much. By how much is what a claim that
compares arms should say: it is judged as differences between arms are, by the same function.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Literal

from infra.answer.arms import ROUNDING
from infra.answer.verdicts import MIN_PAIRS, Sample, judge_pair
from infra.ledger.records import CellRecord, Point
from infra.study.plan import Cell, Plan
from infra.study.study import Finding

SCHEMA = 1
MOST_LISTED = 12
Verdict = Literal[
    "reproduced",
    "refuted",
    "undecided",
    "not comparable",
    "not run",
    "consistent",
    "inconsistent",
]
Basis = Literal["sweep", "arithmetic", "record", "none"]
# Scale to basis, and to what a claim is that holds there and one that does not: a record that says
# what it says is not reproduced by being read.
WITHOUT_SWEEP: dict[str, tuple[Basis, Verdict, Verdict]] = {
    "math": ("arithmetic", "reproduced", "refuted"),
    "record": ("record", "consistent", "inconsistent"),
}


class NotInSweep(LookupError):
    """A claim asks for an arm, metric, step or field that the sweep does not have."""


class NotAtSeed(NotInSweep):
    """A claim asks for an arm that the sweep has, but not at this seed."""


class Unfinished(LookupError):
    """A claim asks for a cell that has not finished."""


@dataclass(frozen=True)
class SeedOutcome:
    """Whether the claim holds in one seed.

    Attributes:
        holds: None where that cannot be said; `reason` then says why.
        by: By how much it holds, where the predicate says so; below 0 it does not.
        finished: Whether every cell that the claim asked for had finished.
        size: Of the values that it was judged by, see `FinishedSeed.size`.
    """

    seed: int
    holds: bool | None
    reason: str = ""
    finished: bool = True
    by: float | None = None
    size: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FindingVerdict:
    """A documented claim with what this sweep says of it.

    Attributes:
        basis: What the verdict rests on: this sweep's cells, arithmetic or the documented record
            alone, which no sweep can change, or nothing.
        other_data: Documented numbers that were taken on other data, which no verdict is on.
    """

    id: str
    tag: str
    statement: str
    source: str
    documented: str
    verdict: Verdict
    reason: str
    basis: Basis = "sweep"
    seeds: tuple[SeedOutcome, ...] = ()
    other_data: str = ""

    @property
    def seeds_text(self) -> str:
        """In how many of the planned seeds the claim holds."""
        answers = [outcome.holds for outcome in self.seeds if outcome.holds is not None]
        return f"{sum(answers)}/{len(self.seeds)}" if answers else "-"

    def to_json(self) -> dict[str, Any]:
        """Plain data with its schema version."""
        told = {name: v for name, v in asdict(self).items() if v or name != "other_data"}
        return {"schema": SCHEMA, **told}


class FinishedSeed:
    """The finished cells of one seed, as a finding sees them."""

    def __init__(self, plan: Plan, records: Mapping[str, CellRecord], seed: int) -> None:
        self._cells = {cell.arm: cell for cell in plan.cells if cell.seed == seed}
        self._arms = plan.arms
        self._records = records
        self._seed = seed
        self._largest: dict[str, dict[str, float]] = {}  # values handed out, by metric and arm

    @property
    def size(self) -> float:
        """Of the numbers that were asked for, by whose rounding their difference is judged.

        A difference is between arms, so that what one arm alone was asked for does not count.
        """
        shared = [own for own in self._largest.values() if len(own) > 1]
        return max((max(own.values()) for own in shared or self._largest.values()), default=0.0)

    def final(self, arm: str, metric: str) -> float:
        """The metric at the last point of the arm's cell."""
        return self._value(arm, metric, self._points(arm)[-1])

    def at(self, arm: str, metric: str, step: int) -> float:
        """The metric at the point reported at exactly this step."""
        points = {point.step: point for point in self._points(arm)}
        if step not in points:
            raise NotInSweep(
                f"arm {arm!r}, seed {self._seed}: has no point at step {step}, only at "
                f"{_listed(points)}"
            )
        return self._value(arm, metric, points[step])

    def curve(self, arm: str, metric: str) -> list[tuple[int, float]]:
        """All (step, value) points of the metric, by step."""
        points = self._points(arm)
        if curve := [(p.step, p.metrics[metric]) for p in points if metric in p.metrics]:
            for _, value in curve:
                self._note(arm, metric, value)
            return sorted(curve)
        raise self._no_metric(arm, metric, {name for point in points for name in point.metrics})

    def config(self, arm: str, field: str) -> Any:
        """The resolved value of a config field, dotted for nested components."""
        config = self._cell(arm).config
        if field not in config:
            raise NotInSweep(f"arm {arm!r}: has no config field {field!r}, only {_listed(config)}")
        return config[field]

    def _cell(self, arm: str) -> Cell:
        if arm not in self._cells:
            lack = NotAtSeed if arm in self._arms else NotInSweep
            raise lack(
                f"arm {arm!r}, seed {self._seed}: is not in the sweep, only {_listed(self._cells)}"
            )
        return self._cells[arm]

    def _points(self, arm: str) -> Sequence[Point]:
        record = self._records[self._cell(arm).key]
        if record.status != "finished":
            raise Unfinished(f"arm {arm!r}, seed {self._seed}: {record.status}")
        return record.points

    def _value(self, arm: str, metric: str, point: Point) -> float:
        if metric not in point.metrics:
            raise self._no_metric(arm, metric, point.metrics, f" at step {point.step}")
        return self._note(arm, metric, point.metrics[metric])

    def _note(self, arm: str, metric: str, value: float) -> float:
        own = self._largest.setdefault(metric, {})
        own[arm] = max(own.get(arm, 0.0), abs(value))
        return value

    def _no_metric(
        self, arm: str, metric: str, known: Iterable[str], where: str = ""
    ) -> NotInSweep:
        return NotInSweep(
            f"arm {arm!r}, seed {self._seed}: has no metric {metric!r}{where}, "
            f"only {_listed(sorted(known))}"
        )


def judge(
    findings: Iterable[Finding], plan: Plan, records: Mapping[str, CellRecord]
) -> list[FindingVerdict]:
    """Every finding with its verdict.

    Of a claim that says by how much it holds, the t interval over seeds decides as it does between
    arms: reproduced where it lies above 0, refuted where below. All such claims of a study share
    the error of 5 %, those whose cells are still to run included. Of another one reproduced means
    that it holds in all seeds planned for its arms, refuted that it holds in none. Nothing is
    decided under three seeds, and a seed whose cells failed or have not finished leaves a claim
    undecided. Claims at scale "record" are consistent or inconsistent with their own record.

    Raises:
        ValueError: When a predicate raises anything but LookupError, or answers neither yes nor no
            nor by how much.
    """
    told = [
        _judge(finding, plan.scale, {s: FinishedSeed(plan, records, s) for s in plan.seeds})
        for finding in findings
    ]
    compared = [v for v in told if any(seed.by is not None for seed in v.seeds)]
    waiting = [v for v in told if v not in compared and not all(s.finished for s in v.seeds)]
    claims = len(compared) + len(waiting)  # of which some may turn out to be comparisons
    return [_by_interval(v, claims, plan.max_seeds) if v in compared else v for v in told]


def _judge(finding: Finding, scale: str, views: Mapping[int, FinishedSeed]) -> FindingVerdict:
    outcomes: tuple[SeedOutcome, ...] = ()
    basis: Basis = "none"
    if finding.holds is None and not finding.needs:
        verdict, reason = "not comparable", "its numbers were taken on other data"
    elif finding.holds is None:
        verdict, reason = "not run", f"needs {finding.needs}"
    elif scale in finding.scales:
        outcomes = _outcomes(finding, finding.holds, views)
        verdict, reason = _verdict(outcomes)
        basis = "sweep"
    elif kind := next((s for s in finding.scales if s in WITHOUT_SWEEP), ""):
        holds = _answer(finding, finding.holds, None)
        basis, yes, no = WITHOUT_SWEEP[kind]
        verdict = yes if holds > 0 else no
        reason = f"judged on {'the documented record' if kind == 'record' else basis} alone"
    else:
        needs = f"; needs {finding.needs}" if finding.needs else ""
        fitting = " or ".join(finding.scales)
        verdict, reason = "not comparable", f"judged at scale {fitting}, not at {scale}{needs}"
    return FindingVerdict(
        id=finding.id,
        tag=finding.tag,
        statement=finding.statement,
        source=finding.source,
        documented=finding.documented,
        verdict=verdict,
        reason=reason,
        basis=basis,
        seeds=outcomes,
        other_data=finding.other_data,
    )


def _outcomes(
    finding: Finding, holds: Callable[[Any], bool | float], views: Mapping[int, FinishedSeed]
) -> tuple[SeedOutcome, ...]:
    """Seed by seed; a seed that lacks an arm which others have is left out.

    A sequential sweep gives further seeds to undecided arms alone.
    """
    told, left_out = [], []
    for seed, view in views.items():
        try:
            told.append(_outcome(finding, holds, seed, view))
        except NotAtSeed as error:
            left_out.append(SeedOutcome(seed, None, str(error)))
    return tuple(told or left_out)


def _outcome(
    finding: Finding, holds: Callable[[Any], bool | float], seed: int, view: FinishedSeed
) -> SeedOutcome:
    try:
        answer = _answer(finding, holds, view)
        by = None if isinstance(answer, bool) else answer
        return SeedOutcome(seed, answer > 0, by=by, size=view.size)
    except NotAtSeed:
        raise
    except Unfinished as error:
        return SeedOutcome(seed, None, str(error), finished=False)
    except LookupError as error:
        return SeedOutcome(seed, None, str(error))
    except ArithmeticError as error:  # a ratio to 0 is what the data say, and no typing error
        return SeedOutcome(seed, None, f"{type(error).__name__}: {error}")


def _by_interval(told: FindingVerdict, claims: int, max_seeds: int) -> FindingVerdict:
    """The verdict on by how much a claim holds, where every seed could answer."""
    gaps = {seed.seed: seed.by for seed in told.seeds if seed.by is not None}
    if told.verdict in ("not run", "not comparable") or len(gaps) < len(told.seeds):
        return told
    rounding = ROUNDING * max(seed.size for seed in told.seeds)
    sample = Sample(tuple(gaps), tuple(gaps.values()), rounding)
    difference, ruling = judge_pair(sample, claims, None, "max", max_seeds)
    verdict: Verdict = "undecided"
    if ruling.verdict in ("better", "worse"):
        verdict = "reproduced" if ruling.verdict == "better" else "refuted"
    low, high = difference.interval or (difference.mean, difference.mean)
    by = f"by {difference.mean:.3g} on the mean, {low:.3g} to {high:.3g}"
    count = sum(seed.holds is True for seed in told.seeds)
    text = f"holds in {count} of {len(gaps)} seeds, {by}: {ruling.reason}"
    return replace(told, verdict=verdict, reason=text)


def _answer(
    finding: Finding, holds: Callable[[Any], bool | float], view: FinishedSeed | None
) -> bool | float:
    """What the predicate says; LookupError passes, but a mistaken key or index does not."""
    try:
        answer = holds(view)
    except Exception as error:
        if isinstance(error, LookupError) and not isinstance(error, KeyError | IndexError):
            raise
        if isinstance(error, ArithmeticError):
            raise
        raise ValueError(
            f"finding {finding.id}: its predicate must answer or raise LookupError, but raised "
            f"{type(error).__name__}: {' '.join(str(error).split())}; mend `holds`"
        ) from error
    answer = getattr(answer, "item", lambda: answer)()  # numpy has a bool of its own
    if not isinstance(answer, bool | int | float) or not isfinite(answer):
        raise ValueError(
            f"finding {finding.id}: its predicate must answer True or False, or by how much, got "
            f"{answer!r}; mend `holds`"
        )
    return answer


def _verdict(outcomes: Sequence[SeedOutcome]) -> tuple[Verdict, str]:
    said = [outcome.holds for outcome in outcomes if outcome.holds is not None]
    silent = [outcome for outcome in outcomes if outcome.holds is None]
    k, n = sum(said), len(outcomes)
    if not said:
        first = next((o for o in silent if o.finished), silent[0])
        if first.finished:
            return "not comparable", first.reason
        return "not run", f"no finished seeds; {first.reason}"
    if silent:
        return "undecided", f"holds in {k} of {len(said)} seeds so far; {silent[0].reason}"
    if n < MIN_PAIRS:
        return "undecided", f"holds in {k} of {n} seeds, a verdict needs {MIN_PAIRS}"
    if k == n:
        return "reproduced", f"holds in all {n} seeds"
    return (
        ("undecided", f"holds in {k} of {n} seeds")
        if k
        else ("refuted", f"holds in none of {n} seeds")
    )


def _listed(names: Iterable[Any]) -> str:
    texts = [str(name) for name in names]
    if len(texts) > MOST_LISTED:
        texts[MOST_LISTED - 2 : -1] = [f"... ({len(texts)} in all)"]
    return ", ".join(texts) or "nothing"
