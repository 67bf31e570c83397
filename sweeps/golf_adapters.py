#!/usr/bin/env python
"""What do frozen random maps with small adapters reach?

Source    openai/parameter-golf #1195, NathanMaine/parameter-golf-experiment-lab@15ff6ad index.html
Reported  2.5123 frozen, 2.6323 "wider", 2.5120 "5 % unfrozen", 2.5122 "progressive"; one seed
Departs   lab: 9 layers of width 64, windows of 128 tokens, 1,024 tokens a step, the machine's own
          Python library as text; "as run" has the script's defects and its low learning rate
Cost      lab: 10 arms x 5 seeds of 25 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.golf.adapters import ADAPTERS, ADAPTERS_FINDINGS, ADAPTERS_SCALES, ADAPTERS_TWINS
from search_spaces.golf.shared import MARGIN, NEEDS_TEXT
from trainables.lm.config import LmConfig
from trainables.lm.lm import LmRun

STUDY = Study(
    name="golf_adapters",
    question="What do frozen random maps with small adapters reach?",
    run=LmRun,
    base=LmConfig(),
    space=ADAPTERS,
    scales=ADAPTERS_SCALES,
    seeds=(0, 1, 2, 3, 4),
    metric="val/bpb",
    mode="min",
    baseline="plain",
    margin=MARGIN,
    twins=ADAPTERS_TWINS,
    findings=ADAPTERS_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 25},
    needs_data=NEEDS_TEXT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
