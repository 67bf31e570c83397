"""What a sweep of many cells takes to plan, to read and to drive, and how that grows.

    python tests/benchmarks/many_cells.py [--cells 100 1000 10000] [--commands ...]

A sweep has ten seeds and a tenth as many arms as cells; a cell has 20 points of 9 metrics. All but
two cells are written as a driver leaves them, without syncing the disk. Once the index stands, each
command runs in a process of its own; told is its CPU time less that of the same command over ten
cells, which has verdicts too, so that imports are apart. The last columns are of a driver that
resumes the sweep on the Ray of $RAY_ADDRESS or a private one, runs what is left, and brings MLflow
up to all cells.

Prints a line per size: milliseconds of CPU per cell for the plan, seconds of CPU for each command,
rows of curves exported per second, seconds of CPU and the peak memory of the driver.
"""

import math
import os
import random
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from unittest.mock import patch

from command_line import options_of, parser_of

from infra.ledger.ledger import Ledger
from infra.ledger.records import Commit, Point
from infra.ledger.storage import open_storage
from infra.study.plan import Cell, Plan, make_plan
from infra.study.study import Study
from search_spaces.space import Grid

SEEDS, POINTS, LEFT = 10, 20, 2
FEW = 10  # cells of the sweep whose commands take what they take to start
COUNT = "MANY_CELLS"  # how many the study of this file has, where it is read as a study
COMMANDS = ("status", "leaderboard", "verdicts", "export")


@dataclass(frozen=True, kw_only=True, slots=True)
class CountConfig:
    """Nothing to set but what makes arms differ."""

    seed: int = 0
    steps: int = POINTS - 1
    steps_per_report: int = 1
    width: int = 0


class CountRun:
    """Counts, and reports what the written cells report."""

    def __init__(self, cfg: CountConfig) -> None:
        self.cfg, self.step = cfg, 0

    def advance(self, steps: int) -> dict[str, float]:
        self.step = min(self.cfg.steps, self.step + steps)
        return training(self.cfg.width, self.step)

    def evaluate(self) -> dict[str, float]:
        return evaluation(self.cfg.width, self.cfg.seed, self.step)

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict:
        import torch

        return {"step": self.step, "model": {"width": torch.tensor(self.cfg.width + self.cfg.seed)}}

    def load_state_dict(self, state: dict) -> None:
        self.step = state["step"]


def evaluation(width: int, seed: int, step: int) -> dict[str, float]:
    noise = random.Random(f"{width} {seed} {step}").gauss
    return {"val/error": 1 + 0.001 * width + 2 / (step + 1) + noise(0, 0.1), "val/n": 256}


def training(width: int, step: int) -> dict[str, float]:
    return {
        "train/loss": 1.0 / step,
        "train/examples": 32 * step,
        "train/parameters": 1000 + width,
        "train/lr_realised": 1e-3,
        "perf/step_ms": 1.5,
    }


def study(cells: int) -> Study:
    """A grid of a tenth as many arms."""
    return Study(
        name=f"many{cells}",
        question="Does a wider count count more?",
        run=CountRun,
        base=CountConfig(),
        space=Grid(source="none", axes={"width": tuple(range(max(2, cells // SEEDS)))}),
        seeds=tuple(range(min(SEEDS, cells // 2))),
        metric="val/error",
        mode="min",
        baseline="width=0",
        cell_seconds={"lab": 1},
    )


def write_sweep(cells: int, storage: Path) -> tuple[Plan, float]:
    """The sweep as a driver leaves it that has two cells to go, and the CPU seconds of its plan."""
    began = process_time()
    plan = make_plan(study(cells), "lab", study_file=str(Path(__file__).resolve()))
    plan.to_json()
    planned_s = process_time() - began
    ledger = Ledger(open_storage(str(storage)), name(cells))
    ledger.write_plan(plan)
    with patch("os.fsync"):
        for cell in plan.cells[: len(plan.cells) - LEFT]:
            write_cell(ledger, cell)
    return plan, planned_s


def name(cells: int) -> str:
    return f"many{cells}-lab"


def write_cell(ledger: Ledger, cell: Cell) -> None:
    width, attempt = cell.config["width"], "0001-aa"
    points = [
        Point(
            step,
            evaluation(width, cell.seed, step)
            | (training(width, step) if step else {})
            | {"perf/train_s": 0.5 * step},
        )
        for step in range(POINTS)
    ]
    code = {"package_digest": "ab", "study_sha256": "", "commit": "c0", "python": "3.11.9"}
    start = {"config": dict(cell.config), "threads": 1, "gpus": 0.0, "started": 1.0}
    start |= {"code": {**code, "versions": {"torch": "2"}}, "machine": {"host": "one"}}
    ledger.start_attempt(cell.key, attempt, start)
    end = Commit(attempt, POINTS - 1, 9.5, "", "", "", "", True, cell.key, (), {"dtype": ["f32"]})
    ledger.write_commit(cell.key, end, None, points)
    done = {
        "status": "finished",
        "attempt": attempt,
        "error": "",
        "attempt_seconds": {attempt: 9.5},
    }
    ledger.finish(cell.key, done)


def used(command: str, cells: int, storage: Path, *more: object) -> resource.struct_rusage:
    """What an `ablate` command used, its output unread."""
    words = [command, name(cells), "--storage", storage, *more]
    ran = subprocess.Popen(
        [sys.executable, "-m", "sweeps", *map(str, words)],
        env={**os.environ, COUNT: str(cells)},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(ran.pid, 0)
    if status:
        raise SystemExit(f"ablate {' '.join(map(str, words))}: must succeed, got {status >> 8}")
    return usage


def cpu_s(command: str, cells: int, storage: Path) -> float:
    """CPU seconds of a reading command once the index stands."""
    to = ("--to", storage / "out") if command == "export" else ()
    usage = used(command, cells, storage, *to)
    return usage.ru_utime + usage.ru_stime


def measured(cells: int, storage: Path, start_up: dict[str, float]) -> str:
    """The line of one size, with the commands whose start-up is known."""
    _, planned_s = write_sweep(cells, storage)
    used("status", cells, storage)
    took = dict.fromkeys(COMMANDS, math.nan)
    took |= {c: cpu_s(c, cells, storage) - start_s for c, start_s in start_up.items()}
    drove = used("resume", cells, storage, "--accept-code-change", "--no-preflight")
    return " ".join([
        f"{cells:6} {1000 * planned_s / cells:12.2f}", *(f"{took[c]:12.2f}" for c in COMMANDS),
        f"{cells * POINTS / export_s if (export_s := took['export']) > 0 else math.nan:12.0f}",
        f"{drove.ru_utime + drove.ru_stime:10.1f} {drove.ru_maxrss / 1024:10.0f}",
    ])  # fmt: skip


def main() -> None:
    """A line per size."""
    parser = parser_of(__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    options = options_of(parser, cells=[20], commands=["leaderboard"])
    head = f"{'cells':>6} {'plan ms/cell':>12} " + " ".join(f"{c + ' s':>12}" for c in COMMANDS)
    print(f"{head} {'rows/s':>12} {'driver s':>10} {'MiB':>10}", flush=True)
    with tempfile.TemporaryDirectory(prefix="many-") as folder:
        storage = Path(folder)
        write_sweep(FEW, storage)
        start_up = {command: cpu_s(command, FEW, storage) for command in options.commands}
        for cells in options.cells:
            print(measured(cells, storage, start_up), flush=True)


STUDY = study(int(os.environ.get(COUNT, "4")))

if __name__ == "__main__":
    main()
