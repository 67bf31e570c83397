"""Documents for programs: each command's is what the schema says, refusals too."""

import shutil
from pathlib import Path

import jsonschema
import pytest
from conftest import LINE, ROOT, ablate
from documents import EXAMPLE, SCHEMA, conforms
from made_up import made_up

KEPT = ROOT / "tests/kept"
SWEEPS = ("dino_cm-smoke", "dino_cm-broken")


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("status-json", "status"),
        ("leaderboard-json", "leaderboard_of_one"),
        ("verdicts-json", "verdicts"),
        ("gc-json", "collected"),
    ],
)
def test_kept_documents_are_as_the_schema_says(sweep: str, name: str, kind: str) -> None:
    text = (KEPT / sweep / f"{name}.txt").read_text()
    conforms(text.rpartition("exit status")[0], kind)


def test_commands_that_read_print_what_the_schema_says(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [3.0, 3.1, 2.9], "B": [2.9, "failed", 3.0]})
    runs = tmp_path / "runs"
    shutil.copytree(runs / "sweep", runs / "again")
    curves = tmp_path / "mine.csv"
    curves.write_text("arm,seed,step,loss\nA,0,1,2.0\nB,0,1,3.0\n")
    for words, kind in (
        (["leaderboard", "sweep", "again"], "leaderboard_of_several"),
        (["leaderboard", "sweep"], "leaderboard_of_one"),
        (["logs", "sweep", plan.cells[0].key], "logs"),
        (["status", "sweep"], "status"),
        (["report", "sweep", "again", "--to", tmp_path / "r.html"], "reported"),
        (["import", curves, "--mode", "min", "--baseline", "A"], "imported"),
        (["export", "mine", "--to", tmp_path / "out"], "exported"),
    ):
        done = ablate(*words, "--json", "--storage", runs)
        conforms(done.stdout, kind)


def test_plan_and_end_of_a_run_are_as_the_schema_says(tmp_path: Path) -> None:
    place = ["--scale", "smoke", "--seeds", "0", "--storage", tmp_path, "--json"]
    ended = conforms(ablate("run", LINE, *place, "--here", "plain").stdout, "ended")
    assert ended == {"schema": 1, "sweep": "line-smoke", "status": 0}
    words = ["run", LINE, *place, "--arms", "plain", "--dry-run", "--no-preflight"]
    planned = conforms(ablate(*words).stdout, "planned")
    assert [cell["arm"] for cell in planned["plan"]["cells"]] == ["plain"]


def test_what_is_refused_is_a_document_too(tmp_path: Path) -> None:
    done = ablate("leaderboard", "none", "--json", "--storage", tmp_path)
    told = conforms(done.stdout, "refused")
    assert done.returncode == told["status"] == 2
    assert done.stderr == f"ablate: {told['error']}\n"
    assert ablate("leaderboard", "none", "--storage", tmp_path).stdout == ""


def test_a_key_that_the_schema_does_not_know_is_found() -> None:
    with pytest.raises(jsonschema.ValidationError):
        conforms('{"schema": 1, "sweep": "x", "deleted": [], "more": 1}', "collected")
    with pytest.raises(AssertionError, match="NaN is no JSON"):
        conforms('{"schema": NaN}', "collected")


def test_example_stays_short() -> None:
    """What it does is tried on a real sweep, in test_sweep.py."""
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 25
