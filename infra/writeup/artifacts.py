"""What goes onto the parent run of a whole sweep in MLflow: files, and the verdicts as tags."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.answer.index import read_records
from infra.ledger.ledger import Ledger
from infra.study.plan import Plan
from infra.study.study import Finding
from infra.tracking.names import verdict_names

if TYPE_CHECKING:
    from infra.answer.board import Leaderboard, Row


def write_artifacts(plan: Plan, ledger: Ledger, findings: Sequence[Finding], folder: Path) -> None:
    """Plan, tables as CSV, Markdown and LaTeX, plots, and the report."""
    from infra.writeup.export import export
    from infra.writeup.plots import write_plots
    from infra.writeup.report import write_report

    export(plan, ledger, findings, folder)
    (folder / "plan.json").write_bytes(plan.to_json())
    write_plots(plan, read_records(plan, ledger), folder / "plots")
    write_report(plan, ledger, findings, folder / "report.html")


def verdict_tags(plan: Plan, ledger: Ledger) -> dict[str, str]:
    """By arm what the leaderboard says of it: verdict, n, mean, difference, interval, labels."""
    from infra.answer.compare import leaderboard

    board = leaderboard(plan, read_records(plan, ledger))
    tags = verdict_names(row.arm for row in board.rows)
    return {tags[row.arm]: _told(board, row) for row in board.rows}


def _told(board: "Leaderboard", row: "Row") -> str:
    from infra.writeup.tables import labels_text

    told = [row.verdict or "baseline", f"n {row.finished} of {row.planned}"]
    told += [] if row.mean is None else [f"mean {row.mean:.5g}"]
    if row.difference and row.difference.interval:
        low, high = row.difference.interval
        interval = f"{low:.3g} to {high:.3g} at {100 * board.confidence:.4g} %"
        told.append(f"minus baseline {row.difference.mean:.3g}, {interval}")
    return "; ".join([*told, *filter(None, [labels_text(row)])])
