"""The code of a sweep's cells: on record, refused where it was edited, and of an arm its own."""

import json
import re
from pathlib import Path

import pytest
from conftest import ablate, refused
from own_scripts import PYTHON, TRAIN, git, repository

from infra.ledger.code import digest_of
from infra.ledger.ledger import Ledger
from infra.ledger.provenance import package_digest
from infra.ledger.storage import open_storage
from trainables.script.code import files_of

STUDY = f"""
question = "Does a wider model pay?"
metric = "val_loss"
mode = "min"
baseline = "small"

[script]
command = "{PYTHON} train.py --seed={{seed}} --out={{dir}} {{flags}}"
points = {{kind = "pattern", pattern = 'step (?P<step>\\d+): .* val loss (?P<val_loss>\\S+)'}}

[flags]
lr = 0.01
steps = 20

[scales.lab]

[scales.smoke]
steps = 10

[arms.small]
"""
WIDER = TRAIN.replace("x -= a.lr * x", "x -= 2 * a.lr * x")


@pytest.fixture
def study(tmp_path) -> Path:
    """A study of a script in a repository, whose storage lies beside both."""
    source = repository(tmp_path / "repository", TRAIN, WIDER)
    path = source / "rates.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def place(study) -> tuple[str, str]:
    return "--storage", str(study.parent / "runs")


def ledger(study: Path) -> Ledger:
    return Ledger(open_storage(str(study.parent / "runs")), "rates-lab")


def test_an_edit_between_cells_is_noticed_named_and_may_be_accepted(study, place):
    assert ablate("run", study, "--here", "small", "--seeds", "0", *place).returncode == 0
    script = study.parent / "train.py"
    files = files_of(study.parent, [study, study.parent / "runs"])
    assert list(files) == ["train.py"]
    [record] = [r for r in ledger(study).records().values() if r.commit]
    code = record.start["code"]
    assert code["script_sha256"] == digest_of(files)
    assert code["commit"] == git(study.parent, "rev-parse", "main") and not code["dirty"]
    assert code["package_digest"] == package_digest() and code["versions"]["torch"]
    study.write_text(f"{STUDY}\n# a remark, which is no code\n")
    assert ablate("run", study, "--here", "small", "--seeds", "1", *place).returncode == 0
    (study.parent / "next.toml").write_text("")  # new beside what ran, which it does not touch
    beside = ablate("run", study, "--here", "small", "--seeds", "1", *place)
    assert beside.returncode == 0 and "note: next.toml: not there when earlier" in beside.stdout
    script.write_text(script.read_text() + "# edited\n")
    more = ("run", study, "--here", "small", "--seeds", "2", *place)
    told = refused(*more)
    assert "the digest of the script's code was" in told and "(train.py was edited)" in told
    assert ablate(*more, "--accept-code-change").returncode == 0
    board = ablate("leaderboard", "rates-lab", *place, "--json").stdout
    assert "cells ran under different code, script_sha256" in board


def test_an_edit_while_a_sweep_runs_fails_the_cells_that_would_run_it(study, place):
    script = study.parent / "train.py"
    edits = "if a.seed == 0: open('train.py', 'a').write('# edited')\n"
    script.write_text(TRAIN.replace("begin, x = 0", f"{edits}begin, x = 0", 1))
    ran = ablate("run", study, "--here", "small", "--seeds", "0,1", *place)
    assert ran.returncode == 1
    assert "failed: script's code: must be as the sweep's other cells run it, but train.py" in (
        ran.stdout
    )
    assert "--retry-failed" in ran.stdout


def test_an_arm_runs_its_own_code_which_is_kept_and_shown(study, place, tmp_path):
    study.write_text(f'{STUDY}\n[arms.wider]\nref = "wider"\n')
    wider = git(study.parent, "rev-parse", "wider")
    for arm in ("small", "wider"):
        assert ablate("run", study, "--here", arm, "--seeds", "0", *place).returncode == 0
    values = {r.key[:5]: r.points[-1].metrics["val_loss"] for r in ledger(study).records().values()}
    assert values["small"] == pytest.approx(10 * 0.99**20, abs=1e-4)
    assert values["wider"] == pytest.approx(10 * 0.98**20, abs=1e-4)
    kept = study.parent / "runs" / "rates-lab" / "code"
    assert (kept / f"{wider}.tar.gz").is_file()
    status = ablate("status", "rates-lab", *place).stdout
    assert f"code of arm 'wider': {wider[:12]} (wider); 1 file, +1 -1" in status
    assert "+    x -= 2 * a.lr * x" in status and "again" in status
    told = json.loads(ablate("status", "rates-lab", *place, "--json").stdout)
    assert told["code"]["wider"]["diff"].startswith("--- a/train.py\n+++ b/train.py\n")
    assert {cell["resume"] for cell in told["cells"]} == {"again"}
    ablate("report", "rates-lab", *place, "--to", page := tmp_path / "page.html")
    assert re.search(r"<details>\n<summary>code of arm &#x27;wider&#x27;.*</summary>", (
        text := page.read_text()
    )) and "-    x -= a.lr * x" in text  # fmt: skip

    git(study.parent, "branch", "-qf", "wider", "main")
    more = ("run", study, "--here", "wider", "--seeds", "1", *place)
    moved = ablate(*more)
    told = moved.stderr
    assert moved.returncode == 2 and "Traceback" not in told
    assert f"arm 'wider': code.commit was '{wider}'" in told and "-    x -= 2 * a.lr * x" in told
    study.write_text(f'{STUDY}\n[arms.wider]\nref = "{wider}"\n')
    assert ablate(*more).returncode == 0


def test_what_is_planned_of_code_is_told_before_a_cell_runs(study, place):
    study.write_text(f'{STUDY}\n[arms.head]\nref = "HEAD"\nlr = 0.02\n')
    script = study.parent / "train.py"
    script.write_text(script.read_text() + "# not committed\n")
    head = git(study.parent, "rev-parse", "HEAD")
    told = ablate("run", study, "--dry-run", *place).stdout
    assert f"code: arm 'head' runs {head[:12]} (HEAD)" in told
    assert "resume: again; a kill costs the whole cell, which begins again" in told
    assert "arm 'head': runs what is committed, and train.py has changes that are not" in told
    assert re.search(r"  small-s0-\w+  again", told)
    assert not (study.parent / "runs").exists()


def test_code_that_cannot_be_had_is_refused_in_a_line(study, place):
    (study.parent / "rope.diff").write_text("--- a/none.py\n+++ b/none.py\n@@ -1 +1 @@\n-1\n+2\n")
    study.write_text(f'{STUDY}\n[arms.rope]\npatch = "rope.diff"\n')
    told = refused("run", study, "--dry-run", *place)
    assert "study 'rates', arm 'rope': patch: must apply to commit" in told
    assert "none.py: No such file" in told
    git_folder = study.parent.parent / ".git"
    git_folder.rename(git_folder.with_name("elsewhere"))  # as in a job's copy
    told = refused("run", study, "--dry-run", *place)
    assert "ref 'HEAD': must be a commit of the repository of" in told
    assert "not a git repository" in told


def test_pace_of_short_starts_feeds_estimate_and_budgets(study, place):
    slow = TRAIN.replace("default=0.0", "default=0.02").replace("% 10 == 0", "% 5 == 0")
    (study.parent / "train.py").write_text(slow)
    study.write_text(STUDY.replace("steps = 20", "steps = 200000"))
    told = ablate("run", study, "--dry-run", *place).stdout
    seconds = re.search(r"measured: about (\d+) s a cell", told)
    assert seconds and 3900 < int(seconds[1]) < 12000, told
    told = refused("run", study, "--dry-run", "--budget-hours", "1", *place)
    assert "--budget-hours 1" in told


def test_data_without_a_manifest_have_a_digest_of_their_content(study, place, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.txt").write_text("1")
    more = ("run", study, "--here", "small", "--seeds", "0", *place, "--data", data)
    named = (*more, "--name", "with-data")
    assert ablate(*named).returncode == 0
    own = Ledger(open_storage(str(study.parent / "runs")), "with-data")
    [record] = own.records().values()
    plan = own.read_plan()
    assert plan and record.commit
    assert list(record.commit.realised["data_digest"]) == [plan.data_digest]
    (data / "a.txt").write_text("2")
    assert "data_digest was" in refused(*named)
    assert "must be a folder or a file" in refused(*more[:-1], tmp_path / "none")


def test_further_seeds_of_an_arm_are_held_to_the_config_of_its_first(study, place):
    assert ablate("run", study, "--here", "small", "--seeds", "0", *place).returncode == 0
    study.write_text(STUDY.replace("lr = 0.01", "lr = 0.02"))
    told = refused("run", study, "--here", "small", "--seeds", "1", *place)
    assert "arm 'small': lr was 0.01 and is now 0.02" in told
