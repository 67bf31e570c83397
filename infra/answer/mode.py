"""Whether a study seems to have its mode the wrong way round; all its labels then mislead."""

from collections.abc import Mapping

from infra.answer.curve import Curve
from infra.answer.diagnosis import FEWEST, TREND, diagnose, diagnose_cell
from infra.ledger.records import CellRecord
from infra.study.plan import Plan

_CELLS = 2  # from which a mode is doubted
_OTHER = {"min": "max", "max": "min"}


def mode_in_doubt(plan: Plan, records: Mapping[str, CellRecord]) -> str:
    """Says that the mode is likely the wrong way round, where every finished cell is as if; or "".

    As if: steadily worse, by the ranks of its points, and a healthy run under the other mode. What
    explodes does so in a metric without bounds; within 0 to 1 it is an accuracy read as an error.
    """
    cells = [cell.key for cell in plan.cells if cell.arm not in plan.controls]
    done = [records[key] for key in cells if records[key].status == "finished"]
    if len(done) < _CELLS or not all(_is_reversed(plan, record) for record in done):
        return ""
    better, other = "more" if plan.mode == "min" else "less", _OTHER[plan.mode]
    return (
        f"every arm gets steadily worse ({len(done)} of {len(done)} cells): likely the mode is "
        f"reversed; if {better} of {plan.metric} is better, write mode={other!r} in the study"
    )


def _is_reversed(plan: Plan, record: CellRecord) -> bool:
    label = diagnose_cell(plan, record)
    turned = Curve.of(record.points, plan.metric, -1 if plan.mode == "min" else 1)
    if len(turned.cost) < FEWEST or turned.trend <= TREND:
        return False
    if label and label.kind not in ("no learning", "exploding"):
        return False
    if label and label.kind == "exploding" and max(map(abs, turned.cost)) > 1:
        return False
    return diagnose(record.points, plan.metric, _OTHER[plan.mode]) is None
