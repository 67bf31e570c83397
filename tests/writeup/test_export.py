"""The files of an export, read back as a reader would."""

import csv
from pathlib import Path

import pandas
import pytest
from made_up import METRIC, late, made_up

from infra.ledger.ledger import Ledger
from infra.study.plan import Plan
from infra.writeup.export import export
from search_spaces.space import Finding

THIRD = 1 / 3
VALUES = {
    "A": [1.0, THIRD, 1e-17],
    "None": [0.1, "failed", 0.3],
    "C,d": [0.5, "interrupted", "pending"],
}
CLAIM = Finding(
    id="X-1", tag="REPO", statement="A | falls.", source="nowhere", documented="1",
    scales=("lab",), holds=lambda view: view.final("None", METRIC) < 1,
)  # fmt: skip


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Plan, Ledger]:
    return made_up(tmp_path, VALUES, points=late, gpus=0.5, usd_per_gpu_hour=3.0)


def read(path: Path) -> pandas.DataFrame:
    """As the README tells."""
    return pandas.read_csv(path, keep_default_na=False, na_values=[""])


def texts(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_same_ledger_gives_the_same_bytes(sweep, tmp_path: Path) -> None:
    plan, ledger = sweep
    for name in ("one", "two"):
        export(plan, ledger, [CLAIM], tmp_path / name)
    one, two = texts(tmp_path / "one"), texts(tmp_path / "two")
    tables = {"cells.csv", "arms.csv", "curves.csv", "findings.csv"}
    assert set(one) == {*tables, "leaderboard.tex", "README.md", "logs/1-s1.txt"}
    assert one == two


def test_every_cell_is_in_the_table_with_its_status(sweep, tmp_path: Path) -> None:
    export(*sweep, None, tmp_path / "out")
    cells = read(tmp_path / "out/cells.csv").set_index("cell")
    assert len(cells) == 9
    assert cells.status["1-s1"] == "failed"
    assert cells.error["1-s1"] == "FloatingPointError: nan"
    assert cells.status["2-s1"] == "interrupted"
    assert cells.status["2-s2"] == "pending"
    assert cells.steps["1-s1"] == 20
    assert pandas.isna(cells[METRIC]["1-s1"])
    assert pandas.isna(cells.gpu_hours["2-s2"])
    assert cells.attempts["2-s2"] == 0


def test_numbers_and_names_read_back_exactly(sweep, tmp_path: Path) -> None:
    export(*sweep, None, tmp_path / "out")
    cells = read(tmp_path / "out/cells.csv").set_index("cell")
    assert cells[METRIC]["0-s1"] == THIRD
    assert cells[METRIC]["0-s2"] == 1e-17
    assert set(cells.arm) == {"A", "None", "C,d"}
    arms = read(tmp_path / "out/arms.csv").set_index("arm")
    assert arms["seed.1"]["A"] == THIRD


def test_columns_of_cells_stand_in_the_documented_order(sweep, tmp_path: Path) -> None:
    export(*sweep, None, tmp_path / "out")
    with open(tmp_path / "out/cells.csv", newline="") as file:
        header = next(csv.reader(file))
    assert header == [
        "study", "sweep", "scale", "arm", "seed", "cell", "status", "error", "damage", "labels",
        "steps", "parameters", "gpu_hours", "cost_usd", "config.rate", "config.optim.kind",
        "config.seed", METRIC, "metric.status", "train/examples", "train/parameters", "val/lpips",
        "val/top1",
        "weights_sha256", "commit", "dirty", "package_digest", "study_sha256",
        "script_sha256", "torch", "python", "host", "device", "threads", "data_digest", "dtype",
        "autocast", "compile", "matmul_precision", "deterministic", "attempts", "resume",
        "perf/billed_s", "perf/train_s",
    ]  # fmt: skip


def test_metric_first_reported_late_is_a_column_of_every_file(sweep, tmp_path: Path) -> None:
    export(*sweep, None, tmp_path / "out")
    for name in ("cells.csv", "arms.csv", "curves.csv"):
        assert "val/lpips" in read(tmp_path / "out" / name).columns
    curves = read(tmp_path / "out/curves.csv")
    assert list(curves.columns[:4]) == ["arm", "seed", "step", METRIC]
    assert curves.columns[-1] == "perf/train_s"
    first = curves[(curves.arm == "A") & (curves.seed == 1)]
    assert list(first.step) == [0, 10, 20, 30, 40]
    assert first["val/lpips"].isna().tolist() == [True] * 4 + [False]
    assert first[METRIC].iloc[-1] == THIRD


def test_provenance_and_cost_stand_beside_each_cell(sweep, tmp_path: Path) -> None:
    export(*sweep, None, tmp_path / "out")
    cell = read(tmp_path / "out/cells.csv").set_index("cell").loc["0-s0"]
    assert (cell.gpu_hours, cell.cost_usd) == (0.25, 0.75)
    assert (cell.commit, cell.torch, cell.host, cell.threads) == ("c0ffee", "2.13.0", "one", 1)
    assert (cell.parameters, cell.weights_sha256, cell["metric.status"]) == (8, "A-0", 7)
    assert not cell.dirty


def test_cost_without_a_price_is_empty_and_not_zero(tmp_path: Path) -> None:
    export(*made_up(tmp_path, VALUES, gpus=1), None, tmp_path / "out")
    assert read(tmp_path / "out/cells.csv").cost_usd.isna().all()
    assert read(tmp_path / "out/arms.csv").cost_usd.isna().all()


def test_arms_are_the_leaderboard(sweep, tmp_path: Path) -> None:
    export(*sweep, None, tmp_path / "out")
    arms = read(tmp_path / "out/arms.csv").set_index("arm")
    assert list(arms.index) == ["C,d", "None", "A"]  # by the difference, over seeds that both have
    assert arms.n.tolist() == [1, 2, 3]
    assert (arms.pair_seeds["None"], arms.pairs["None"]) == ("0, 2", 2)
    assert arms.failed["None"] == 1
    assert arms.verdict["None"] == "undecided"
    assert "n = 2" in arms.reason["None"]
    assert arms["difference"]["None"] == pytest.approx((-0.9 + 0.3) / 2)


def test_findings_have_a_row_each_and_their_seeds(sweep, tmp_path: Path) -> None:
    export(*sweep, [CLAIM], tmp_path / "out")
    row = read(tmp_path / "out/findings.csv").iloc[0]
    assert (row.finding, row.verdict, row.holds, row.seeds) == ("X-1", "undecided", 2, 3)
    assert row["seed.0"]
    assert pandas.isna(row["seed.1"])


def test_study_without_findings_still_has_the_columns(sweep, tmp_path: Path) -> None:
    export(*sweep, (), tmp_path / "out")
    assert list(read(tmp_path / "out/findings.csv").columns[:3]) == ["finding", "tag", "verdict"]


def test_second_export_leaves_no_file_of_the_first_that_no_longer_holds(
    sweep, tmp_path: Path
) -> None:
    plan, ledger = sweep
    out = tmp_path / "out"
    export(plan, ledger, [CLAIM], out)
    (out / "mine.txt").write_text("kept")
    ledger.reopen("1-s1")
    export(plan, ledger, None, out)
    assert set(texts(out)) == {
        "cells.csv", "arms.csv", "curves.csv", "leaderboard.tex", "README.md", "mine.txt",
    }  # fmt: skip


def test_readme_explains_every_column(sweep, tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = export(*sweep, [CLAIM], out)
    assert written[-1] == out / "README.md"
    readme = (out / "README.md").read_text()
    assert "schema 1" in readme
    assert "A \\| falls." in readme
    for name in ("cells.csv", "arms.csv", "findings.csv"):
        for column in read(out / name).columns:
            known = f"| {column} |" in readme
            assert known or "/" in column or column.startswith(("config.", "seed.", "metric."))


def test_failed_cell_leaves_what_it_printed(sweep, tmp_path: Path) -> None:
    export(*sweep, None, tmp_path / "out")
    log = (tmp_path / "out/logs/1-s1.txt").read_text()
    assert "1-s1 says hello" in log
    assert "FloatingPointError: nan" in log


def test_damaged_cell_stays_in_the_table_and_says_what_broke(sweep, tmp_path: Path) -> None:
    (tmp_path / "runs/sweep/cells/0-s2/0001-aa/points-000000040.json").write_text("[]")
    export(*sweep, None, tmp_path / "out")
    cell = read(tmp_path / "out/cells.csv").set_index("cell").loc["0-s2"]
    assert cell.status == "interrupted"
    assert "0-s2" in cell.damage
    assert pandas.isna(cell[METRIC])


def test_folder_that_cannot_be_written_is_refused_in_one_line(sweep, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="must be a folder that can be written.*name another") as e:
        export(*sweep, None, tmp_path / "file")
    assert "\n" not in str(e.value)
