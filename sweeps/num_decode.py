#!/usr/bin/env python
"""What makes drawn graphs lawful, the network or what reads them?

Source    timlawrenz/jubilant-palm-tree naive_discretizer.py@b64acae; seed post 000
Reported  100 % valid (post); 0 read plainly, 10.0 % repaired, 342 and 87 edges (erratum)
Departs   lab: generated programs of up to 8 nodes, one network a seed (width 48, 400 steps) that
          all arms read; 512 held-out graphs
Cost      lab: 24 arms and 8 controls x 3 seeds of 12 s on one CPU core, and a stem of 30 s a seed
"""

from ablate import Study, main
from search_spaces.num.decode import DECODE, DECODE_CONTROLS, DECODE_FINDINGS, DECODE_SCALES
from search_spaces.num.shared import MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.tuning import TuneRun
from trainables.graph.tuning_config import TuneConfig

STUDY = Study(
    name="num_decode",
    question="What makes drawn graphs lawful, the network or what reads them?",
    run=TuneRun,
    base=TuneConfig(),
    space=DECODE,
    controls=tuple(DECODE_CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=DECODE_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="cut=0.5 feed=noise solver=raw",
    margin=MARGIN,
    findings=DECODE_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 12},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
