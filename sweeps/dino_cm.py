#!/usr/bin/env python
"""Does DINO on lung CT need a slow center?

Source    timlawrenz/ratiocinator@1c29eeb scripts/dinox_run_experiments.sh, experiment 1
Reported  loss / hits of 2,048: .9 8.997/9, .95 8.998/6, .99 9.005/8, .999 5.763/6 (one run each)
Departs   lab: phantom, ViT of width 64 and depth 3, 40 px, K 1,024, batch 32, 600 optimizer steps
          with steps x (1 - m) kept; retrieval judged against the same network at step 0;
          at no scale are HU divided by ten, as the documented loader did
Cost      lab: 4 arms x 3 seeds of 40 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.dino.cm import MOMENTA, MOMENTA_FINDINGS, MOMENTA_SCALES
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_cm",
    question="Does DINO on lung CT need a slow center?",
    run=DinoRun,
    base=DinoConfig(),
    space=MOMENTA,
    scales=MOMENTA_SCALES,
    seeds=(0, 1, 2),
    metric="val/top1_gain",
    mode="max",
    baseline=".9",
    margin=0.02,  # five slices of 256
    findings=MOMENTA_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 40},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
