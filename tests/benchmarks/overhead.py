"""What the runner costs per cell: 200 trivial cells beside bare Ray Tune with its MLflow callback.

    python tests/benchmarks/overhead.py [--cells 200] [--peer-cells 20]

A cell imports torch, reports 10 times, 5 metrics each. Timed from the executor's start (ray.init
apart) to the last durable record in ledger or MLflow, per cell. The peer records less: it keeps no
checkpoints and no state to resume from.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.study.plan import make_plan
from infra.study.study import Study
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


def ours(cells: int, folder: Path) -> float:
    """Seconds per cell of our driver, everything recorded."""
    from infra.execution import sweep, tune_driver

    arms = {f"arm{i}": {"arm": i} for i in range(cells // 10)}
    study = Study(
        name="trivial", question="What does a cell cost?", run=TrivialRun, base=TrivialConfig(),
        space=Arms(source="none", overrides=arms), seeds=tuple(range(10)), metric="val/score",
        mode="max", baseline="arm0",
    )  # fmt: skip
    began: list[float] = []
    execute = tune_driver.execute

    def timed(*arguments: Any, **settings: Any) -> None:
        began.append(time.time())
        execute(*arguments, **settings)

    tune_driver.execute = timed
    sweep.write_artifacts = lambda *_: None  # tables and plots are made once a sweep, not per cell
    ledger = Ledger(open_storage(str(folder)), "trivial")
    outcome = sweep.run_sweep(
        study, make_plan(study, "lab"), ledger, sweep.Options(address="local")
    )
    if outcome.status != 0:
        raise SystemExit(f"sweep: must finish, got exit status {outcome.status}")
    return (last_record(ledger.storage.uri) - began[0]) / cells


def last_record(storage: str) -> float:
    """When the last cell was recorded: its end in the ledger, its last metric or end in MLflow."""
    import sqlite3

    ledger = max(p.stat().st_mtime for p in Path(storage).rglob("done.json"))
    with sqlite3.connect(Path(storage, "mlflow.db")) as db:
        rows = db.execute("select count(*) from metrics").fetchone()[0]
    print(f"  {rows} metric rows in MLflow")
    return max(ledger, Path(storage, "mlflow.db").stat().st_mtime)


def peer(cells: int, folder: Path) -> float:
    """Seconds per cell of bare Tune with the stock MLflow callback."""
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    def trainable(config: dict[str, Any]) -> None:
        import torch

        weight = torch.zeros(4)
        for step in range(1, REPORTS + 1):
            weight = weight + 1
            values = {f"train/metric_{i}": step * i / 7 for i in range(4)}
            tune.report({**values, "val/score": float(weight.sum())})

    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    callback = MLflowLoggerCallback(
        tracking_uri=f"sqlite:///{folder}/peer.db", experiment_name="peer"
    )
    tuner = tune.Tuner(
        trainable,
        param_space={"cell": tune.grid_search(list(range(cells)))},
        run_config=tune.RunConfig(
            storage_path=str(folder / "tune"), callbacks=[callback], verbose=0
        ),
    )
    began = time.time()
    tuner.fit()
    ended = time.time()
    ray.shutdown()
    return (ended - began) / cells


def main() -> None:
    """Both in turn, one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--peer-cells", type=int, default=20)
    options = parser.parse_args()
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    with tempfile.TemporaryDirectory() as folder:
        mine = ours(options.cells, Path(folder, "ours"))
        print(f"ablate     {1000 * mine:7.1f} ms per cell ({options.cells} cells)", flush=True)
        theirs = peer(options.peer_cells, Path(folder))
        print(f"bare Tune  {1000 * theirs:7.1f} ms per cell ({options.peer_cells} cells)")
        print(f"ratio      {theirs / mine:7.1f}")


if __name__ == "__main__":
    main()
