#!/usr/bin/env python
"""Do more iterations of one block help a tiny language model?

Source    openai/parameter-golf #1193, NathanMaine/parameter-golf-experiment-lab@15ff6ad index.html
Reported  bits per byte 3.2483 (6 iterations, 707 ms), 3.2490 (24, 2,734 ms); one seed
Departs   lab: 9 layers of width 64, windows of 128 tokens, 1,024 tokens a step, the machine's own
          Python library as text; "as run" has the script's defects and its low learning rate
Cost      lab: 6 arms x 5 seeds of 60 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.golf.shared import MARGIN, NEEDS_TEXT
from search_spaces.golf.ut import UNIVERSAL, UNIVERSAL_FINDINGS, UNIVERSAL_SCALES
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

STUDY = Study(
    name="golf_ut",
    question="Do more iterations of one block help a tiny language model?",
    run=LmRun,
    base=LmConfig(),
    space=UNIVERSAL,
    scales=UNIVERSAL_SCALES,
    seeds=(0, 1, 2, 3, 4),
    metric="val/bpb",
    mode="min",
    baseline="plain",
    margin=MARGIN,
    findings=UNIVERSAL_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 60},
    needs_data=NEEDS_TEXT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
