"""What a comparison of arms gives: rows of a leaderboard."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infra.answer.diagnosis import Label
from infra.answer.verdicts import Awaits, Difference, Interval, Verdict

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """One arm of the leaderboard.

    Attributes:
        planned: Cells in the plan; `finished` and `failed` of them did so.
        values: The study's metric per seed of the leaderboard; None where no cell finished.
        statuses: How the cell of each seed stands, "" where none is planned.
        interval: The 95 % t interval of the mean; None below two seeds.
        difference: To the baseline; None for the baseline itself and where there are no pairs.
        verdict: "" for the baseline, "control" for an arm that is compared with and not judged.
        awaits: What may decide an undecided arm, see `Ruling`.
        cell_hours: Mean of the wall hours billed to its finished cells.
        steps: At the last point, where all finished seeds agree; so `parameters`.
        metrics: Every other metric, per seed, read where the study's metric was.
        labels: What is wrong with the cell of each seed, finished or not; None where nothing.
        bimodal: "bimodal, k of n" where the seeds fall on two points far apart, with both.
        beside: What else than the question may explain the row: quantities and machines that are
            not the baseline's.
        over_seeds: Of the difference, "0-2", where the mean of the arm or of the baseline is over
            others: cells failed, or a sequential sweep gave one of them more.
        uneven: Why a t interval may mislead here, "" where the differences are as even over seeds
            as normal ones; `by_signs` then is what the exact sign test says, else "".
        seeds_to_decide: About how many seeds in all would decide an undecided arm if mean and
            spread stayed as they are; None where up to a hundred would not, or nothing tells.
        hours_to_decide: Worker-hours of the further cells of the arm and of the baseline that this
            takes; None where no cell has a cost.
    """

    arm: str
    planned: int
    finished: int
    failed: int
    values: tuple[float | None, ...]
    statuses: tuple[str, ...]
    mean: float | None
    sd: float | None
    interval: Interval | None
    difference: Difference | None
    verdict: Verdict
    reason: str
    steps: int | None
    parameters: float | None
    cell_hours: float | None
    gpu_hours: float | None
    cost_usd: float | None
    metrics: Mapping[str, tuple[float | None, ...]]
    labels: tuple[Label | None, ...] = ()
    bimodal: str = ""
    beside: tuple[str, ...] = ()
    awaits: Awaits = ""
    over_seeds: str = ""
    uneven: str = ""
    by_signs: str = ""
    seeds_to_decide: int | None = None
    hours_to_decide: float | None = None


@dataclass(frozen=True)
class Changed:
    """A verdict that was another while fewer arms shared the error.

    Attributes:
        compared_before: How many arms were judged beside the baseline then; `compared` now are.
    """

    arm: str
    before: Verdict
    after: Verdict
    compared_before: int
    compared: int

    def __str__(self) -> str:
        return (
            f"{self.arm}: was {self.before} while the error was that of {self.compared_before}, is "
            f"{self.after} now that {self.compared} arms share it"
        )


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """All arms, best mean first; arms without a finished cell last.

    Where a difference is over other seeds than the means are, the best difference comes first.

    Where times or dollars were taken on different machines, the arms are not ranked and stand as
    they were planned.

    Attributes:
        budget: Where the runs were read, "end" for their last points.
        exploratory: Whether that is not what the study declared.
        confidence: Of each interval of a difference, so that all of them hold together at 95 %.
        notes: What a reader must know besides: damaged cells, unequal steps.
        changed: Verdicts that were others before further arms joined the sweep.
    """

    study: str
    scale: str
    metric: str
    mode: str
    baseline: str
    margin: float | None
    budget: str
    exploratory: bool
    seeds: tuple[int, ...]
    confidence: float
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Plain data with its schema version."""
        return asdict(self)


def best_rows(board: Leaderboard, top: int) -> list[Row]:
    """The so many best arms, and the baseline wherever it stands."""
    return [row for i, row in enumerate(board.rows) if i < top or row.arm == board.baseline]


def open_rows(rows: Sequence[Row]) -> list[Row]:
    """The undecided arms that further seeds may decide."""
    undecided = [row for row in rows if row.verdict == "undecided" and not row.failed]
    return [row for row in undecided if row.awaits != "nothing"]
