"""The folder that is written: all of it or nothing, and never over something else."""

import json

import pytest
from ruby_methods import call, row, twelve_gems, write_rows

from infra.ledger.data import data_digest
from trainables.prepared import DataSet
from trainables.ruby.ingest.ingest import ingest_ruby


@pytest.fixture
def source(tmp_path):
    return write_rows(tmp_path / "methods.jsonl", twelve_gems())


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_digest_is_that_of_the_rows_and_of_no_place(source, tmp_path):
    digest = ingest_ruby(source, tmp_path / "a")["digest"]
    assert data_digest(str(tmp_path / "a")) == digest
    moved = write_rows(tmp_path / "else" / "where.jsonl", twelve_gems())
    assert ingest_ruby(moved, tmp_path / "b")["digest"] == digest
    assert ingest_ruby(source, tmp_path / "c", seed=1)["digest"] != digest
    rows = twelve_gems()
    rows[3]["raw_source"] += " # and so on"
    changed = write_rows(tmp_path / "changed.jsonl", rows)
    assert ingest_ruby(changed, tmp_path / "d")["digest"] != digest


def test_what_is_there_already_is_left_alone(source, tmp_path):
    first = ingest_ruby(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    assert ingest_ruby(source, tmp_path / "out") == first
    assert contents(tmp_path / "out") == before
    assert set(before) == {"manifest.json", "methods-00000.parquet"}


def test_a_damaged_set_is_made_again(source, tmp_path):
    ingest_ruby(source, tmp_path / "out")
    whole = contents(tmp_path / "out")
    (tmp_path / "out" / "methods-00000.parquet").write_bytes(b"half")
    ingest_ruby(source, tmp_path / "out")
    assert contents(tmp_path / "out") == whole


@pytest.mark.parametrize(
    "other",
    [{"split": "row"}, {"seed": 2}, {"validation_fraction": 0.3}, {"keep_duplicates": True}],
)
def test_another_split_is_refused_where_one_is(source, tmp_path, other):
    ingest_ruby(source, tmp_path / "out")
    with pytest.raises(ValueError, match="must be empty or hold the same data, .*another split"):
        ingest_ruby(source, tmp_path / "out", **other)


def test_other_rows_are_refused_where_some_are(source, tmp_path):
    ingest_ruby(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    write_rows(source, [*twelve_gems(), row("more", "m", call("go"))])
    with pytest.raises(ValueError, match=r"another ingestion \(digest "):
        ingest_ruby(source, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_a_folder_with_something_else_in_it_is_refused(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="got 'thesis.tex' in it; name another folder"):
        ingest_ruby(source, tmp_path / "out")
    (tmp_path / "out" / "thesis.tex").unlink()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({"kind": "ct", "schema": 1}))
    with pytest.raises(ValueError, match="must be the manifest of a ruby data set.*'ct'"):
        ingest_ruby(source, tmp_path / "out")


def test_an_ingestion_that_breaks_off_leaves_no_manifest_and_can_be_repeated(
    source, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DataSet, "publish", full)
    with pytest.raises(RuntimeError, match="must be writable, got No space left on device"):
        ingest_ruby(source, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()
    monkeypatch.undo()
    assert ingest_ruby(source, tmp_path / "out")["rows"]["train"]
    assert set(contents(tmp_path / "out")) == {"manifest.json", "methods-00000.parquet"}
    assert not (tmp_path / "out" / ".incomplete").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_fraction": 0.0}, r"validation_fraction must be in \(0, 0.5\], got 0.0"),
        ({"validation_fraction": 0.6}, r"validation_fraction must be in \(0, 0.5\], got 0.6"),
        ({"split": "gem"}, "a split by gem must have gems on both sides, got 1; give --split file"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(tmp_path, options, message):
    source = write_rows(tmp_path / "methods.jsonl", [row("one", "m"), row("one", "n")])
    with pytest.raises(ValueError, match=message) as refusal:
        ingest_ruby(source, tmp_path / "out", **options)
    assert "\n" not in str(refusal.value)


def test_what_was_skipped_is_told_before_too_little_is_refused(tmp_path, capsys):
    source = write_rows(tmp_path / "methods.jsonl", [row("one", "m"), "{", row("one", "n")])
    with pytest.raises(ValueError, match="got 1; give --split file"):
        ingest_ruby(source, tmp_path / "out")
    assert capsys.readouterr().err == "skipped 1: the line is no JSON object (methods.jsonl:2)\n"


def test_a_source_without_methods_is_refused_with_the_reason(tmp_path):
    for content, said in [("", "no method in it"), ("{\n", "the line is no JSON")]:
        source = tmp_path / "rows.jsonl"
        source.write_text(content)
        with pytest.raises(ValueError, match=f"must hold methods, got none .*{said}"):
            ingest_ruby(source, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold .rb files or rows as .jsonl, got neither"):
        ingest_ruby(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(ValueError, match="must be a file or folder, got nothing there"):
        ingest_ruby(tmp_path / "gone", tmp_path / "out")
