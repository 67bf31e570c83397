"""The command line: quick answers, one clear line and the documented status for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LINE, ROOT, ablate, ablate_process, refused
from documents import conforms

from infra.errors import Refused
from infra.execution.ray_session import ray_session


def test_help_loads_nothing_heavy():
    script = (
        "import sys\nfrom sweeps.__main__ import main\n"
        "sys.argv = ['ablate', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'ray', 'mlflow', 'pandas', 'scipy', 'boto3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]") and "COMMAND" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "dino_cn"], ", such as dino_cm, "),
        (["run", "nowhere.py"], "must be a file, and there is none at"),
        (
            ["run", LINE, "--arms", "plain,bold"],
            "arm must be one of plain, half, heavy, got 'bold'",
        ),
        (["run", LINE, "--data", "/nowhere"], "must hold manifest.json, and does not; prepare it"),
        (["run", LINE, "--name", "a/b"], "choose with --name"),
        (["run", LINE, "--max-seeds", "5"], "--max-seeds 5: must come with --until-decided"),
        (["status", "nothing"], "sweep 'nothing': must exist"),
        (["resume", "nothing"], "sweep 'nothing': must exist"),
        (["leaderboard", "nothing"], "sweep 'nothing': must exist"),
        (["export", "nothing", "--to", "x"], "sweep 'nothing': must exist"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments, words, tmp_path):
    assert words in refused(*arguments, "--storage", tmp_path / "runs")


def test_an_address_where_no_ray_runs_is_refused_in_one_line(tmp_path):
    done = ablate_process("run", LINE, "--address", "127.0.0.1:9", "--storage", tmp_path)
    [line] = done.stderr.strip().splitlines()
    assert done.returncode == 2 and "must lead to a running Ray" in line


def test_a_client_address_is_refused_with_what_to_use():
    with pytest.raises(Refused, match="use ray job submit"), ray_session("ray://localhost:1"):
        pass


@pytest.mark.parametrize(
    "option",
    [["--seeds", "one"], ["--seeds=-5"], ["--seeds", str(2**63)],
     ["--cpus-per-cell", "0"], ["--max-parallel", "-1"]],
)  # fmt: skip
def test_options_out_of_range_are_wrong_usage(option, tmp_path):
    done = ablate("run", LINE, *option, "--storage", tmp_path)
    [line] = done.stderr.strip().splitlines()
    assert done.returncode == 2 and line.startswith(f"ablate: run: argument {option[0][:7]}")
    assert line.endswith("see ablate run --help")


def test_unknown_names_are_refused_wherever_they_stand(tmp_path):
    place = ["--storage", tmp_path]
    assert "must exist in" in refused("gc", "nope", *place)
    twins = ["--dry-run", "--allow-identical", "plain,nobody", *place]
    told = refused("run", LINE, "--scale", "smoke", *twins)
    assert "must name arms of study 'line', plain, half, heavy, got 'nobody'" in told
    assert "see ablate run --help" in refused("run", LINE, "--sede", "0", *place)
    assert "must name at least one" in refused("run", LINE, "--seeds", "", *place)


def test_a_scale_that_needs_prepared_data_is_refused_without(tmp_path):
    told = refused("run", "dino_cm", "--scale", "paper", "--storage", tmp_path)
    assert "must have prepared data, got none" in told and "ablate data ct SOURCE" in told


def test_a_storage_below_a_file_is_refused_by_whoever_reads(tmp_path):
    (tmp_path / "file").write_text("")
    for words in (["status", "x"], ["list"], ["run", LINE, "--dry-run"]):
        assert "must be a folder, and" in refused(*words, "--storage", tmp_path / "file" / "runs")


def test_a_study_runs_in_the_folder_it_lies_in(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(LINE.read_text())
    monkeypatch.chdir(tmp_path)
    here = ["--scale", "smoke", "--here", "half", "--seeds", "0", "--storage", "runs"]
    done = ablate("run", "mine.py", *here)
    assert done.returncode == 0, done.stderr


def test_a_study_that_leaves_is_refused(tmp_path):
    study = tmp_path / "leaves.py"
    study.write_text("raise SystemExit(0)")
    assert "must be importable, but it raises SystemExit at leaves.py:1" in refused(
        "run", study, "--storage", tmp_path / "runs"
    )


def test_what_a_study_passes_wrongly_is_told_by_its_own_line_and_not_by_ours(tmp_path):
    study = tmp_path / "passes.py"
    study.write_text("from ablate import Arms\n\nArms(source='none', overides={})\n")
    assert "raises TypeError at passes.py:3" in refused(
        "run", study, "--storage", tmp_path / "runs"
    )
    study.write_text("from ablate import Study\n\nStudy(*range(3))\n")
    assert "raises TypeError at passes.py:3" in refused(
        "run", study, "--storage", tmp_path / "runs"
    )


def test_an_edit_of_what_a_study_imports_is_changed_code(tmp_path):
    (tmp_path / "rate_of_mine.py").write_text("RATE = 0.1\n")
    study, own = tmp_path / "imports.py", "    rate: float = "
    text = LINE.read_text().replace(f"{own}0.1", f"{own}RATE")
    study.write_text(
        text.replace("import torch\n", "import torch\nfrom rate_of_mine import RATE\n", 1)
    )
    here = ["--scale", "smoke", "--here", "half", "--storage", tmp_path / "runs"]
    assert ablate_process("run", study, *here, "--seeds", "0").returncode == 0
    (tmp_path / "rate_of_mine.py").write_text("RATE = 0.1  # edited\n")
    again = ablate_process("run", study, *here, "--seeds", "1")
    assert again.returncode == 2
    assert "the digest of its module 'rate_of_mine' was" in again.stderr


def test_a_config_that_is_infinite_runs(tmp_path):
    study = tmp_path / "infinite.py"
    study.write_text(
        LINE.read_text().replace(
            "rate: float = 0.1", "rate: float = 0.1\n    clip: float = float('inf')"
        )
    )
    here = ["--scale", "smoke", "--here", "half", "--seeds", "0", "--storage", tmp_path / "runs"]
    assert ablate("run", study, *here).returncode == 0


def test_a_file_that_is_no_study_is_refused_with_what_it_raised(tmp_path):
    study = tmp_path / "mine.py"
    study.write_text("x = 1\n")
    assert "must define STUDY" in refused("run", study, "--storage", tmp_path)
    study.write_text(LINE.read_text().replace('"half": {"momentum"', '"half": {"momentun"'))
    assert "has no field 'momentun'; it has seed, steps" in refused(
        "run", study, "--storage", tmp_path
    )


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1}'])
def test_a_damaged_manifest_is_refused(content, tmp_path):
    (tmp_path / "manifest.json").write_text(content)
    assert "manifest.json must be whole" in refused(
        "run", LINE, "--data", tmp_path, "--storage", tmp_path
    )


def test_a_name_of_another_study_is_refused(tmp_path):
    other = tmp_path / "other.py"
    other.write_text(LINE.read_text().replace('name="line"', 'name="other"'))
    place = ["--storage", tmp_path, "--name", "shared"]
    assert ablate("run", LINE, "--dry-run", *place).returncode == 0
    here = ablate("run", LINE, "--scale", "smoke", "--here", "plain", "--seeds", "0", *place)
    assert here.returncode == 0, here.stderr
    assert "holds one of 'line' by that name" in refused("run", other, *place)


def test_a_changed_study_is_refused_with_the_difference(tmp_path):
    study = tmp_path / "mine.py"
    study.write_text(LINE.read_text())
    place = ["--storage", tmp_path / "runs", "--scale", "smoke"]
    assert ablate("run", study, "--here", "half", "--seeds", "0", *place).returncode == 0
    study.write_text(
        LINE.read_text().replace('"half": {"momentum": 0.5}', '"half": {"momentum": 0.6}')
    )
    assert "arm 'half': momentum was 0.5 and is now 0.6" in refused("run", study, *place)


def test_a_metric_that_no_run_reports_fails_the_cells_and_names_those_there_are(tmp_path):
    study = tmp_path / "mine.py"
    study.write_text(LINE.read_text().replace('metric="val/error"', 'metric="val/eror"'))
    done = ablate(
        "run", study, "--scale", "smoke", "--here", "half", "--seeds", "0", "--storage", tmp_path
    )
    assert done.returncode == 1
    assert "metric 'val/eror': must be reported by the run, which reports" in done.stdout
    assert "val/error" in done.stdout


def test_a_non_finite_metric_fails_the_cell_with_step_and_name(tmp_path):
    study = tmp_path / "mine.py"
    study.write_text(
        LINE.read_text().replace('"train/loss": float(loss)', '"train/loss": float("inf")')
    )
    done = ablate(
        "run", study, "--scale", "smoke", "--here", "half", "--seeds", "0", "--storage", tmp_path
    )
    assert (
        done.returncode == 1
        and "metric 'train/loss': must be finite, got inf at step 4" in done.stdout
    )


def test_a_dry_run_prints_the_plan_and_leaves_nothing(tmp_path):
    done = ablate("run", LINE, "--dry-run", "--json", "--storage", tmp_path / "runs")
    plan = json.loads(done.stdout)["plan"]
    assert len(plan["cells"]) == 9 and not (tmp_path / "runs").exists()


def test_the_script_takes_the_same_options_as_the_command(tmp_path):
    done = subprocess.run(
        [sys.executable, LINE, "--dry-run", "--seeds", "4", "--storage", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "3 arms x 1 seed = 3 cells" in done.stdout


def test_the_sweeps_of_a_storage_are_listed_damaged_ones_too(tmp_path):
    place = ["--storage", tmp_path]
    quick = ["--scale", "smoke", "--seeds", "0", "--here", "plain", *place]
    assert ablate("run", LINE, *quick, "--name", "mine").returncode == 0
    assert ablate("run", LINE, *quick, "--name", "torn").returncode == 0
    (tmp_path / "torn" / "plan.json").write_text("{")
    mine, torn = conforms(ablate("list", *place, "--json").stdout, "listed")["sweeps"]
    assert (mine["sweep"], mine["study"], mine["cells ended"]) == ("mine", "line", "1/1")
    assert "plan.json" in torn["study"]


def test_a_dry_resume_shows_what_is_left_and_runs_nothing(tmp_path):
    place = ["--storage", tmp_path]
    here = ["--scale", "smoke", "--seeds", "0", "--here", "plain"]
    assert ablate("run", LINE, *here, *place).returncode == 0
    before = sorted(tmp_path.rglob("*"))
    shown = ablate("resume", "line-smoke", "--seeds", "1", "--dry-run", *place)
    assert shown.returncode == 0 and "finished" in shown.stdout and "plain-s1-" in shown.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_every_sweep_is_executable_and_listed():
    listed = {row["study"] for row in json.loads(ablate("list", "--json").stdout)["studies"]}
    scripts = {p.stem: p for p in (ROOT / "sweeps").glob("[!_]*.py")}
    assert listed == set(scripts)
    for script in scripts.values():
        assert script.stat().st_mode & 0o111 and script.read_text().startswith(
            "#!/usr/bin/env python"
        )
        assert len(script.read_text().splitlines()) <= 40


def test_doctor_names_what_is_missing_and_what_is_there(tmp_path):
    done = ablate("doctor", "--storage", tmp_path, "--json")
    checks = {c["what"]: c for c in conforms(done.stdout, "examined")["checks"]}
    assert checks["storage"]["ok"] and checks["ray"]["ok"]
    (tmp_path / "file").write_text("")
    assert ablate("doctor", "--storage", Path(tmp_path, "file", "x")).returncode == 2
