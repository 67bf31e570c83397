"""One leaderboard over several sweeps."""

import json
import re
import shutil
from io import StringIO

import pytest
from conftest import ablate
from made_up import made_up

from infra.answer.compare import leaderboard
from infra.errors import Refused
from infra.writeup.several import several_table
from infra.writeup.several_page import several_page
from infra.writeup.tables import show


def test_arms_of_several_sweeps_are_ranked_by_their_means_and_keep_their_verdicts(tmp_path):
    boards = {}
    for name, values in (
        ("one", {"A": [3.0, 3.1, 2.9], "B": [1.0, 1.1, 0.9]}),
        ("two", {"A": [2.0, 2.1, 1.9], "C": ["failed", "failed", "failed"]}),
    ):
        plan, ledger = made_up(tmp_path / name, values)
        boards[name] = leaderboard(plan, ledger.records())
    rows = several_table(boards).to_json()["rows"]
    assert [(row["sweep"], row["arm"]) for row in rows] == [
        ("one", "B"), ("two", "A"), ("one", "A"), ("two", "C"),
    ]  # fmt: skip
    assert [row["verdict"] for row in rows[:3]] == ["better", "baseline", "baseline"]
    assert rows[3]["failed"] == "3 of 3"


def test_sweeps_by_other_laws_are_refused_with_the_law(tmp_path):
    boards = {}
    for name, laws in (("less", {}), ("more", {"mode": "max"})):
        plan, ledger = made_up(tmp_path / name, {"A": [1.0, 2.0]}, **laws)
        boards[name] = leaderboard(plan, ledger.records())
    with pytest.raises(Refused, match="sweep 'more': must have mode 'min' as 'less' has, got"):
        several_table(boards)


def test_sweeps_of_unlike_scales_stand_in_one_table_with_their_scale(tmp_path):
    """Own cells beside those that somebody else recorded, by the same metric."""
    made_up(tmp_path, {"A": [3.0, 3.1, 2.9], "B": [1.0, 1.1, 0.9]})
    curves = tmp_path / "theirs.csv"
    rows = [f"{arm},{s},10,{2 + s / 64 + (arm == 'T')}" for arm in "ST" for s in range(3)]
    curves.write_text("\n".join(["arm,seed,step,val/loss_nats", *rows]))
    place = ["--storage", tmp_path / "runs"]
    ablate("import", curves, "--mode", "min", "--baseline", "T", *place)
    told = ablate("leaderboard", "sweep", "theirs", *place)
    assert "2 sweeps (lab, record): val/loss_nats" in told.stdout, told.stderr
    boards = json.loads(ablate("leaderboard", "sweep", "theirs", "--json", *place).stdout)
    assert {name: b["scale"] for name, b in boards["leaderboards"].items()} == {
        "sweep": "lab",
        "theirs": "record",
    }
    ablate("report", "sweep", "theirs", "--to", tmp_path / "r.html", *place)
    page = (tmp_path / "r.html").read_text()
    assert "Not ranked together" not in page and "record is what others recorded" in page


def test_scale_has_a_column_where_it_differs_alone(tmp_path):
    boards = {}
    for name, scale in (("big", "paper"), ("small", "lab")):
        plan, ledger = made_up(tmp_path / name, {"A": [1.0, 2.0]}, scale=scale)
        boards[name] = leaderboard(plan, ledger.records())
    rows = several_table(boards).to_json()["rows"]
    assert [(row["sweep"], row["scale"]) for row in rows] == [("big", "paper"), ("small", "lab")]
    assert "scale" not in several_table({"big": boards["big"]}).to_json()["rows"][0]


def test_names_of_arms_stay_readable_beside_long_names_of_sweeps(tmp_path):
    values = {"plain": [2.7831, 2.7901, 2.7702], "plain as run": [3.00312, 3.0104, 2.9987]}
    plan, ledger = made_up(tmp_path, values)
    table = several_table({"golf_adapters-lab-seconds": leaderboard(plan, ledger.records())})
    assert "failed" not in table.to_json()["rows"][0]  # a column of which nobody has use
    show(table, shown := StringIO())
    assert "plain" in shown.getvalue() and "as run" in shown.getvalue()


def test_several_sweeps_stand_in_one_page(tmp_path):
    sweeps = {}
    for name, laws in (("one", {}), ("two", {}), ("more", {"mode": "max"})):
        values = {"A": [3.0, 3.1, 2.9], "B": [1.0, 1.1, 0.9]}
        plan, ledger = made_up(tmp_path / name, values, **laws)
        sweeps[name] = plan, ledger
    alike = several_page({name: sweeps[name] for name in ("one", "two")})
    assert "2 sweeps (lab): val/loss_nats" in alike
    assert alike.count('<svg role="img"') == 6 and alike.count("<h2>") == 3
    ids = re.findall(r' id="([^"]+)"', alike)
    assert len(ids) == len(set(ids))
    assert {*re.findall(r"url\(#([^)]*)\)", alike), *re.findall(r'href="#([^"]*)"', alike)} <= {
        *ids
    }
    other = several_page({name: sweeps[name] for name in ("one", "more")})
    assert "Not ranked together: sweep" in other and other.count('<svg role="img"') == 6


def test_the_command_takes_several_names(tmp_path):
    made_up(tmp_path, {"A": [1.0, 2.0], "B": [3.0, 4.0]})
    runs = tmp_path / "runs"
    shutil.copytree(runs / "sweep", runs / "again")
    told = ablate("leaderboard", "sweep", "again", "--storage", runs)
    assert told.returncode == 0 and "2 sweeps (lab)" in told.stdout
    document = json.loads(
        ablate("leaderboard", "sweep", "again", "--storage", runs, "--json").stdout
    )
    assert list(document["leaderboards"]) == ["sweep", "again"]
    ablate("report", "sweep", "again", "--to", tmp_path / "r.html", "--storage", runs)
    assert (tmp_path / "r.html").read_text().count("<h2>") == 3
