"""Runs that end before the steps in their config: what was asked for did not happen."""

from collections.abc import Iterator, Mapping

from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.words import joined

_STEPS = "steps"  # the field of a config that tells a run's budget, by the protocol


def short_notes(plan: Plan, records: Mapping[str, CellRecord]) -> Iterator[str]:
    """A line for each way in which finished cells of arms fall short of their steps."""
    arms: dict[str, list[str]] = {}
    for arm in plan.trained:
        ends = [_end(records[cell.key], cell.config.get(_STEPS)) for cell in plan.cells_of[arm]]
        short = [end for end in ends if end]
        if short:
            steps = dict.fromkeys(str(step) for step, _ in (min(short), max(short)))
            asked = dict.fromkeys(str(asked) for _, asked in short)
            told = f"at step {' to '.join(steps)} of the {joined(asked)} in their config"
            arms.setdefault(f"{told}, in {len(short)} of {len(ends)} cells each", []).append(arm)
    for told, names in arms.items():
        who = "all arms" if len(names) == len(plan.trained) else joined(names)
        yield f"{who} end {told}: a verdict speaks of runs cut off there; look at done()"


def _end(record: CellRecord, steps: object) -> tuple[int, int] | None:
    """The last step of a finished cell and the steps that were asked for, where it has fewer."""
    if record.status != "finished" or not isinstance(steps, int) or not record.points:
        return None
    last = record.points[-1].step
    return (last, steps) if last < steps else None
