"""The README's commands are commands, its study is a study, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
from conftest import ROOT, ablate

from infra.cli.parser import build_parser
from sweeps.__main__ import INGESTERS, STUDIES

README = (ROOT / "README.md").read_text()


def test_the_first_lines_say_what_it_is_and_how_to_begin():
    lines = README.splitlines()
    assert lines[0].startswith("# ablate")
    assert "make sweep" in "\n".join(lines[:20]) and "make test" in "\n".join(lines[:20])


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(ablate [a-z][^`]*)`", README))))
def test_every_command_is_understood(command):
    words = shlex.split(command)[1:]
    if words[0] == "COMMAND":
        return
    assert build_parser(INGESTERS).parse_args(words).command == words[0]


def test_links_and_files_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:tests|sweeps|infra)/[\w/]+\.py)`", README):
        assert (ROOT / path).exists(), path


def test_every_study_is_in_the_table():
    assert set(re.findall(r"^\| \[(\w+)\]\(sweeps/", README, re.M)) == set(STUDIES)


def test_the_study_of_ones_own_runs(tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(code.splitlines()) <= 80  # one page
    study = Path(tmp_path, "my_study.py")
    study.write_text(code)
    done = ablate("run", study, "--here", "big", "--seeds", "0", "--storage", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
