#!/usr/bin/env python
"""Does KoLeo prevent collapse, and is it optional for a small ViT?

Source    timlawrenz/ratiocinator@d607411 results/dinox/all_lidc_results.md, ViT-Large 100K
Reported  ViT-L at 100,000 steps: without KoLeo loss .0004, 4 hits; with it .27, 500 (one run each)
Departs   lab: phantom, ViT of width 64 and not ViT-L, K 1,024, batch 32, 300 steps, with the center
          updates of 2,000; the fast center is ours, its documented arms are those of dino_loss
Cost      lab: 4 arms x 3 seeds of 25 s on one CPU core; paper: needs GPU-days and --data
"""

from ablate import Study, main
from search_spaces.dino.koleo import KOLEO, KOLEO_FINDINGS, KOLEO_SCALES
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_koleo",
    question="Does KoLeo prevent collapse, and is it optional for a small ViT?",
    run=DinoRun,
    base=DinoConfig(),
    space=KOLEO,
    scales=KOLEO_SCALES,
    seeds=(0, 1, 2),
    metric="val/top1_gain",
    mode="max",
    baseline="slow+koleo",
    margin=0.02,  # five slices of 256
    findings=KOLEO_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 25},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
