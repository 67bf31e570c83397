#!/usr/bin/env python
"""Does a graph DiT need attention along rows and along columns?

Source    timlawrenz/jubilant-palm-tree dit.py@9e16666; seed post 000
Reported  both are needed (not ablated)
Departs   lab: generated programs of up to 8 nodes, width 48, 4 blocks, 400 steps of 16
Cost      lab: 5 arms and 6 controls x 3 seeds of 40 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.num.axes import AXES, AXES_FINDINGS, AXES_SCALES
from search_spaces.num.shared import CONTROLS, MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.config import GraphConfig
from trainables.graph.graph_dit import GraphRun

STUDY = Study(
    name="num_axes",
    question="Does a graph DiT need attention along rows and along columns?",
    run=GraphRun,
    base=GraphConfig(),
    space=AXES,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=AXES_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="both",
    margin=MARGIN,
    findings=AXES_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 40},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
