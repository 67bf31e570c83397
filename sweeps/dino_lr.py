#!/usr/bin/env python
"""Which learning rate lets DINO learn from lung CT?

Source    ratiocinator@481544e scripts/dinox_round4.sh; DINO-X@9b34237 docs/experiments.csv
Reported  ViT-L: 5e-5 25 hits, 1e-4 1 at 10,000 steps, 2e-4 2 at 5,000, 5e-4 on the wall (one each)
Departs   lab: phantom, ViT of width 64 and not ViT-L, K 1,024, batch 32, 300 steps for 10,000, with
          their number of center updates and share of warm-up; one length for all rates
Cost      lab: 5 arms x 3 seeds of 25 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.dino.lr import LEARNING_RATE_FINDINGS, LEARNING_RATE_SCALES, LEARNING_RATES
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_lr",
    question="Which learning rate lets DINO learn from lung CT?",
    run=DinoRun,
    base=DinoConfig(),
    space=LEARNING_RATES,
    scales=LEARNING_RATE_SCALES,
    seeds=(0, 1, 2),
    metric="val/top1_gain",
    mode="max",
    baseline="2e-4",
    margin=0.02,  # five slices of 256
    findings=LEARNING_RATE_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 25},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
