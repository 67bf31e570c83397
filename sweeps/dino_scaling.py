#!/usr/bin/env python
"""Do longer training and a larger ViT retrieve more?

Source    timlawrenz/ratiocinator@b9ff786 scripts/dinox_round5.sh, @481544e scripts/dinox_round4.sh
Reported  ViT-S hits 6, 18, 311, 850 of 2,048 at 2, 10, 20, 50 thousand steps, 1,032 of 4,096 at 100
Departs   lab: phantom, ViTs of width 64 and 128, K 1,024, 1,200 steps for 100,000, with their
          center updates and share of warm-up; one run read at its checkpoints for six runs
Cost      lab: 2 arms x 3 seeds of 105 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.dino.scaling import SCALING_FINDINGS, SCALING_SCALES, SIZES
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_scaling",
    question="Do longer training and a larger ViT retrieve more?",
    run=DinoRun,
    base=DinoConfig(),
    space=SIZES,
    scales=SCALING_SCALES,
    seeds=(0, 1, 2),
    metric="val/top1_gain",
    mode="max",
    baseline="small",
    margin=0.02,  # five slices of 256
    findings=SCALING_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 105},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
