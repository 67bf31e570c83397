"""What hangs on hash() of text or on the order of a set is found in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Lock

import pytest
import torch
from conftest import ROOT
from test_preflight import Sound, knobs

from infra.preflight.complaint import Complaint
from infra.preflight.hashing import Repeated
from infra.preflight.trial import tried
from infra.study.plan import make_plan


class Hashed(Sound):
    """Draws keyed by hash() of a text."""

    def draw(self, purpose: str) -> torch.Generator:
        key = hash(f"{purpose}-{self.cfg.seed}-{self.step}")
        return torch.Generator().manual_seed(key % 2**31)


class Numbered(Sound):
    """Draws keyed by hash() of numbers, which is the same everywhere."""

    def draw(self, purpose: str) -> torch.Generator:
        key = hash((len(purpose), self.cfg.seed, self.step))
        return torch.Generator().manual_seed(key % 2**31)


def told(run: type[Sound]) -> list[Complaint]:
    study = knobs({"more": {"rate": 0.2}}, run=run)
    plan = make_plan(study, "lab")
    elsewhere = Repeated(study, plan)
    return list(elsewhere.compared([tried(study, plan, "base")]))


def test_draws_keyed_by_hash_of_a_text_are_refused_also_in_a_class_of_no_module() -> None:
    class Local(Hashed):
        pass

    [complaint] = told(Local)
    assert complaint.fatal
    assert complaint.text.startswith(
        "arm 'base': must do the same in every process, but another PYTHONHASHSEED gives other "
        "initial weights; key draws by numbers"
    )


def test_draws_keyed_by_hash_of_numbers_pass() -> None:
    assert told(Numbered) == []


def test_what_differs_between_processes_for_another_reason_is_not_laid_on_hashing() -> None:
    class ByProcess(Sound):
        def draw(self, purpose: str) -> torch.Generator:
            return torch.Generator().manual_seed(os.getpid() * 1000 + len(purpose) + self.step)

    assert told(ByProcess) == []


def test_a_run_that_cannot_travel_is_said_to_be_untried() -> None:
    class Holding(Sound):
        held = Lock()

    [complaint] = told(Holding)
    assert not complaint.fatal and complaint.unproven
    assert complaint.text.startswith("arm 'base': not tried under another PYTHONHASHSEED, since")


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {studies!r})
from line import STUDY
from ablate import main
with Path({log!r}).open("a") as log:
    print(hash("a"), file=log)
raise SystemExit(main(STUDY))
"""


@pytest.mark.parametrize("way", ["script", "command"])
def test_cells_that_run_here_have_the_hash_seed_of_workers(tmp_path: Path, way: str) -> None:
    line, log = ROOT / "tests" / "studies" / "line.py", tmp_path / "log"
    (tmp_path / "own.py").write_text(SCRIPT.format(studies=str(line.parent), log=str(log)))
    begin = ["own.py"] if way == "script" else ["-m", "sweeps", "run", str(line)]
    words = ["--here", "plain", "--seeds", "0", "--scale", "smoke", "--storage", "runs"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONHASHSEED", None)
    done = subprocess.run(
        [sys.executable, *begin, *words],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hash()" not in done.stdout
    [start] = tmp_path.glob("runs/*/cells/*/*/start.json")
    assert '"hash_seed":"0"' in start.read_text()
    if way == "script":
        first, second = log.read_text().split()  # started over once, in its place
        assert first != second
