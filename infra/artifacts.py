"""The files about a whole sweep that go onto its parent run in MLflow."""

from collections.abc import Sequence
from pathlib import Path

from infra.ledger import Ledger
from infra.plan import Plan
from infra.study import Finding


def write_artifacts(plan: Plan, ledger: Ledger, findings: Sequence[Finding], folder: Path) -> None:
    """Plan, tables as CSV, Markdown and LaTeX, plots, and the report."""
    from infra.export import export
    from infra.plots import write_plots
    from infra.report import write_report

    export(plan, ledger, findings, folder)
    (folder / "plan.json").write_bytes(plan.to_json())
    write_plots(plan, ledger.records(), folder / "plots")
    write_report(plan, ledger, findings, folder / "report.html")
