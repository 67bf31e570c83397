"""What the runner costs per cell: 200 trivial cells beside bare Ray Tune with its MLflow callback.

    python tests/benchmarks/overhead.py [--cells 200] [--peer-cells 20]

A cell imports torch, reports 10 times, 5 metrics each. Timed from the executor's start (ray.init
and the making of MLflow's tables apart) to the last durable record in ledger or MLflow, per cell.
Bare Tune runs as it is by default, a process for each of few cells, and with `reuse_actors=True`,
as ours does, over as many cells as ours. It records less: no checkpoints and no state to resume
from. The Ray of all three is $RAY_ADDRESS or a private one, set up as our driver does.

Prints the milliseconds of ours, of bare Tune and of bare Tune with reuse, and how many times ours
they are.
"""

import os
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from command_line import options_of, parser_of

from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.study.plan import make_plan
from infra.study.study import Study
from infra.sweep_options import SweepOptions
from search_spaces.space import Arms

REPORTS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class TrivialConfig:
    """Nothing to set but what makes arms differ."""

    seed: int = 0
    steps: int = REPORTS
    steps_per_report: int = 1
    arm: int = 0


class TrivialRun:
    """Counts to ten with torch."""

    def __init__(self, cfg: TrivialConfig) -> None:
        import torch

        self.cfg, self.step = cfg, 0
        self.weight = torch.zeros(4)

    def advance(self, steps: int) -> dict[str, float]:
        self.step += steps
        self.weight = self.weight + steps
        return {f"train/metric_{i}": self.step * i / 7 for i in range(4)}

    def evaluate(self) -> dict[str, float]:
        return {"val/score": float(self.weight.sum()) + self.cfg.seed + self.cfg.arm}

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "model": {"weight": self.weight}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.weight = state["step"], state["model"]["weight"]


def trivial_study(cells: int) -> Study:
    """So many cells, ten seeds to an arm; fewer where there are fewer than ten."""
    seeds = tuple(range(min(cells, 10)))
    arms = {f"arm{i}": {"arm": i} for i in range(cells // len(seeds))}
    return Study(
        name="trivial", question="What does a cell cost?", run=TrivialRun, base=TrivialConfig(),
        space=Arms(source="none", overrides=arms), seeds=seeds, metric="val/score",
        mode="max", baseline="arm0",
    )  # fmt: skip


def ours(cells: int, folder: Path) -> float:
    """Seconds per cell of our driver, everything recorded."""
    from infra.execution import sweep, tune_driver

    study, ledger = trivial_study(cells), Ledger(open_storage(str(folder)), "trivial")
    began: list[float] = []
    execute = tune_driver.execute

    def timed(*arguments: Any, **settings: Any) -> None:
        began.append(time.time())
        execute(*arguments, **settings)

    how = SweepOptions(preflight=False)
    # Tables and plots are made once a sweep, not per cell.
    with patch.object(tune_driver, "execute", timed), patch.object(sweep, "write_artifacts"):
        outcome = sweep.run_sweep(study, make_plan(study, "lab"), ledger, how)
    if outcome.status != 0:
        raise SystemExit(f"sweep: must finish, got exit status {outcome.status}")
    return (last_record(folder) - began[0]) / cells


def last_record(storage: Path) -> float:
    """When the last cell was recorded: its end in the ledger, its last metric or end in MLflow."""
    files = [*storage.rglob("done.json"), storage / "mlflow.db"]
    return max(file.stat().st_mtime for file in files)


def peer(cells: int, folder: Path, reuse: bool) -> float:
    """Seconds per cell of bare Tune with the stock MLflow callback; Ray is joined already."""
    from mlflow import MlflowClient
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    def trainable(config: dict[str, Any]) -> None:
        import torch

        weight = torch.zeros(4)
        for step in range(1, REPORTS + 1):
            weight = weight + 1
            values = {f"train/metric_{i}": step * i / 7 for i in range(4)}
            tune.report({**values, "val/score": float(weight.sum())})

    folder.mkdir()
    uri = f"sqlite:///{folder}/mlflow.db"
    MlflowClient(uri).create_experiment("peer")
    callback = MLflowLoggerCallback(tracking_uri=uri, experiment_name="peer")
    tuner = tune.Tuner(
        trainable,
        param_space={"cell": tune.grid_search(list(range(cells)))},
        tune_config=tune.TuneConfig(reuse_actors=reuse),
        run_config=tune.RunConfig(
            storage_path=str(folder / "tune"), callbacks=[callback], verbose=0
        ),
    )
    began = time.time()
    tuner.fit()
    return (time.time() - began) / cells


def row(label: str, seconds: float, cells: int, folder: Path) -> str:
    """What one of them took, and how many values its MLflow holds."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        values = db.execute("select count(*) from metrics").fetchone()[0]
    return f"{label:24} {1000 * seconds:8.1f} ms per cell, {cells} cells, {values} values in MLflow"


def main() -> None:
    """All three in turn, one line each."""
    from infra.execution.ray_session import ray_session

    parser = parser_of(__doc__)
    parser.add_argument("--cells", type=int, default=200, help="a multiple of ten, or fewer")
    parser.add_argument("--peer-cells", type=int, default=20, help="of bare Tune without reuse")
    options = options_of(parser, cells=1, peer_cells=1)
    peers = {
        "bare Tune": (options.peer_cells, False),
        "bare Tune, reuse_actors": (options.cells, True),
    }
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # Ray is imported before a token is made
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "ablate")
        mine = ours(options.cells, place)
        print(row("ablate", mine, options.cells, place), flush=True)
        with ray_session("auto"):
            for label, (cells, reuse) in peers.items():
                place = Path(folder, label)
                theirs = peer(cells, place, reuse)
                told = row(label, theirs, cells, place)
                print(f"{told}, {theirs / mine:.1f} times ablate's", flush=True)


if __name__ == "__main__":
    main()
