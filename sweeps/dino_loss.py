#!/usr/bin/env python
"""Which objective lets a ViT tell lung CT slices apart?

Source    timlawrenz/ratiocinator@d607411 results/dinox/all_lidc_results.md, loss sweep
Reported  hits of 2,048: DINO with Gram and KoLeo 11, either 9, neither 8, SimCLR 7 (one run each)
Departs   lab: phantom, ViT of width 64, K 1,024, batch 32, 500 steps as there, at a rate of 1e-3,
          with the documented center updates; SimCLR compares outputs of the same head
Cost      lab: 6 arms x 3 seeds of 30 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.dino.loss import LOSS_FINDINGS, LOSS_SCALES, LOSSES
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_loss",
    question="Which objective lets a ViT tell lung CT slices apart?",
    run=DinoRun,
    base=DinoConfig(),
    space=LOSSES,
    scales=LOSS_SCALES,
    seeds=(0, 1, 2),
    metric="val/top1_gain",
    mode="max",
    baseline="dino+gram+koleo",
    margin=0.02,  # five slices of 256
    findings=LOSS_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 30},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
