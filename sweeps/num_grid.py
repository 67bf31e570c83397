#!/usr/bin/env python
"""Which batch, rate and depth does a graph DiT want?

Source    timlawrenz/jubilant-palm-tree run_ablation_grid.py@c39e15c
Reported  16 graphs a step, 1e-4 and 12 blocks; in / out-degree 32.4 / 46.0 % (one run each)
Departs   lab: generated programs of up to 8 nodes, width 48, rates x 10, 2, 4 and 8 blocks, 400
          steps of 16; 512 held-out graphs in place of 16 trained ones
Cost      lab: 11 arms and 6 controls x 3 seeds of 40 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.num.grid import GRID, GRID_FINDINGS, GRID_SCALES
from search_spaces.num.shared import CONTROLS, MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.config import GraphConfig
from trainables.graph.graph_dit import GraphRun

STUDY = Study(
    name="num_grid",
    question="Which batch, rate and depth does a graph DiT want?",
    run=GraphRun,
    base=GraphConfig(),
    space=GRID,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=GRID_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="16",
    margin=MARGIN,
    findings=GRID_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 40},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
