"""What somebody writes wrongly in a first study is told by file, line, field, law and value."""

import re
from pathlib import Path

import pytest
from conftest import LINE, refused

HALF, MODE = '"half": {"momentum": 0.5}', '    mode="min",\n'


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("seeds=(0, 1, 2)", "seeds=3", "seeds must be a tuple such as (0, 1, 2), got 3"),
        ("seeds=(0, 1, 2)", "seeds=('a',)", "seeds: seed must be a whole number"),
        ("run=LineRun", "run=LineRun(LineConfig())", "run must be the class that builds a run"),
        ("space=Arms(", "space=dict(", "space must be arms such as Arms(source="),
        (HALF, '"half": 0.5', "arm 'half': must be a text that maps to fields"),
        (HALF, '2: {"momentum": 0.5}', "arm 2: must be a text that maps to fields"),
        (HALF, '"half": {"seed": 5}', "arm 'half', scale 'smoke': seed is set by Study.seeds"),
        ("report: int = 4", "report: str = '4'", "steps_per_report must be an int of at least 1"),
        (MODE, f"{MODE}    margin='.1',\n", "margin must be a number or None, got '.1'"),
        (MODE, f"{MODE}    chance=0.5,\n", "chance must be a band such as (0.0, 0.1)"),
        (MODE, f"{MODE}    twins=('plain', 'half'),\n", "twins must be groups of arms such as"),
        (MODE, f"{MODE}    controls='half',\n", "controls must be a tuple of arms"),
        (MODE, f"{MODE}    cell_seconds=40,\n", "cell_seconds must be seconds by scale such as"),
        (MODE, f"{MODE}    usd_per_gpu_hour='2',\n", "usd_per_gpu_hour must be a number or None"),
    ],
)
def test_a_mistake_in_a_study_is_told_by_its_line_and_field(
    right: str, wrong: str, told: str, tmp_path: Path
) -> None:
    study = tmp_path / "mine.py"
    text = LINE.read_text()
    assert right in text
    study.write_text(text.replace(right, wrong, 1))
    line = refused("run", study, "--storage", tmp_path / "runs")
    assert told in line
    [number] = re.findall(r"^ablate: study mine\.py:(\d+): ", line)
    assert re.match(r"STUDY = |    space=", study.read_text().splitlines()[int(number) - 1])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("x = 1\nseeds = int('three')\n", "raises ValueError at mine.py:2: invalid literal"),
        ("x = 1\ny = (\n", "raises SyntaxError at mine.py:2: '(' was never closed"),
        ("import beside\n", "raises ValueError at beside.py:2: a law of mine"),
        ("x = 1\n", "must define STUDY = Study(...), and has none"),
    ],
)
def test_what_a_file_raises_is_told_by_its_own_line(code: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("x = 1\nraise ValueError('a law of mine')\n")
    (tmp_path / "mine.py").write_text(code)
    assert told in refused("run", tmp_path / "mine.py", "--storage", tmp_path / "runs")


def test_a_study_of_another_name_is_told_to_be_renamed(tmp_path: Path) -> None:
    study = tmp_path / "mine.py"
    study.write_text(LINE.read_text().replace("STUDY", "MINE"))
    assert "and has none; rename MINE" in refused("run", study, "--storage", tmp_path / "runs")
