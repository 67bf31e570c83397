"""The command that shows a program: its graph, laws, steps, value and picture."""

import shutil

import pytest

pytest.importorskip("trainables.graph.judge.laws")

from trainables.graph.__main__ import main
from trainables.ruby.ingest.ruby import parse_source


def test_fibonacci_is_shown_with_laws_steps_value_and_picture(tmp_path, capsys):
    picture = tmp_path / "fibonacci.png"
    assert main(["fibonacci", "--picture", str(picture)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "25 nodes, 26 edges, 10 literals"
    for law in ("out_degree", "in_degree", "orphan", "acyclic", "terminal", "spine"):
        assert [law, "kept", "kept"] in [line.split() for line in told]
    assert "  57    24  boundary" in told
    assert told[-5:] == [
        "ending: halted after 57 steps, at node 24 boundary",
        "printed: 55",
        "memory: a = 55, b = 89, count = 10, temp = 89",
        "value: 55",
        f"picture: {picture}",
    ]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_run_that_is_cut_off_says_so(tmp_path, capsys):
    main(["fibonacci", "--limit", "5", "--picture", str(tmp_path / "x.png")])
    assert "ending: step limit after 5 steps" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_told_in_a_line(tmp_path, capsys):
    assert main([str(tmp_path / "none.rb")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("trainables.graph: source must be `fibonacci` or a file of Ruby")
    assert "none.rb" in told and told.count("\n") == 1


@pytest.mark.skipif(not shutil.which("ruby"), reason="ruby is not installed")
def test_a_method_of_ruby_is_shown(tmp_path, capsys):
    source, picture = tmp_path / "two.rb", tmp_path / "two.png"
    source.write_text("def one(a)\n  a + 1\nend\n\ndef two\n  b = 3\n  b - 1\nend\n")
    try:
        parse_source("1")
    except RuntimeError as error:
        pytest.skip(str(error))
    assert main([str(source), "--method", "two", "--picture", str(picture)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"two, line 5 of {source}\n")
    assert "memory: b = 3" in told
    assert "value: 2" in told
    assert main([str(source), "--method", "three"]) == 2
    assert "must have a method three, got one, two" in capsys.readouterr().err


def test_without_ruby_the_command_says_what_installs_it(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.rb").write_text("def a = 1\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([str(tmp_path / "a.rb")]) == 2
    told = capsys.readouterr().err
    assert "ruby ruby-whitequark-parser" in told
    assert told.count("\n") == 1
