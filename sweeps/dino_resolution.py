#!/usr/bin/env python
"""Does twice the side of the image pay at equal steps?

Source    seed post 000, section 3.6
Reported  448 px against 224: a seventh of the hits, 2.7 times the time (one run each, N not stated)
Departs   lab: phantom of 64 px for 512, so 28 px and 56; patch 7 for 14, ViT of width 64, K 1,024,
          batch 32, 300 steps, with the center updates of 10,000 (the documents do not say how many)
Cost      lab: 2 arms x 3 seeds of 18 and 48 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.dino.resolution import RESOLUTION_FINDINGS, RESOLUTION_SCALES, RESOLUTIONS
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_resolution",
    question="Does twice the side of the image pay at equal steps?",
    run=DinoRun,
    base=DinoConfig(),
    space=RESOLUTIONS,
    scales=RESOLUTION_SCALES,
    seeds=(0, 1, 2),
    metric="val/top1_gain",
    mode="max",
    baseline="side",
    margin=0.02,  # five slices of 256
    findings=RESOLUTION_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 33},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
