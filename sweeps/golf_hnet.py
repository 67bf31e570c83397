#!/usr/bin/env python
"""Does chunking help a tiny language model, and does its setting matter?

Source    openai/parameter-golf #1191, NathanMaine/parameter-golf-experiment-lab@15ff6ad index.html
Reported  2.0558, 2.0559 and 2.0558 at 513 ms for three settings; one seed
Departs   lab: 9 layers of width 64, windows of 128 tokens, 1,024 tokens a step, the machine's own
          Python library as text; "as run" has the script's defects and its low learning rate
Cost      lab: 8 arms x 5 seeds of 25 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.golf.hnet import HNET, HNET_FINDINGS, HNET_SCALES, HNET_TWINS
from search_spaces.golf.shared import MARGIN, NEEDS_TEXT
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

STUDY = Study(
    name="golf_hnet",
    question="Does chunking help a tiny language model, and does its setting matter?",
    run=LmRun,
    base=LmConfig(),
    space=HNET,
    scales=HNET_SCALES,
    seeds=(0, 1, 2, 3, 4),
    metric="val/bpb",
    mode="min",
    baseline="plain",
    margin=MARGIN,
    twins=HNET_TWINS,
    findings=HNET_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 25},
    needs_data=NEEDS_TEXT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
