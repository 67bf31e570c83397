"""Curves that somebody else recorded, imported and read like any other sweep."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas
import pytest
from conftest import LINE, ablate, refused
from made_up import METRIC, late, made_up
from recorded_curves import BETWEEN_RUNS, RECORDED

from infra.answer.compare import leaderboard
from infra.execution.imported import Laws, import_curves
from infra.execution.recorded.curves_csv import read_table
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.study.plan import Plan
from infra.writeup.export import export

GOOD = [
    ("A", 0, 10, 3.0), ("A", 0, 20, 2.0), ("A", 1, 10, 3.5), ("A", 1, 20, 2.5),
    ("B", 0, 10, 2.0), ("B", 0, 20, 1.0), ("B", 1, 10, 2.5), ("B", 1, 20, 1.5),
]  # fmt: skip
LESS = ["--mode", "min", "--baseline", "A"]


def write(path: Path, rows: Sequence[Sequence[Any]], header: str = "arm,seed,step,loss") -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows), ""]))
    return path


def bring_in(file: Path, **laws: Any) -> tuple[Plan, Ledger]:
    ledger = Ledger(open_storage(str(file.parent / "runs")), "imported")
    settings = {"metric": METRIC, "mode": "min", "baseline": "A", "margin": None, **laws}
    return import_curves(read_table(file), ledger, Laws(**settings)), ledger


def tree(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("margin", BETWEEN_RUNS)
def test_late_decay_lands_on_the_recorded_arm_b_alone(tmp_path: Path, margin: float) -> None:
    """And of single runs there is no verdict, whatever their distance."""
    rows = [
        (arm, 0, 500 * i, value)
        for arm, values in RECORDED.items()
        for i, value in enumerate(values, 1)
    ]
    file = write(tmp_path / "portrait.csv", rows, "arm,seed,step,val/recon_lpips")
    place = ["--storage", tmp_path / "runs"]
    done = ablate("import", file, *LESS, "--margin", margin, "--json", *place)
    assert done.returncode == 0, done.stderr
    board = json.loads(done.stdout)["leaderboard"]
    assert board["metric"] == "val/recon_lpips" and board["margin"] == margin
    assert [row["arm"] for row in board["rows"]] == ["D", "A", "C", "B"]
    assert {r["arm"]: r["labels"][0]["kind"] for r in board["rows"] if r["labels"][0]} == {
        "B": "late decay"
    }
    others = [row for row in board["rows"] if row["arm"] != "A"]
    assert {(r["verdict"], r["reason"]) for r in others} == {
        ("undecided", "n = 1 paired seeds, a verdict needs 3")
    }
    assert "would decide" not in json.dumps(board["notes"])
    for command in ("leaderboard", "status", "verdicts"):
        assert ablate(command, "portrait", *place).returncode == 0
    page = tmp_path / "page.html"
    assert ablate("report", "portrait", "--to", page, *place).returncode == 0
    assert "Imported from portrait.csv, SHA-256" in page.read_text()
    assert "ablate import portrait.csv --name portrait" in page.read_text()


def test_exported_curves_come_back_to_the_last_bit(tmp_path: Path) -> None:
    """With awkward names of arms and metrics, metrics that come late, counts and timings."""
    values = {"A": [1.0, 4 / 3, 1.1], "None": [0.1, 0.2, 0.3], "C,d": [0.5, 1e-17, 0.8]}
    plan, ledger = made_up(tmp_path, values, points=late, margin=0.05)
    export(plan, ledger, None, tmp_path / "out")
    copy, held = bring_in(tmp_path / "out/curves.csv", margin=0.05)
    ours, theirs = leaderboard(plan, ledger.records()), leaderboard(copy, held.records())
    for row, other in zip(ours.rows, theirs.rows, strict=True):
        for name in ("arm", "values", "mean", "sd", "interval", "difference", "verdict", "reason",
                     "metrics", "labels", "steps", "parameters"):  # fmt: skip
            assert getattr(row, name) == getattr(other, name)
    assert any(row.verdict == "better" for row in ours.rows)
    export(copy, held, None, tmp_path / "again")
    files = [tmp_path / folder / "curves.csv" for folder in ("out", "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_study_that_ran_is_imported_with_its_numbers(tmp_path: Path) -> None:
    place = ["--storage", tmp_path / "runs"]
    for arm in ("plain", "half"):
        ran = ablate("run", LINE, "--scale", "smoke", "--here", arm, "--name", "ran", *place)
        assert ran.returncode == 0, ran.stderr
    export_to = tmp_path / "out"
    assert ablate("export", "ran", "--to", export_to, *place).returncode == 0
    laws = ["--metric", "val/error", "--mode", "min", "--baseline", "plain", "--name", "copy"]
    done = ablate("import", export_to / "curves.csv", *laws, *place)
    assert done.returncode == 0, done.stderr
    tables = []
    for name in ("ran", "copy"):
        told = json.loads(ablate("leaderboard", name, "--json", *place).stdout)["leaderboard"]
        tables.append(
            [(r["arm"], r["values"], r["difference"], r["verdict"]) for r in told["rows"]]
        )
    assert tables[0] == tables[1] and len(tables[0][0][1]) == 3


def test_second_import_changes_nothing_and_a_broken_off_one_is_completed(tmp_path: Path) -> None:
    file = write(tmp_path / "curves.csv", GOOD)
    plan, ledger = bring_in(file, metric="")
    before = tree(tmp_path)
    bring_in(file, metric="")
    assert tree(tmp_path) == before
    (tmp_path / f"runs/imported/cells/{plan.cells[0].key}/done.json").unlink()
    for path in (tmp_path / f"runs/imported/cells/{plan.cells[1].key}").rglob("*.json"):
        path.unlink()
    assert [r.status for r in ledger.records().values()][:2] == ["interrupted", "pending"]
    bring_in(file, metric="")
    assert {r.status for r in ledger.records().values()} == {"finished"}
    assert tree(tmp_path).keys() == before.keys()


def test_imported_cells_say_where_they_are_from_and_have_no_weights(tmp_path: Path) -> None:
    file = write(tmp_path / "curves.csv", GOOD)
    plan, ledger = bring_in(file, metric="")
    assert (plan.scale, plan.data, plan.study) == ("record", "curves.csv", "imported")
    for record in ledger.records().values():
        assert record.start["imported"] == {"file": "curves.csv", "sha256": plan.data_digest}
        assert record.commit and not record.commit.state and not record.commit.weights_sha256
    assert not list(tmp_path.rglob("*.pt"))
    export(plan, ledger, None, tmp_path / "out")
    cells = pandas.read_csv(tmp_path / "out/cells.csv")
    unknown = ["weights_sha256", "commit", "torch", "host", "gpu_hours", "cost_usd"]
    assert cells[[*unknown, "perf/billed_s"]].isna().all(axis=None)
    assert "imported from curves.csv (SHA-256" in (tmp_path / "out/README.md").read_text()


def test_imported_sweep_cannot_be_resumed_or_run(tmp_path: Path) -> None:
    file = write(tmp_path / "line.csv", GOOD)
    place = ["--storage", tmp_path / "runs"]
    assert ablate("import", file, *LESS, *place).returncode == 0
    assert "must have a study to go on with, and was imported from line.csv" in refused(
        "resume", "line", *place
    )
    assert "run it under another --name" in refused("run", LINE, "--name", "line", *place)
    assert ablate("gc", "line", "--weights", *place).stdout == "0 state files deleted\n"


def test_name_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    place = ["--storage", tmp_path / "runs", "--name", "x"]
    file, other = write(tmp_path / "a.csv", GOOD), write(tmp_path / "b.csv", GOOD[:4])
    assert ablate("import", file, *LESS, *place).returncode == 0
    before = tree(tmp_path / "runs")
    assert "must hold the curves of b.csv" in refused("import", other, *LESS, *place)
    more = ["--mode", "max", "--baseline", "A"]
    assert "mode was 'min' and is now 'max'" in refused("import", file, *more, *place)
    assert tree(tmp_path / "runs") == before
    place = ["--storage", tmp_path / "ran", "--name", "x"]
    here = ["--scale", "smoke", "--here", "plain", "--seeds", "0"]
    assert ablate("run", LINE, *here, *place).returncode == 0
    assert "and holds line; choose another with --name" in refused("import", file, *LESS, *place)


def test_value_that_is_not_finite_fails_its_cell_and_no_arm_wins_by_it(tmp_path: Path) -> None:
    rows = [*GOOD[:-1], ("B", 1, 20, "nan")]
    plan, ledger = bring_in(write(tmp_path / "curves.csv", rows), metric="")
    failed = ledger.record(plan.cells[-1].key)
    assert (failed.status, failed.points[-1].step) == ("failed", 10)
    assert failed.error == "as recorded: loss must be finite, got nan at step 20"
    row = next(r for r in leaderboard(plan, ledger.records()).rows if r.arm == "B")
    label = row.labels[1]
    assert label and (label.kind, label.step) == ("non-finite", 20)
    assert (row.failed, row.finished, row.verdict) == (1, 1, "undecided")


def test_table_of_one_value_a_row_says_the_same(tmp_path: Path) -> None:
    wide = [(*row, 10 * row[2]) for row in GOOD]
    plan, ledger = bring_in(
        write(tmp_path / "wide.csv", wide, "arm,seed,step,loss,tokens"), metric="loss"
    )
    melted = pandas.read_csv(tmp_path / "wide.csv").melt(["arm", "seed", "step"], var_name="metric")
    (tmp_path / "other").mkdir()
    melted.to_csv(tmp_path / "other/long.csv")  # with pandas' index, a column without a heading
    one, other = bring_in(tmp_path / "other/long.csv", metric="loss")
    assert (one.arms, one.seeds) == (plan.arms, plan.seeds)
    for cell, twin in zip(plan.cells, one.cells, strict=True):
        assert ledger.record(cell.key).points == other.record(twin.key).points


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must have a row of headings arm, seed, step, is empty"),
        ("arm,seed,step,loss\n", "must have rows below its headings, has none"),
        ("arm,step,loss\nA,1,2\n", "must have the columns arm, seed, step, lacks seed; it has"),
        ("arm;seed;step;loss\nA;0;1;2\n", "must have commas between its columns, has ';'"),
        (
            "A,0,1,2\nA,0,2,3\n",
            "row 1: must be headings, arm, seed, step and metrics, got A, 0, 1, 2",
        ),
        ("arm,seed,step\nA,0,1\n", "must have a column per metric"),
        ("arm,seed,step,loss,loss\nA,0,1,2,3\n", "column 'loss': must be there once, is 2 x"),
        ("arm,seed,step,loss,metric.loss\nA,0,1,2,3\n", "'metric.loss' and 'loss': are one metric"),
        ("arm,seed,step,loss\nA,0,1,2,3\n", "row 2: must have 4 columns as the headings do, has 5"),
        ('arm,seed,step,loss\nA,0,1,"2\n', "must be a CSV in UTF-8, got"),
        (
            "\n\narm,seed,step,loss\n\nA,0,1,2\n\n,,,\nA,0,x,2\n",
            "row 8: seed and step must be whole",
        ),
        ('arm,seed,step,loss\n"A\nb",0,1,2\nA,0,-1,2\n', "row 4: seed and step must be whole"),
        (f"arm,seed,step,loss\nA,0,1,{'9' * 400}\n", "row 2: loss must be a number, got '99999"),
        (f"arm,seed,step,loss\nA,0,1,-{'9' * 5000}\n", "row 2: loss must be a number, got '-9999"),
        (f"arm,seed,step,loss\nA,0,{2**63},2\n", "row 2: seed and step must be whole numbers"),
        ("arm,seed,step,loss\nA,0,1,low\n", "row 2: loss must be a number, got 'low'"),
        ("arm,seed,step,loss\nA,x,1,2\n", "row 2: seed and step must be whole numbers from 0"),
        ("arm,seed,step,loss\nA,0,1.5,2\n", "got '0' and '1.5'"),
        ("arm,seed,step,loss\n ,0,1,2\n", "row 2: arm must be a name, is empty"),
        (
            "arm,seed,step,loss\nA,0,1,2\nA,0,2,2\nA,0,1,3\n",
            "rows 2 and 4: must differ in arm, seed, step, are both A, 0, 1",
        ),
        (
            "arm,seed,step,metric,value\nA,0,1,loss,2\nA,0,1,loss,3\n",
            "rows 2 and 3: must differ in arm, seed, step or metric, are both A, 0, 1, loss",
        ),
        (
            "arm,seed,step,loss\nA,0,1,2\nA,0,2,2\nA,1,1,3\n",
            "seed 1: must end at step 2 as the arm's other seeds do, ends at 1: unfinished",
        ),
        ("arm,seed,step,loss\nA,0,1,2\nA,0,2\n", "seed 0: must have loss at its last step 2"),
        ("arm,seed,step,x,y\nA,0,1,2,3\n", "metric must be one of x, y, got none; choose with"),
        ("arm,seed,step,loss\nA,0,1,2\nB,0,1,2\n", "baseline must be one of A, B, got none"),
    ],
)
def test_bad_table_is_refused_in_one_line_and_leaves_nothing(tmp_path, text, words) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    line = refused("import", file, "--mode", "min", "--storage", tmp_path / "runs")
    assert words in line and "bad.csv" in line
    assert not tree(tmp_path / "runs")


def test_unknown_options_are_refused_by_name(tmp_path: Path) -> None:
    file = write(tmp_path / "curves.csv", GOOD)
    place = ["--storage", tmp_path / "runs"]
    assert "metric must be one of loss, got val; choose with --metric" in refused(
        "import", file, *LESS, "--metric", "val", *place
    )
    assert "baseline must be one of A, B, got C" in refused(
        "import", file, "--mode", "min", "--baseline", "C", *place
    )
    assert "must be a file that can be read" in refused(
        "import", tmp_path / "none.csv", *LESS, *place
    )
    assert ablate("import", file, "--baseline", "A", *place).returncode == 2  # no --mode


def test_arms_whose_names_make_one_folder_name_stay_apart(tmp_path: Path) -> None:
    rows = [("A b", 0, 1, 1.0), ("A_b", 0, 1, 2.0)]
    plan, ledger = bring_in(write(tmp_path / "c.csv", rows), metric="", baseline="A b")
    finals = {c.arm: ledger.record(c.key).points[-1].metrics["loss"] for c in plan.cells}
    assert finals == {"A b": 1.0, "A_b": 2.0}
