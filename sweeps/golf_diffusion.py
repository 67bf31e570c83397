#!/usr/bin/env python
"""Does a share of masked prediction help the next token?

Source    openai/parameter-golf #1194, NathanMaine/parameter-golf-experiment-lab@15ff6ad index.html
Reported  30, 50 and 0 % of masked prediction 2.4195, 2.4194, 2.4194; one seed
Departs   lab: 9 layers of width 64, windows of 128 tokens, 1,024 tokens a step, the machine's own
          Python library as text; "as run" has the script's defects and its low learning rate
Cost      lab: 9 arms x 5 seeds of 40 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.golf.diffusion import DIFFUSION, DIFFUSION_FINDINGS, DIFFUSION_SCALES
from search_spaces.golf.shared import MARGIN, NEEDS_TEXT
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

STUDY = Study(
    name="golf_diffusion",
    question="Does a share of masked prediction help the next token?",
    run=LmRun,
    base=LmConfig(),
    space=DIFFUSION,
    scales=DIFFUSION_SCALES,
    seeds=(0, 1, 2, 3, 4),
    metric="val/bpb",
    mode="min",
    baseline="plain",
    margin=MARGIN,
    findings=DIFFUSION_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 40},
    needs_data=NEEDS_TEXT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
