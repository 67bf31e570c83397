#!/usr/bin/env python
"""Does intensity augmentation cost retrieval on lung CT?

Source    timlawrenz/ratiocinator@97105d1 scripts/dinox_round6.sh, experiment 2; five arms: @1c29eeb
Reported  hits, three seeds: spatial 24, 26, 99; jitter 21, 46, 8; one run each on the wall for all
Departs   lab: phantom, ViT of width 64, K 1,024, batch 32, 300 steps for 10,000, with their center
          updates and share of warm-up; blur scaled with the side; all five arms off the wall
Cost      lab: 5 arms x 3 seeds of 25 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.dino.augment import AUGMENT, AUGMENT_FINDINGS, AUGMENT_SCALES, DOCUMENTED_SEEDS
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_augment",
    question="Does intensity augmentation cost retrieval on lung CT?",
    run=DinoRun,
    base=DinoConfig(),
    space=AUGMENT,
    scales=AUGMENT_SCALES,
    seeds=DOCUMENTED_SEEDS,
    metric="val/top1_gain",
    mode="max",
    baseline="spatial",
    margin=0.02,  # five slices of 256
    findings=AUGMENT_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 25},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
