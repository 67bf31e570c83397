#!/usr/bin/env python
"""Do state-space layers among attention help, and what do they cost?

Source    openai/parameter-golf #1197, NathanMaine/parameter-golf-experiment-lab@15ff6ad index.html
Reported  SSM-1 2.0295 in 200 steps of 37.5 s; SSM-4 2.1816 at step 100; SSM-2 and 3 failed
Departs   lab: 9 layers of width 64, windows of 128 tokens, 1,024 tokens a step, the machine's own
          Python library as text; "as run" has the script's defects and its low learning rate
Cost      lab: 8 arms x 5 seeds of 60 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.golf.shared import MARGIN, NEEDS_TEXT
from search_spaces.golf.ssm import STATE_SPACE, STATE_SPACE_FINDINGS, STATE_SPACE_SCALES
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

STUDY = Study(
    name="golf_ssm",
    question="Do state-space layers among attention help, and what do they cost?",
    run=LmRun,
    base=LmConfig(),
    space=STATE_SPACE,
    scales=STATE_SPACE_SCALES,
    seeds=(0, 1, 2, 3, 4),
    metric="val/bpb",
    mode="min",
    baseline="plain",
    margin=MARGIN,
    findings=STATE_SPACE_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 60},
    needs_data=NEEDS_TEXT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
