#!/usr/bin/env python
"""Do small graphs first help a graph DiT?

Source    timlawrenz/jubilant-palm-tree train.py@b47b5f3; seed post 000
Reported  up to 10 nodes, then 30, then 128; the loss rests near .135 (not ablated)
Departs   lab: generated programs of up to 5, 6 and 8 nodes, width 48, 4 blocks, 400 steps of 16
Cost      lab: 3 arms and 6 controls x 3 seeds of 40 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.num.curriculum import CURRICULUM, CURRICULUM_FINDINGS, CURRICULUM_SCALES
from search_spaces.num.shared import CONTROLS, MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.config import GraphConfig
from trainables.graph.graph_dit import GraphRun

STUDY = Study(
    name="num_curriculum",
    question="Do small graphs first help a graph DiT?",
    run=GraphRun,
    base=GraphConfig(),
    space=CURRICULUM,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=CURRICULUM_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="none",
    margin=MARGIN,
    findings=CURRICULUM_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 40},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
