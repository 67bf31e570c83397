"""Rows of methods in the documented schema: checked, labelled, split, written."""

import json
import math

import pyarrow.parquet as pq
import pytest
from conftest import ablate
from ruby_methods import call, method, row, s, twelve_gems, write_rows

from trainables.ruby.ingest.ingest import ingest_ruby


def rows_of(folder) -> list[dict]:
    files = sorted(folder.glob("methods-*.parquet"))
    return [one for file in files for one in pq.read_table(file).to_pylist()]


def ingested(tmp_path, rows, **options) -> tuple[dict, list[dict]]:
    source = write_rows(tmp_path / "rows" / "methods.jsonl", rows)
    manifest = ingest_ruby(source, tmp_path / "out", **options)
    return manifest, rows_of(tmp_path / "out")


def reasons(manifest) -> dict[str, int]:
    return {one["reason"]: one["count"] for one in manifest["skipped"]}


def test_rows_come_out_as_they_went_in_with_a_side_and_a_hash(tmp_path):
    rows = [one | {"id": f"id-{n}", "complexity_score": 1.0} for n, one in enumerate(twelve_gems())]
    manifest, found = ingested(tmp_path, rows)
    assert [{key: one[key] for key in rows[0]} for one in found] == rows
    assert {one["split"] for one in found} == {"train", "validation"}
    assert len({one["ast_sha256"] for one in found}) == len(rows) == 36
    assert manifest["kind"] == "ruby" and len(manifest["digest"]) == 64
    assert manifest["rows"] == {
        side: sum(one["split"] == side for one in found) for side in ("train", "validation")
    }


def test_the_command_says_what_it_made(tmp_path):
    source = write_rows(tmp_path / "methods.jsonl", [*twelve_gems(), twelve_gems()[0]])
    done = ablate("data", "ruby", source, "--to", tmp_path / "out", "--split", "file", "--json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)["manifest"]
    assert manifest["split"]["by"] == "file"
    assert manifest["summary"].startswith("36 methods of 12 gems, ")
    assert "1 copies of one tree removed, 0 things skipped" in manifest["summary"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "the line is no JSON"),
        ("[1]", "the line is no JSON object"),
        (b"\xff\xfe", "the line is no UTF-8"),
        ("[" * 100_000, "the line is nested too deeply for a row"),
        ({"repo_name": None}, "the row's repo_name is missing"),
        ({"ast_json": method("m")}, "the row's ast_json is no text"),
        ({"raw_source": "\ud800"}, "the row's raw_source is no Unicode text"),
        ({"start_line": "3"}, "the row's start_line is no line number"),
        ({"start_line": True}, "the row's start_line is no line number"),
        ({"ast_json": "null"}, "ast_json is null, not a node"),
        ({"ast_json": "[]"}, "ast_json is a list, not a node"),
        ({"ast_json": '{"type":'}, "ast_json is no JSON"),
        ({"ast_json": '{"type":"def"}'}, "a node has no children"),
        ({"ast_json": '{"type":"send","children":[]}'}, "a node send has not the children"),
    ],
)
def test_a_bad_row_is_counted_with_its_reason_and_the_others_stay(tmp_path, line, reason):
    source = write_rows(tmp_path / "methods.jsonl", twelve_gems())
    if isinstance(line, dict):
        line = json.dumps(row("gem", "m") | line)
    bad = line if isinstance(line, bytes) else line.encode()
    source.write_bytes(bad + b"\n\n" + source.read_bytes())
    manifest = ingest_ruby(source, tmp_path / "out")
    [(found, count)] = reasons(manifest).items()
    assert found.startswith(reason) and count == 1
    assert len(rows_of(tmp_path / "out")) == 36


def test_a_score_is_kept_where_it_is_one_and_computed_where_not(tmp_path):
    scores = [1.0, 7.25, None, "1", -1, math.nan, math.inf, 10**400, True, 0, 250]
    rows = [
        row(f"gem{n}", f"m{n}", call("go"), complexity_score=score)
        for n, score in enumerate(scores)
    ]
    manifest, found = ingested(tmp_path, rows)
    kept = {0: 1.0, 1: 7.25, 9: 0.0, 10: 250.0}
    assert [one["complexity_score"] for one in found] == [kept.get(n, 1.0) for n in range(11)]
    assert manifest["label"]["origins"] == {
        "computed": 1,
        "computed, given a number outside of the possible": 4,
        "computed, given no number": 2,
        "given": 1,
        "given, computed differs": 3,
    }


def test_no_method_is_left_out_for_its_score(tmp_path):
    scores = [1.99, 2.0, 100.0, 100.01]
    rows = [row(f"gem{n}", f"m{n}", complexity_score=score) for n, score in enumerate(scores)]
    manifest, found = ingested(tmp_path, rows)
    assert [one["in_range"] for one in found] == [False, True, True, False]
    assert manifest["label"]["below"] == manifest["label"]["above"] == 1


def test_of_methods_with_one_tree_the_first_is_kept_and_the_others_counted(tmp_path):
    copies = [row(f"copy{n}", "m0_1", call("go"), file_path=f"{n}.rb") for n in range(20)]
    manifest, found = ingested(tmp_path, [*twelve_gems(), *copies])
    assert manifest["copies"] == 20 and len(found) == 36
    assert found[0]["repo_name"] == "gem0"


def test_duplicates_that_are_asked_for_are_on_both_sides_and_their_share_is_told(tmp_path):
    copies = [row(f"copy{n}", "m0_1", call("go"), file_path=f"{n}.rb") for n in range(20)]
    manifest, found = ingested(tmp_path, [*twelve_gems(), *copies], keep_duplicates=True)
    assert len(found) == 56
    sides = {
        side: {one["ast_sha256"] for one in found if one["split"] == side}
        for side in ("train", "validation")
    }
    held_out = [one for one in found if one["split"] == "validation"]
    leaks = [one for one in held_out if one["ast_sha256"] in sides["train"]]
    assert leaks
    share = manifest["split"]["leak_share_with_duplicates"]
    assert share == pytest.approx(len(leaks) / len(held_out), abs=1e-6)


def test_ids_are_each_rows_own(tmp_path):
    rows = [row("gem", f"m{n}", line=1) for n in range(4)]
    for one in rows[:2]:
        one["id"] = "the same"
    rows += [row("other", "other")]
    _, found = ingested(tmp_path, rows)
    assert found[0]["id"] == "the same"
    assert len({one["id"] for one in found}) == 5
    again, _ = ingested(tmp_path / "again", rows)
    assert [one["id"] for one in rows_of(tmp_path / "again" / "out")] == [o["id"] for o in found]


def test_nodes_and_literals_are_counted_apart(tmp_path):
    body = call("go", s("int", 3), s("nil"), on=s("self"))  # and def, args; m, go, 3
    manifest, found = ingested(tmp_path, [row("a", "m", body), row("b", "n")])
    assert (found[0]["nodes"], found[0]["literals"]) == (6, 3)
    assert (found[1]["nodes"], found[1]["literals"]) == (2, 2)  # its name, and no body
    assert manifest["trees"] == {
        "size_mean": 6.5,
        "size_median": 6.5,
        "literal_share": 5 / 13 // 1e-6 / 1e6,
    }


def test_a_folder_of_rows_is_read_whole(tmp_path):
    rows = twelve_gems()
    write_rows(tmp_path / "in" / "a.jsonl", rows[:7])
    write_rows(tmp_path / "in" / "deep" / "b.jsonl", rows[7:])
    write_rows(tmp_path / "in" / ".hidden" / "c.jsonl", [row("hidden", "m")])
    (tmp_path / "in" / "notes.txt").write_text("not rows")
    ingest_ruby(tmp_path / "in", tmp_path / "out")
    assert len(rows_of(tmp_path / "out")) == 36
