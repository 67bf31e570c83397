"""`ablate list`: the studies there are, two lines each, and the sweeps in the storage."""

from textwrap import shorten

from infra.cli.command import Options, Studies, print_json, read_plan
from infra.errors import DONE
from infra.ledger.ledger import Ledger, list_sweeps
from infra.ledger.storage import open_storage
from infra.study.locate import default_storage, load_study
from infra.study.study import DEFAULT_SCALE
from infra.writeup.tables import MISSING, Table, show

_WIDTH = 80  # of every line


def list_studies(studies: Studies, options: Options) -> int:
    """`ablate list`."""
    rows = []
    for name in sorted(studies):
        study, _ = load_study(name, studies)
        cell_s = study.cell_seconds.get(DEFAULT_SCALE)
        arms = len(study.arms) - len(study.controls)
        hours = None if cell_s is None else cell_s * arms * len(study.seeds) / 3600
        rows.append(
            (
                name,
                study.question,
                f"{arms} x {len(study.seeds)}",
                f"{study.metric} {study.mode}",
                str(len(study.findings)),
                MISSING if hours is None else f"{hours:.2g}",
            )
        )
    columns = ("study", "question", " cells", "metric", " claims", f" hours at {DEFAULT_SCALE}")
    listed, sweeps = Table("studies", columns, tuple(rows)), _sweeps_table(options)
    if options.json:
        print_json({table.title: table.to_json()["rows"] for table in (listed, sweeps)})
        return DONE
    _print_studies(listed)
    if sweeps.rows:
        show(sweeps, width=_WIDTH)
    return DONE


def _print_studies(studies: Table) -> None:
    """Two lines a study: what it takes, and its question."""
    print(f"{'study':16}   cells  claims  hours  metric")
    for name, question, cells, metric, claims, hours in studies.rows:
        line = f"{name:16} {cells:>7} {claims:>7} {hours:>6}  {metric}"
        print(shorten(line, _WIDTH) if len(line) > _WIDTH else line)
        print(f"  {shorten(question, _WIDTH - 2, placeholder=' ...')}")
    print(f"cells are arms x seeds, without controls; hours at {DEFAULT_SCALE} of one worker,")
    print("which is a CPU core or a GPU")


def _sweeps_table(options: Options) -> Table:
    storage = open_storage(options.storage or default_storage())
    rows = []
    for name, ended in list_sweeps(storage).items():
        try:
            plan = read_plan(Ledger(storage, name))
        except ValueError as error:  # one damaged sweep must not hide the others
            rows.append((name, str(error), "", "", ""))
            continue
        rows.append((name, plan.study, plan.scale, f"{ended}/{len(plan.cells)}", plan.created[:16]))
    columns = ("sweep", "study", "scale", " cells ended", "planned")
    return Table("sweeps", columns, tuple(rows), widths=(24, 16, 0, 0, 10))
