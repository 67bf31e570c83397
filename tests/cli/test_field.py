"""Commands on inputs from the field: taken wrongly before, or refused in words that do not help."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import LINE, ablate, refused
from made_up import made_up

from infra.cell.reported import dump_state, load_state
from infra.errors import CellFailed
from infra.ledger.lease import Lease, is_alive, read_lease
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage


def study(folder: Path, name: str, body: str = "", state: str = "") -> Path:
    """The smallest study, with lines of its own when it is built, and more in its state."""
    code = LINE.read_text().replace('name="line"', f'name="{name}"')
    code = code.replace(
        "        self.velocity = torch.zeros(8)\n",
        f"        self.velocity = torch.zeros(8)\n{body}",
    )
    code = code.replace('"velocity": self.velocity}', f'"velocity": self.velocity, {state}}}')
    file = folder / f"{name}.py"
    file.write_text(code)
    return file


def test_a_relative_folder_of_data_is_the_one_that_the_command_meant(tmp_path, monkeypatch) -> None:
    data = tmp_path / "prepared"
    data.mkdir()
    (data / "manifest.json").write_text(json.dumps({"digest": "abc123" * 8}))
    file = study(
        tmp_path,
        "reads",
        "        assert not cfg.data or open(cfg.data + '/manifest.json').read()\n",
    )
    file.write_text(
        file.read_text().replace(
            "    fails_at: int = -1", "    fails_at: int = -1\n    data: str = ''"
        )
    )
    monkeypatch.chdir(tmp_path)
    place = ["--storage", "runs", "--seeds", "0", "--here", "half", "--scale", "smoke"]
    tried = ablate("run", file, "--dry-run", "--data", "prepared", "--storage", "runs")
    assert tried.returncode == 0, tried.stderr
    assert ablate("run", file, "--data", "prepared", *place).returncode == 0
    [plan] = (tmp_path / "runs").glob("*/plan.json")
    assert json.loads(plan.read_text())["data"] == str(data)
    monkeypatch.chdir("/")
    again = ablate("resume", plan.parent.name, "--dry-run", "--storage", tmp_path / "runs")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("name", ["data/scale.txt", "scale.txt", "./a/b"])
def test_a_relative_file_that_a_run_opens_is_told_with_where_it_looked(name, tmp_path) -> None:
    file = study(tmp_path, "opens", f"        open({name!r}).read()\n")
    line = refused("run", file, "--dry-run", "--storage", tmp_path / "runs")
    assert "cells run in an empty folder of their own, so name files by Path(__file__)" in line
    ablate("run", file, "--here", "half", "--seeds", "0", "--storage", tmp_path / "runs")
    record = next(
        iter(Ledger(open_storage(str(tmp_path / "runs")), "opens-lab").records().values())
    )
    assert "an empty folder" not in record.error or record.status == "failed"


def test_a_file_that_is_missing_by_its_whole_path_gets_no_such_advice(tmp_path) -> None:
    file = study(tmp_path, "absolute", "        open('/no/such/file').read()\n")
    assert "empty folder" not in refused("run", file, "--dry-run", "--storage", tmp_path / "runs")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("__import__('numpy').random.get_state()", "'extra[1]' holds a numpy.ndarray"),
        ("__import__('numpy').float64(1)", "'extra' holds a numpy.float64"),
        ("{'a': [1, {'b': __import__('pathlib').Path('x')}]}", "'extra.a[1].b' holds a pathlib."),
        ("__import__('random').Random(1)", "'extra' holds a random.Random"),
        ("lambda: 1", "'extra' holds a builtins.function"),
    ],
)
def test_a_state_that_could_not_be_read_back_is_told_by_its_place(value, words, tmp_path) -> None:
    file = study(tmp_path, "keeps", state=f"'extra': {value}")
    line = refused("run", file, "--dry-run", "--storage", tmp_path / "runs")
    assert words in line and "must hold tensors and Python numbers" in line


def test_what_torch_reads_back_is_no_odd_state() -> None:
    state = {
        "step": 3, "model": {"w": torch.ones(2)}, "dtype": torch.float16, "size": torch.Size([2]),
        "device": torch.device("cpu"), "names": ["a", ("b", None)], "on": True, "rate": 1e-3,
    }  # fmt: skip
    back = load_state(dump_state(state))
    assert {name: back[name] for name in state if name != "model"} == {
        name: state[name] for name in state if name != "model"
    }
    with pytest.raises(CellFailed, match="'when' holds a datetime"):
        dump_state({**state, "when": __import__("datetime").datetime.now()})


def test_a_driver_that_nobody_reaped_counts_as_dead(tmp_path) -> None:
    """The child dies by itself; its parent, this process, does not ask how it ended."""
    script = (
        "import sys, os\nfrom infra.ledger.lease import Lease\n"
        "from infra.ledger.storage import open_storage\n"
        "Lease(open_storage(sys.argv[1]), 's').acquire()\nos.kill(os.getpid(), 9)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    storage = open_storage(str(tmp_path))
    end = time.monotonic() + 60
    while not ((holder := read_lease(storage, "s")) and not is_alive(holder)):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert child.returncode is None
    Lease(storage, "s").acquire().release()
    child.wait()


def test_a_sweep_killed_before_its_plan_stood_says_what_begins_it(tmp_path) -> None:
    folder = tmp_path / "line-smoke"
    folder.mkdir()
    holder = {"host": "elsewhere", "pid": 1, "started": 1.0, "token": "a", "renewed": 1.0}
    (folder / "lease.json").write_text(json.dumps(holder))
    line = refused("resume", "line-smoke", "--storage", tmp_path)
    assert "nothing had begun; `ablate run STUDY` begins it" in line
    holder["command"] = ["ablate", "run", "my study.py", "--scale", "smoke"]
    (folder / "lease.json").write_text(json.dumps(holder))
    for command in ("resume", "status", "leaderboard"):
        line = refused(command, "line-smoke", "--storage", tmp_path)
        assert "`ablate run 'my study.py' --scale smoke` begins it" in line


def test_logs_tell_the_error_of_a_cell_that_never_began(tmp_path) -> None:
    plan, ledger = made_up(tmp_path, {"A": ["pending", 1.0]})
    never = plan.cells[0].key
    error = "ModuleNotFoundError: No module named 'helpers'"
    ledger.finish(never, {"status": "failed", "attempt": "", "error": error, "attempt_seconds": {}})
    told = ablate("logs", "sweep", never, "--storage", ledger.storage.uri)
    assert told.stdout == f"{never} failed: {error}\n"
    other = ablate("logs", "sweep", plan.cells[1].key, "--storage", ledger.storage.uri)
    assert "says hello" in other.stdout and "failed" not in other.stdout
