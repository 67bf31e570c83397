"""Ruby sources: parsed by Ruby's own parser, whatever they look like."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ruby_methods import needs_ruby, s, write_rows

from infra.cli import ablate
from infra.errors import REFUSED
from sweeps.__main__ import INGESTERS
from trainables.ruby.flog import call_weight
from trainables.ruby.ingest import sources
from trainables.ruby.ingest.ingest import ingest_ruby
from trainables.ruby.ingest.ruby import RubyParser, parse_source
from trainables.ruby.ingest.sources import PARSED, gem_of
from trainables.ruby.trees import read_tree

GEMS = {
    "lib/one.rb": "def first(x)\n  x + 1\nend\n",
    "gems/two-1.2.3/lib/two.rb": "module Two\n  def self.second = puts(:two)\nend\n",
    "gems/three-0.4.pre1/lib/three/deep.rb": "class A\n  private def third; end\nend\n",
}


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def rows_of(folder: Path) -> list[dict]:
    return pq.read_table(folder / "methods-00000.parquet").to_pylist()


@pytest.mark.parametrize(
    ("path", "gem"),
    [
        ("3.1.0/json/ext.rb", "json"),
        ("3.1.0/set.rb", "set"),
        ("vendor_ruby/rubygems/package.rb", "rubygems"),
        ("gems/3.1.0/gems/net-smtp-0.3.1/lib/net/smtp.rb", "net-smtp"),
        ("all/gems/rake-13.0.6.pre2/lib/rake.rb", "rake"),
        ("repos/rails/lib/gems/x.rb", "rails"),
        ("rack-2.2.4/lib/rack/mime.rb", "rack"),
        ("lib/mine/a.rb", "mine"),
        ("a.rb", "a"),
    ],
)
def test_the_gem_is_told_by_the_place(path, gem):
    assert gem_of(Path("/source", path), Path("/source")) == gem


def test_without_ruby_a_line_says_what_to_install(tmp_path, monkeypatch):
    written(tmp_path / "in", GEMS)
    monkeypatch.setenv("PATH", str(tmp_path))
    for attempt in (
        lambda: ingest_ruby(tmp_path / "in", tmp_path / "out"),
        lambda: parse_source("def a; end"),
    ):
        with pytest.raises(RuntimeError, match="apt-get install ruby ruby-whitequark-parser$"):
            attempt()


@pytest.mark.parametrize(
    ("there", "to", "said"),
    [
        ("", "out", "got no `ruby` here; apt-get install ruby ruby-whitequark-parser"),
        (os.pathsep + os.environ["PATH"], "file/out", "must be writable, got Not a directory; "),
    ],
)
def test_the_command_says_what_is_lacking_in_a_line(tmp_path, monkeypatch, capsys, there, to, said):
    written(tmp_path / "in", GEMS)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PATH", str(tmp_path) + there)
    command = ["data", "ruby", str(tmp_path / "in"), "--to", str(tmp_path / to)]
    assert ablate({}, INGESTERS, command) == REFUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ablate: Ruby ") and said in line


def test_without_the_parser_gem_a_line_says_what_to_install(tmp_path, monkeypatch):
    ruby = tmp_path / "ruby"
    ruby.write_text('#!/bin/sh\necho \'{"missing": "cannot load such file -- parser/current"}\'\n')
    ruby.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(RuntimeError, match="parser/current; apt-get install ruby ruby-white"):
        parse_source("def a; end")


@needs_ruby
def test_a_tree_of_sources_becomes_rows_by_gem(tmp_path):
    manifest = ingest_ruby(written(tmp_path / "in", GEMS), tmp_path / "out")
    rows = {one["repo_name"]: one for one in rows_of(tmp_path / "out")}
    assert set(rows) == {"one", "two", "three"}
    assert rows["one"]["raw_source"] == "def first(x)\n  x + 1\nend"
    assert rows["one"]["complexity_score"] == 1.3
    assert rows["two"]["file_path"] == "gems/two-1.2.3/lib/two.rb"
    assert [rows[gem]["start_line"] for gem in ("one", "two", "three")] == [1, 2, 2]
    assert rows["three"]["raw_source"] == "def third; end"  # and not what stands around it
    assert set(manifest["versions"]) == {"ruby", "parser", "grammar"}


@needs_ruby
def test_methods_come_with_their_names_lines_and_trees():
    found = parse_source("def a(x) = x\n\ndef self.b\n  def c; end\nend\n")
    assert [(one.name, one.start_line) for one in found] == [("a", 1), ("self.b", 3), ("c", 4)]
    assert found[0].ast == s("def", "a", s("args", s("arg", "x")), s("lvar", "x"))


@needs_ruby
@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("", []),
        ("# nothing\n", []),
        ("def a; end\n__END__\ndef b; end\n", ["def a; end"]),
        ("\ufeffdef a; end\n", ["def a; end"]),
        ("def a\r\n  'x'\r\nend\r\n", ["def a\n  'x'\nend"]),
        ("=begin\ndef no; end\n=end\ndef é; 'ü'; end", ["def é; 'ü'; end"]),
        ("def a = <<~T\n  one\nT\n", ["def a = <<~T\n  one\nT\n"]),
        ("def a; b <<T; end\none\nT\ndef c; end\n", ["def a; b <<T; end\none\nT\n", "def c; end"]),
        ("def a = b.c do\n  1\nend\n", ["def a = b.c do\n  1\nend"]),
        ("x = 1\ndef x.a; end\n", ["def x.a; end"]),
        ('def a; [__LINE__, __FILE__, 3r, 2i, 1e400, ?a, :"b c"]; end', None),
        ("\n\n\ndef a\n  __LINE__\nend", ["def a\n  __LINE__\nend"]),
        ("# coding: euc-jp\ndef a; '\udca4\udca2'; end", ["def a; 'あ'; end"]),
    ],
)
def test_a_method_is_the_same_by_itself(source, texts):
    found = parse_source(source)
    if texts is not None:
        assert [one.raw_source.rstrip("\n") for one in found] == [t.rstrip("\n") for t in texts]
    for one in found:
        [alone] = parse_source(one.raw_source)
        assert (alone.ast, alone.start_line) == (one.ast, 1)


@needs_ruby
def test_what_is_no_ruby_is_refused_with_its_line():
    with pytest.raises(ValueError, match=r"a.rb line 2 must be Ruby as Parser::Ruby\d+ reads it"):
        parse_source("def a\n  )\nend", "a.rb")


@needs_ruby
def test_files_that_cannot_be_parsed_are_counted_by_reason(tmp_path):
    files: dict[str, str | bytes] = GEMS | {
        "bad/a.rb": "def a",
        "bad/b.rb": "def b\n",
        "bad/c.rb": b"def c; '\xff'; end",
        "bad/d.rb": "# coding: no-such\ndef d; end",
        "bad/new\nline.rb": 'def e; "\\xff"; end',
    }
    source = written(tmp_path / "in", files)
    (source / "gone.rb").symlink_to(tmp_path / "nowhere")
    manifest = ingest_ruby(source, tmp_path / "out")
    skipped = {one["reason"]: one["count"] for one in manifest["skipped"]}
    assert skipped.pop("is no file") == 1
    assert skipped.pop("syntax error (unexpected_token)") == 2
    assert skipped.pop("syntax error (invalid_encoding)") == 1
    assert skipped.pop("not valid in the encoding that it states, or UTF-8") == 1
    assert skipped == {"the parser failed (ArgumentError)": 1}  # there is no such coding
    assert len(rows_of(tmp_path / "out")) == 3


@needs_ruby
def test_names_of_files_may_be_hostile(tmp_path):
    name = os.fsdecode(b"in/'; rm -rf $HOME\n\xff .rb")
    source = written(tmp_path, {name: "def a; end", "in/b.rb": "def b; end"}) / "in"
    ingest_ruby(source, tmp_path / "out")
    assert {one["file_path"] for one in rows_of(tmp_path / "out")} == {
        "'; rm -rf $HOME\n\\xff .rb",
        "b.rb",
    }


@needs_ruby
def test_a_tree_deeper_than_any_stack_is_parsed(tmp_path):
    levels = 3000
    source = f"def deep\n  {'[' * levels}{']' * levels}\nend\n"
    written(tmp_path / "in", {"deep.rb": source, "b.rb": "def b; end"})
    ingest_ruby(tmp_path / "in", tmp_path / "out")
    rows = {one["repo_name"]: one for one in rows_of(tmp_path / "out")}
    assert rows["deep"]["nodes"] == levels + 2
    assert call_weight(read_tree(rows["deep"]["ast_json"])) == 0


@needs_ruby
def test_a_file_that_takes_too_long_is_left_and_the_next_is_parsed(tmp_path):
    written(
        tmp_path, {"long.rb": "def a; [" + "1 + " * 300_000 + "1]; end", "short.rb": "def b; end"}
    )
    with RubyParser(seconds=0.3) as parser:
        assert json.loads(parser.answer(tmp_path / "long.rb")) == {"error": "took more than 0.3 s"}
        parser.seconds = 60
        assert len(json.loads(parser.answer(tmp_path / "short.rb"))["methods"]) == 1


@needs_ruby
def test_a_parser_that_dies_is_begun_again(tmp_path):
    written(tmp_path, {"a.rb": "def a; end"})
    with RubyParser() as parser:
        parser._process.kill()
        parser._process.wait()
        assert json.loads(parser.answer(tmp_path / "a.rb")) == {
            "error": "the parser's process ended"
        }
        assert len(json.loads(parser.answer(tmp_path / "a.rb"))["methods"]) == 1


@needs_ruby
def test_a_broken_off_ingestion_goes_on_where_it_was(tmp_path, monkeypatch):
    source = written(tmp_path / "in", GEMS)
    whole = ingest_ruby(source, tmp_path / "whole")
    asked: list[str] = []
    answer = RubyParser.answer

    def third_fails(self, path):
        asked.append(path.name)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return answer(self, path)

    monkeypatch.setattr(sources.RubyParser, "answer", third_fails)
    with pytest.raises(KeyboardInterrupt):
        ingest_ruby(source, tmp_path / "out")
    log = tmp_path / "out" / ".incomplete" / PARSED
    assert log.read_bytes().count(b"\n") == 2
    with log.open("ab") as file:
        file.write(b"torn by the kill")
    again = ingest_ruby(source, tmp_path / "out")
    assert asked[3:] == [asked[2]]
    assert again == whole


@needs_ruby
def test_sources_and_their_rows_make_the_same_data(tmp_path):
    ingest_ruby(written(tmp_path / "in", GEMS), tmp_path / "a")
    rows = rows_of(tmp_path / "a")
    schema = ("repo_name", "file_path", "start_line", "raw_source", "complexity_score", "ast_json")
    given = [{name: one[name] for name in (*schema, "id")} for one in rows]
    manifest = ingest_ruby(write_rows(tmp_path / "rows.jsonl", given), tmp_path / "b")
    assert rows_of(tmp_path / "b") == rows
    assert manifest["label"]["origins"] == {"given": 3}


@needs_ruby
def test_a_tree_without_a_method_is_refused(tmp_path):
    source = written(tmp_path / "in", {"a.rb": "puts 1\n", "empty.rb": ""})
    with pytest.raises(ValueError, match="must hold methods, got none"):
        ingest_ruby(source, tmp_path / "out")
