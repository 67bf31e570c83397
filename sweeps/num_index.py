#!/usr/bin/env python
"""Must the index of an edge be classified, and of which cells?

Source    timlawrenz/jubilant-palm-tree train.py@b47b5f3; seed post 000
Reported  rounding makes edges clash (not ablated)
Departs   lab: generated programs of up to 8 nodes, width 48, 4 blocks, 400 steps of 16; beside
          them a flow whose cells are categories
Cost      lab: 5 arms and 6 controls x 3 seeds of 40 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.num.index import INDEX, INDEX_FINDINGS, INDEX_SCALES
from search_spaces.num.shared import CONTROLS, MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.config import GraphConfig
from trainables.graph.graph_dit import GraphRun

STUDY = Study(
    name="num_index",
    question="Must the index of an edge be classified, and of which cells?",
    run=GraphRun,
    base=GraphConfig(),
    space=INDEX,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=INDEX_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="classified",
    margin=MARGIN,
    findings=INDEX_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 40},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
