"""Recorded tables, read as a finding sees a sweep."""

from pathlib import Path

import pytest
from conftest import ROOT, ablate

from infra.execution.recorded.curves_csv import read_table
from search_spaces.record import Record, best, lost_after_best, rising

TABLES = sorted(ROOT.glob("search_spaces/*/recorded/*.csv"))


@pytest.fixture
def record(tmp_path: Path) -> Record:
    path = tmp_path / "small.csv"
    path.write_text("arm,seed,step,x,y\nA,0,20,3,\nA,0,10,5,7\nB b,0,20,1.5,2\n")
    return Record(path)


def test_a_table_is_read_by_arm_metric_and_step(record):
    assert record.arms == ["A", "B b"]
    assert record.curve("A", "x") == [(10, 5.0), (20, 3.0)]
    assert (record.final("A", "x"), record.at("A", "x", 10)) == (3.0, 5.0)
    assert record.curve("A", "y") == [(10, 7.0)]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda r: r.final("C", "x"), "small.csv: has no 'x' of arm 'C'"),
        (lambda r: r.final("A", "z"), "small.csv: has no 'z' of arm 'A'"),
        (lambda r: r.at("A", "y", 20), "small.csv: has no 'y' of arm 'A' at step 20"),
        (lambda r: r.config("A", "lr"), "small.csv: tells no config"),
    ],
)
def test_what_a_table_does_not_tell_is_a_lookup_error_that_says_so(record, ask, words):
    with pytest.raises(LookupError, match=words):
        ask(record)


def test_what_is_lost_after_the_best_is_a_share_of_what_was_gained():
    curve = [(1, 10.0), (2, 6.0), (3, 9.0)]
    assert best(curve) == (2, 6.0)
    assert lost_after_best(curve) == 0.75
    assert lost_after_best(curve[:2]) == 0
    assert rising([1, 2, 3]) and not rising([1, 1]) and rising([1])


def test_there_are_tables_of_two_systems_with_a_source_for_each():
    assert {path.parent.parent.name for path in TABLES} == {"num", "pixel"}
    for path in TABLES:
        rows = (path.parent / "README.md").read_text().splitlines()
        [row] = [row for row in rows if row.startswith(f"| `{path.name}` |")]
        assert row.count(" | ") == 2 and len(row.split(" | ")[2]) > 10


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_every_table_is_imported_with_the_values_that_findings_see(path, tmp_path):
    table, record = read_table(path), Record(path)
    assert table.arms == record.arms
    for (arm, seed), points in table.curves.items():
        assert seed == 0
        for point in points:
            for metric, value in point.metrics.items():
                assert record.at(arm, metric, point.step) == value
    answer = next(name for name in table.metrics if all(
        name in points[-1].metrics for points in table.curves.values()
    ) and not name.startswith("perf/"))  # fmt: skip
    done = ablate(
        "import", path, "--metric", answer, "--mode", "min", "--baseline", table.arms[0],
        "--storage", tmp_path / "runs",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(arm in done.stdout for arm in table.arms)
