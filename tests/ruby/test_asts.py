"""Rows of Ruby methods: good ones come out as they are, each bad one is counted by its reason."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from trainables.ruby.asts import Asts
from trainables.ruby.ingest.ingest import ingest_ruby

TREE = {"type": "def", "children": ["a", {"type": "args", "children": []}, None]}


def tree(number: int) -> str:
    return json.dumps({"type": "int", "children": [number]})


def row(number: int = 0, **changes: object) -> dict[str, object]:
    """A good row; a change to None takes the key away."""
    whole = {
        "repo_name": "gem", "file_path": "lib/a.rb", "start_line": 3 + number,
        "raw_source": "def a; end", "complexity_score": 2.2, "ast_json": tree(number),
        "id": f"row-{number}",
    }  # fmt: skip
    return {key: value for key, value in (whole | changes).items() if value is not None}


def read(path: Path, lines: list[object], **options) -> tuple[list, dict[str, int]]:
    """What is read of these lines, which are rows or the bytes of one."""
    file = path / "rows.jsonl"
    told = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    file.write_bytes(b"\n".join(told))
    asts = Asts(file, **options)
    return list(asts), dict(asts.left_out)


def test_a_row_comes_out_with_its_tree(tmp_path):
    (one,), left_out = read(tmp_path, [row(ast_json=json.dumps(TREE), complexity_score=7)])
    assert not left_out
    assert one.tree == TREE
    assert (one.nodes, one.id, one.start_line, one.split) == (2, "row-0", 3, "")
    assert (one.repo_name, one.file_path, one.raw_source) == ("gem", "lib/a.rb", "def a; end")
    assert one.complexity_score == 7.0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"repo_name": "x", "ast', "the line is no JSON"),
        (b"\xff\xfe{}", "the line is no UTF-8"),
        (b"[1, 2]", "the line is no JSON object"),
        (b"null", "the line is no JSON object"),
        (b"[" * 100_000, "the line is nested too deeply for a row"),
        (row(1, raw_source=None), "raw_source is missing"),
        (row(1, id=None), "id is missing"),
        (row(1, repo_name=3), "repo_name is a int"),
        (row(1, start_line="3"), "start_line is a str"),
        (row(1, start_line=2.5), "start_line is a float"),
        (row(1, complexity_score="high"), "complexity_score is a str"),
        (row(1, complexity_score=True), "complexity_score is a bool"),
        (row(1, complexity_score=float("nan")), "score is no number from 0 to 1e+06"),
        (row(1, complexity_score=float("inf")), "score is no number from 0 to 1e+06"),
        (row(1, complexity_score=-1), "score is no number from 0 to 1e+06"),
        (row(1, complexity_score=10**400), "score is no number from 0 to 1e+06"),
        (row(1, ast_json=None), "ast_json is missing"),
        (row(1, ast_json=TREE), "ast_json is a dict"),
        (row(1, ast_json="null"), "ast_json is null, not a node"),
        (row(1, ast_json="[]"), "ast_json is a list, not a node"),
        (row(1, ast_json="7"), "ast_json is a number, not a node"),
        (row(1, ast_json='{"type": "def", "chi'), "ast_json is no JSON"),
        (row(1, ast_json=""), "ast_json is no JSON"),
        (row(1, ast_json='{"type": "def"}'), "a node has no children"),
        (row(1, ast_json='{"children": []}'), "a node has no type"),
        (row(1, ast_json='{"type": "a", "children": [[]]}'), "a list stands where a node must"),
        (row(0), "id of an earlier row"),
        (row(1, ast_json=tree(0)), "tree of an earlier row"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_row_is_counted_by_its_reason_and_the_rest_is_read(tmp_path, bad, reason):
    rows, left_out = read(tmp_path, [row(0), bad, row(2)])
    assert [one.id for one in rows] == ["row-0", "row-2"]
    assert left_out == {reason: 1}


def test_a_tree_of_twenty_thousand_levels_is_read(tmp_path):
    deep = '{"type":"begin","children":[' * 20_000 + "null" + "]}" * 20_000
    (one,), left_out = read(tmp_path, [row(ast_json=deep)])
    assert not left_out
    assert one.nodes == 20_000


def test_large_trees_and_other_scores_are_left_out_where_asked(tmp_path):
    rows = [row(0, ast_json=json.dumps(TREE)), row(1), row(2, complexity_score=101.0)]
    kept, left_out = read(tmp_path, rows, most_nodes=1, scores=(2.0, 100.0))
    assert [one.id for one in kept] == ["row-1"]
    assert left_out == {"more than 1 nodes": 1, "score is no number from 2 to 100": 1}


def test_repeated_trees_are_kept_where_asked(tmp_path):
    rows, left_out = read(tmp_path, [row(0), row(1, ast_json=tree(0))], unique=False)
    assert len(rows) == 2
    assert rows[0].digest == rows[1].digest
    assert not left_out


def test_unicode_line_ends_marks_and_empty_lines_are_no_rows(tmp_path):
    lines = [b"\xef\xbb\xbf" + json.dumps(row(0)).encode() + b"\r", b"", b"  \r"]
    lines += [json.dumps(row(1, raw_source="a\u2028b\x85"), ensure_ascii=False).encode()]
    rows, left_out = read(tmp_path, lines)
    assert [one.raw_source for one in rows] == ["def a; end", "a\u2028b\x85"]
    assert not left_out


def test_what_was_left_out_is_told_in_a_line(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(["{}", "nonsense", "{}", json.dumps(row())]))
    asts = Asts(file)
    assert asts.told() == ""
    assert len(list(asts)) == 1
    assert asts.told() == (
        f"asts {str(file)!r}: left out 3 rows: 2 repo_name is missing, 1 the line is no JSON"
    )
    list(asts)
    assert asts.left_out.total() == 3  # of one reading, not of both


def test_an_empty_file_gives_no_rows(tmp_path):
    assert read(tmp_path, []) == ([], {})


def test_a_folder_of_json_lines_is_read_in_the_order_of_names(tmp_path):
    for number, name in enumerate(("b", "a")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row(number)))
    assert [one.id for one in Asts(tmp_path)] == ["row-1", "row-0"]


def parquet(path: Path, rows: list[dict[str, object]]) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def test_a_folder_of_parquet_is_read_by_side(tmp_path):
    sides = ["train", "validation", "train"]
    rows = [row(n, split=side, ast_sha256="0") for n, side in enumerate(sides)]
    (tmp_path / "manifest.json").write_text("{}")
    parquet(tmp_path / "part-1.parquet", rows[2:])
    parquet(tmp_path / "part-0.parquet", [*rows[:2], row(5, split="train", ast_json="[]")])
    every = Asts(tmp_path)
    assert [(one.id, one.split) for one in every] == [
        (f"row-{n}", side) for n, side in enumerate(sides)
    ]
    assert every.left_out == {"ast_json is a list, not a node": 1}
    assert [one.id for one in Asts(tmp_path, split="validation")] == ["row-1"]


@pytest.mark.parametrize("split", ["test", "Train", 3, ["train"]])
def test_a_row_of_another_side_than_the_two_is_counted_whichever_is_read(tmp_path, split):
    rows = [row(0, split="train"), row(1, split="validation"), row(2, split=split)]
    for n, side in enumerate(("train", "validation")):
        kept, left_out = read(tmp_path, rows, split=side)
        assert [one.id for one in kept] == [f"row-{n}"]
        assert left_out == {"split is none of train, validation": 1}


def test_what_was_ingested_is_read_as_it_was(tmp_path):
    source, target = tmp_path / "rows.jsonl", tmp_path / "prepared"
    rows = [row(n, repo_name=f"gem{n % 5}", raw_source="def ħ = 1") for n in range(20)]
    source.write_text("\n".join(map(json.dumps, rows)))
    manifest = ingest_ruby(source, target)
    given, read_back = (sorted(Asts(place), key=lambda r: r.id) for place in (source, target))
    assert [(r.id, r.tree, r.digest, r.raw_source) for r in read_back] == [
        (r.id, r.tree, r.digest, r.raw_source) for r in given
    ]
    assert {r.split for r in read_back} == {"train", "validation"}
    assert len(read_back) == 20 and manifest


def test_a_damaged_parquet_file_is_refused_in_a_line(tmp_path):
    file = tmp_path / "part-0.parquet"
    parquet(file, [row(n) for n in range(50)])
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ValueError, match="must be a whole Parquet file") as caught:
        list(Asts(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_source_that_is_not_there_is_refused_with_what_makes_one(tmp_path):
    for source in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ValueError, match="ablate data ruby SOURCE --to DIR"):
            Asts(source)
