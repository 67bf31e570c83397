#!/usr/bin/env python
"""Does predicting hidden states help the next token?

Source    openai/parameter-golf #1196, NathanMaine/parameter-golf-experiment-lab@15ff6ad index.html
Reported  weights .1, .3 and .5 score 2.2323, 2.2322 and 2.2322; one seed
Departs   lab: 9 layers of width 64, windows of 128 tokens, 1,024 tokens a step, the machine's own
          Python library as text; "as run" has the script's defects and its low learning rate
Cost      lab: 8 arms x 5 seeds of 30 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.golf.jepa import JEPA, JEPA_FINDINGS, JEPA_SCALES
from search_spaces.golf.shared import MARGIN, NEEDS_TEXT
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

STUDY = Study(
    name="golf_jepa",
    question="Does predicting hidden states help the next token?",
    run=LmRun,
    base=LmConfig(),
    space=JEPA,
    scales=JEPA_SCALES,
    seeds=(0, 1, 2, 3, 4),
    metric="val/bpb",
    mode="min",
    baseline="plain",
    margin=MARGIN,
    findings=JEPA_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 30},
    needs_data=NEEDS_TEXT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
