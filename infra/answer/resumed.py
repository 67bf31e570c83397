"""What a next attempt at a cell can do with what the one before left."""

from collections.abc import Mapping

from infra.ledger.records import CellRecord
from infra.study.plan import Plan

_COSTS = {
    "again": "a kill costs the whole cell, which begins again",
    "checkpoint": "a cell goes on from the script's own checkpoint, as exactly as that does",
    "exact": "a cell goes on to the bit, as the study says",
}


def resumes(plan: Plan, record: CellRecord) -> str:
    """exact, inexact, checkpoint or again; "" where there was nothing to run."""
    if plan.is_recorded:
        return ""
    own = plan.resumes.get(plan.arm_of[record.key], "exact")
    inexact = record.commit is not None and bool(record.commit.inexact)
    return "inexact" if own == "exact" and inexact else own


def costs_of_a_kill(resumed: Mapping[str, str]) -> list[str]:
    """A line for each way in which cells of runs that train alone are resumed.

    Args:
        resumed: By arm, as a plan has it.
    """
    lines = []
    for how in dict.fromkeys(resumed.values()):
        arms = [arm for arm, own in resumed.items() if own == how]
        of = "" if len(arms) == len(resumed) else f" (arms {', '.join(arms)})"
        lines.append(f"resume: {how}{of}; {_COSTS[how]}")
    return lines
