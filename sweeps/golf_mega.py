#!/usr/bin/env python
"""Is wider better than deeper in a tiny language model?

Source    openai/parameter-golf #1192, NathanMaine/parameter-golf-experiment-lab@15ff6ad index.html
Reported  9 layers of 512 2.2147; of 640 2.1592; 11 of 512 2.1961; sizes not matched, one seed
Departs   lab: 9 layers of width 64, windows of 128 tokens, 1,024 tokens a step, the machine's own
          Python library as text; "as run" has the script's defects and its low learning rate
Cost      lab: 10 arms x 5 seeds of 35 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.golf.mega import MEGA, MEGA_FINDINGS, MEGA_SCALES
from search_spaces.golf.shared import MARGIN, NEEDS_TEXT
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

STUDY = Study(
    name="golf_mega",
    question="Is wider better than deeper in a tiny language model?",
    run=LmRun,
    base=LmConfig(),
    space=MEGA,
    scales=MEGA_SCALES,
    seeds=(0, 1, 2, 3, 4),
    metric="val/bpb",
    mode="min",
    baseline="plain",
    margin=MARGIN,
    findings=MEGA_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 35},
    needs_data=NEEDS_TEXT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
