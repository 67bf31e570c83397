#!/usr/bin/env python
"""Must padding be masked, in the loss and in the attention?

Source    timlawrenz/jubilant-palm-tree dit.py@9e16666; seed post 000
Reported  the loss was masked, the attention was not (neither ablated)
Departs   lab: generated programs of up to 8 nodes padded to 16, width 48, 4 blocks, 200 steps of 16
Cost      lab: 4 arms and 6 controls x 3 seeds of 35 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.num.mask import MASK, MASK_FINDINGS, MASK_SCALES
from search_spaces.num.shared import CONTROLS, MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.config import GraphConfig
from trainables.graph.graph_dit import GraphRun

STUDY = Study(
    name="num_mask",
    question="Must padding be masked, in the loss and in the attention?",
    run=GraphRun,
    base=GraphConfig(),
    space=MASK,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=MASK_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="both masked",
    margin=MARGIN,
    findings=MASK_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 35},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
