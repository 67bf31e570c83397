"""What an earlier ablate wrote is read as it was: output, exports, identities and options.

`tests/kept/ledgers` holds two sweeps of `dino_cm` at its smallest scale, as ablate wrote them
before the packages had rooms. The second was then damaged by hand: a cell failed, one is cut short,
one has torn points, one never ran; its plan says `lab`, so that its findings are judged. What every
command said of them stands beside; of the report without pictures, which go with matplotlib.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import ablate

from infra.cli.parser import build_parser
from infra.study.locate import load_study
from infra.study.plan import make_plan
from sweeps.__main__ import INGESTERS, STUDIES

KEPT = Path(__file__).parent / "kept"
COMMANDS = {
    "status": ["status", "SWEEP"],
    "status-json": ["status", "SWEEP", "--json"],
    "logs": ["logs", "SWEEP", "99-s1-a873b773"],
    "leaderboard": ["leaderboard", "SWEEP"],
    "leaderboard-json": ["leaderboard", "SWEEP", "--json"],
    "leaderboard-at": ["leaderboard", "SWEEP", "--at", "steps=3"],
    "leaderboard-at-dollars-json": ["leaderboard", "SWEEP", "--at", "dollars=0", "--json"],
    "verdicts": ["verdicts", "SWEEP"],
    "verdicts-json": ["verdicts", "SWEEP", "--json"],
    "export": ["export", "SWEEP", "--to", "TMP/export"],
    "report": ["report", "SWEEP", "--to", "TMP/report.html"],
    "gc-json": ["gc", "SWEEP", "--weights", "--json"],
}
SWEEPS = ("dino_cm-smoke", "dino_cm-broken")


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.*")}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return shutil.copytree(KEPT / "ledgers", tmp_path / "runs")


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_said(sweep: str, name: str, runs: Path, tmp_path: Path) -> None:
    words = [w.replace("SWEEP", sweep).replace("TMP", str(tmp_path)) for w in COMMANDS[name]]
    done = ablate(*words, "--storage", runs)
    said = (done.stdout + done.stderr).replace(str(tmp_path), "TMP")
    assert f"{said}exit status {done.returncode}\n" == (KEPT / sweep / f"{name}.txt").read_text()
    if name == "export":
        assert files(tmp_path / "export") == files(KEPT / sweep / "export")
    if name == "report":
        page = re.sub(
            r"<svg.*?</svg>", "<svg/>", (tmp_path / "report.html").read_text(), flags=re.S
        )
        assert page == (KEPT / sweep / "report.html").read_text()


def test_cells_have_the_keys_that_they_had() -> None:
    kept = json.loads((KEPT / "keys.json").read_text())
    for name, scales in kept.items():
        study, _ = load_study(name, STUDIES)
        assert {s: [c.key for c in make_plan(study, s).cells] for s in study.scales} == scales


def test_every_option_is_still_there_with_its_default() -> None:
    def missing(kept: dict, now: dict, where: str = "") -> list[str]:
        found = [f"{where} {name}" for name in kept if name not in now]
        for name in kept.keys() & now.keys():
            if isinstance(kept[name], dict):
                found += missing(kept[name], now[name], f"{where} {name}")
            elif kept[name] != now[name]:
                found.append(f"{where} {name}: {kept[name]} was the default, now {now[name]}")
        return found

    kept = json.loads((KEPT / "options.json").read_text())
    assert not missing(kept, options(build_parser(INGESTERS)))


def options(parser: argparse.ArgumentParser) -> dict:
    """Option strings, or names of positional arguments, with their defaults, by command."""
    told = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            told |= {name: options(command) for name, command in action.choices.items()}
        else:
            told[" ".join(action.option_strings) or action.dest] = repr(action.default)
    return told
