"""Main effects of a grid and what its axes do together, as a table."""

from collections.abc import Mapping

from infra.answer.effects import main_effects
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.writeup.tables import Table, difference_text


def effects_table(plan: Plan, records: Mapping[str, CellRecord]) -> Table:
    """A row for each value of an axis beside the reference; none where arms are no grid."""
    effects = main_effects(plan, records)
    rows = tuple(
        (
            one.axis,
            one.value,
            one.reference,
            difference_text(one.difference),
            str(len(one.difference.seeds)) if one.difference else "0",
        )
        for one in effects
    )
    less = "less" if plan.mode == "min" else "more"
    notes = (
        f"{plan.metric}, {less} is better: mean over all values of the other axes, minus that at "
        "the reference, paired by seed; the intervals hold together at 95 %",
        "exploratory: no verdict rests on them, and a mean over the other axes hides where they "
        "act only together",
    )
    columns = ("axis", "value", "reference", " minus reference", " seeds")
    return Table("Main effects", columns, rows, notes=notes)
