"""The index: it spares the reading of ended cells and never says anything else than they do."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import s3_server, use_s3
from made_up import METRIC, falling, late, made_up

from infra.answer.compare import leaderboard
from infra.answer.diagnosis import diagnose_cell
from infra.answer.index import EndedCells, read_records
from infra.ledger import index
from infra.ledger.ledger import Ledger
from infra.ledger.points import Points
from infra.ledger.records import CellRecord, Point
from infra.ledger.s3 import S3Storage
from infra.study.plan import Plan

VALUES = {
    "A": [1.0, 1 / 3, 1e-17],
    "B,c": [0.1, "failed", 0.3],
    "C": [0.5, "interrupted", "pending"],
}


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Plan, Ledger]:
    return made_up(tmp_path, VALUES, points=late, gpus=0.5)


def parts(ledger: Ledger) -> list[Path]:
    return sorted(Path(ledger.storage.uri, ledger.sweep, "index").glob("*.parquet"))


def cell_files(ledger: Ledger, name: str) -> list[Path]:
    return sorted(Path(ledger.storage.uri, ledger.sweep, "cells").rglob(name))


def from_files(plan: Plan, ledger: Ledger) -> dict[str, CellRecord]:
    return {cell.key: ledger.record(cell.key) for cell in plan.cells}


def indexed(records: dict[str, CellRecord]) -> Counter[str]:
    return Counter(record.status for record in records.values() if record.indexed)


def test_a_record_out_of_the_index_is_the_one_that_the_files_give(sweep) -> None:
    plan, ledger = sweep
    read_records(plan, ledger)
    again = read_records(plan, ledger)
    assert indexed(again) == {"finished": 6, "failed": 1}
    assert again == from_files(plan, ledger)
    for record in again.values():
        label = diagnose_cell(plan, replace(record, indexed=None))
        assert diagnose_cell(plan, record) == label
        assert [list(point.metrics) for point in record.points] == [
            list(point.metrics) for point in ledger.record(record.key).points
        ]
    told = leaderboard(plan, again).to_json()
    assert told == leaderboard(plan, from_files(plan, ledger)).to_json()


def test_what_changed_is_read_from_the_cell(sweep) -> None:
    plan, ledger = sweep
    read_records(plan, ledger)
    for name in ("done.json", "head.json", "start.json"):
        path = cell_files(ledger, name)[0]
        path.write_bytes(path.read_bytes().replace(b":", b": ", 1))
        assert sum(indexed(ledger.records(plan)).values()) == 6, name
        assert ledger.records(plan) == from_files(plan, ledger)
        read_records(plan, ledger)
    points = cell_files(ledger, "points-*.json")[0]
    points.write_bytes(b"[]")
    damaged = [record for record in read_records(plan, ledger).values() if record.damage]
    assert len(damaged) == 1 and damaged[0].indexed is None


def test_state_files_and_logs_may_go_without_a_row_going_stale(sweep) -> None:
    plan, ledger = sweep
    before = read_records(plan, ledger)
    for path in cell_files(ledger, "log.txt"):
        path.unlink()
    assert indexed(ledger.records(plan)) == {"finished": 6, "failed": 1}
    assert ledger.records(plan) == before


@pytest.mark.parametrize("harm", ["torn", "empty", "gone"])
def test_a_spoiled_index_is_made_anew(sweep, harm: str) -> None:
    plan, ledger = sweep
    before = read_records(plan, ledger)
    [part] = parts(ledger)
    part.unlink() if harm == "gone" else part.write_bytes(
        part.read_bytes()[: 40 * (harm == "torn")]
    )
    assert not indexed(ledger.records(plan))
    assert read_records(plan, ledger) == before
    assert indexed(ledger.records(plan)) == {"finished": 6, "failed": 1}


def test_rows_of_other_code_or_laws_do_not_count(sweep, monkeypatch) -> None:
    plan, ledger = sweep
    read_records(plan, ledger)
    for law in ({"margin": 0.5}, {"chance": (0.0, 1.0)}, {"mode": "max"}, {"metric": "val/top1"}):
        assert not indexed(ledger.records(replace(plan, **law))), law
    monkeypatch.setattr(index, "code_digest", lambda *folders: "other")
    assert not indexed(ledger.records(plan))


def test_a_plan_of_fewer_cells_than_the_index_has_is_read(sweep) -> None:
    """As the same command with fewer seeds or arms reads it, or one from before an extension."""
    plan, ledger = sweep
    read_records(plan, ledger)
    fewer = replace(plan, cells=plan.cells[:4])
    assert read_records(fewer, ledger) == from_files(fewer, ledger)


def test_a_config_that_the_plan_has_too_comes_back_from_it(sweep) -> None:
    plan, ledger = sweep
    records = read_records(plan, ledger)
    again = ledger.records(plan)
    for cell in plan.cells:
        if again[cell.key].indexed:
            assert (
                again[cell.key].start["config"] == records[cell.key].start["config"] == cell.config
            )


def test_no_flipped_bit_of_a_part_is_believed(sweep) -> None:
    plan, ledger = sweep
    before = read_records(plan, ledger)
    [part] = parts(ledger)
    data = part.read_bytes()
    for place in range(0, len(data), 97):
        part.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
        assert ledger.records(plan) == before and not indexed(ledger.records(plan))


def test_a_part_of_a_foreign_make_is_passed_over(sweep) -> None:
    from io import BytesIO

    from pyarrow import Table
    from pyarrow.parquet import write_table

    plan, ledger = sweep
    before = read_records(plan, ledger)
    [part] = parts(ledger)
    part.unlink()
    for rows in (
        [{"cell": "x"}],
        [dict.fromkeys(index._COLUMNS)],
        [dict.fromkeys(index._COLUMNS, "{")],
    ):
        body = BytesIO()
        write_table(Table.from_pylist(rows), body)
        name = f"{part.name[:13]}{index._digest(body.getvalue())}.parquet"
        part.with_name(name).write_bytes(body.getvalue())
    assert ledger.records(plan) == before


def test_what_lies_in_the_folder_of_the_index_and_is_no_part_is_left_alone(sweep) -> None:
    plan, ledger = sweep
    folder = Path(ledger.storage.uri, ledger.sweep, "index")
    (folder / "sub").mkdir(parents=True)
    foreign = [folder / "NOTES.md", folder / "sub" / "data.parquet", folder / "old.parquet"]
    for file in foreign:
        file.write_text("mine")
    for margin in range(1, 25):
        read_records(replace(plan, margin=float(margin)), ledger)
    assert all(file.read_text() == "mine" for file in foreign)
    assert len(parts(ledger)) < 22


def test_numbers_of_any_size_are_kept(tmp_path: Path) -> None:
    def huge(arm: str, seed: int, value: float) -> list[Point]:
        return [
            Point(p.step, {**p.metrics, METRIC: 2**64 + seed}) for p in falling(arm, seed, value)
        ]

    plan, ledger = made_up(tmp_path, {"A": [1.0, 2.0], "B": [1.0, 2.0]}, points=huge)
    assert read_records(plan, ledger) == ledger.records(plan) == from_files(plan, ledger)
    assert indexed(ledger.records(plan)) == {"finished": 4}


def test_a_storage_that_cannot_be_written_is_read_all_the_same(sweep) -> None:
    plan, ledger = sweep
    Path(ledger.storage.uri, ledger.sweep, "index").write_text("in the way")
    assert read_records(plan, ledger) == from_files(plan, ledger)


def test_a_driver_writes_each_cell_once_in_parts_that_grow(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {f"arm {i}": [float(i), i + 0.5] for i in range(300)})
    ended = EndedCells(plan, ledger, 0)
    for cell in plan.cells:
        ended.note(cell.key)
    ended.close()
    rows = [row["cell"] for p in parts(ledger) for row in index._rows(p.read_bytes(), p.name)]
    assert sorted(rows) == sorted(cell.key for cell in plan.cells)
    assert 10 < len(parts(ledger)) < 40
    assert indexed(ledger.records(plan)) == {"finished": 600}


def test_a_storage_that_fails_costs_the_driver_no_sweep(tmp_path, caplog, monkeypatch) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1.0, 2.0]})
    monkeypatch.setattr(type(ledger.storage), "list", failing)
    ended = EndedCells(plan, ledger, 0)
    ended.note(plan.cells[0].key)
    ended.close()
    assert "its index was not written: no such host" in caplog.text


def failing(storage: object, prefix: str) -> dict[str, str]:
    raise OSError("no such host")


def test_many_parts_are_made_one_by_who_reads_them_all(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {f"arm {i}": [float(i)] for i in range(40)})
    records = from_files(plan, ledger)
    for cell in plan.cells[:16]:
        alone = EndedCells(plan, ledger, 0)
        alone.note(cell.key)
        alone.close()
    assert len(parts(ledger)) == 16
    assert read_records(plan, ledger) == records
    assert len(parts(ledger)) == 1
    assert indexed(ledger.records(plan)) == {"finished": 40}


def test_on_s3_a_thousand_files_take_one_request(tmp_path: Path, monkeypatch) -> None:
    plan, local = made_up(tmp_path / "bucket", {f"arm {i}": [1.0 + i] for i in range(250)})
    folder = Path(local.storage.uri)
    (folder / "sweep").rename(tmp_path / "bucket" / "sweep")
    with s3_server("rclone", tmp_path) as endpoint:
        use_s3(monkeypatch, endpoint)
        storage = S3Storage("bucket", "")
        ledger = Ledger(storage, "sweep")
        read_records(plan, ledger)
        asked: list[str] = []
        storage._client.meta.events.register(
            "before-send.s3", lambda request, **_: asked.append(request.method)
        )
        records = read_records(plan, ledger)
        assert indexed(records) == {"finished": 250}
        files = 250 * 5  # start, points, head, log, done
        assert len(asked) <= files / 1000 + 4


def test_points_come_back_to_the_last_bit() -> None:
    rows = [
        Point(0, {"val/x": 0.1 + 0.2, "n": 3}),
        Point(10, {"val/x": 1e-320, "n": 2**70, "late": 1.0}),
        Point(20, {"val/x": 2, "n": 4, "late": -0.0}),
        Point(2**40, {}),
    ]
    back = Points.unpacked(Points(rows).packed())
    assert back == rows and repr(back.rows) == repr(tuple(rows))
    assert back.column("val/x") == [0.1 + 0.2, 1e-320, 2, None]
    assert back.column("late") == [None, 1.0, -0.0, None]
    assert back.steps == [0, 10, 20, 2**40]
    assert (len(back), back[-1], back[1:3]) == (4, rows[-1], tuple(rows[1:3]))
    assert not Points([]) and Points.unpacked(Points([]).packed()) == []


def test_columns_of_rows_and_of_packed_points_are_the_same() -> None:
    points = falling("A", 0, 0.5)
    one, two = Points(points), Points.unpacked(Points(points).packed())
    for name in {name for point in points for name in point.metrics} | {"nothing"}:
        assert one.column(name) == two.column(name) == [p.metrics.get(name) for p in points]
