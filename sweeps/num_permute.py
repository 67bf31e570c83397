#!/usr/bin/env python
"""Does permuting nodes in training destroy a bias of place?

Source    timlawrenz/jubilant-palm-tree dataset.py@ba2148b; seed post 000
Reported  it does (not ablated)
Departs   lab: generated programs of up to 8 nodes, width 48, 4 blocks, 400 steps of 16; also a
          network that is told places, without which the claim cannot fail
Cost      lab: 8 arms and 6 controls x 3 seeds of 40 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.num.permute import PERMUTE, PERMUTE_FINDINGS, PERMUTE_SCALES
from search_spaces.num.shared import CONTROLS, MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.config import GraphConfig
from trainables.graph.graph_dit import GraphRun

STUDY = Study(
    name="num_permute",
    question="Does permuting nodes in training destroy a bias of place?",
    run=GraphRun,
    base=GraphConfig(),
    space=PERMUTE,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=PERMUTE_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="permuted to permuted",
    margin=MARGIN,
    findings=PERMUTE_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 40},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
