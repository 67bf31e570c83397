#!/usr/bin/env python
"""What does the entropy wall depend on?

Source    timlawrenz/DINO-X@9b34237 docs/EXPERIMENTS.md (told), docs/experiments.csv (cold, stiff)
Reported  .9 stays at 8.992; told the spacing .134; cold and stiff 6.78; .999 5.763 (one run each)
Departs   lab: phantom, ViT of width 64, batch 32, 300 steps, with the center updates
          of 2,000; a collapse leaves the wall too; real data have the spacings they have
Cost      lab: 13 arms x 3 seeds of 20 s on one CPU core; paper: needs a GPU and --data
"""

from ablate import Study, main
from search_spaces.dino.shared import NEEDS_CT
from search_spaces.dino.wall import WALL, WALL_FINDINGS, WALL_SCALES
from trainables.dino.config import DinoConfig
from trainables.dino.dino import DinoRun

STUDY = Study(
    name="dino_wall",
    question="What does the entropy wall depend on?",
    run=DinoRun,
    base=DinoConfig(),
    space=WALL,
    scales=WALL_SCALES,
    seeds=(0, 1, 2),
    metric="val/wall_distance_fraction",
    mode="max",
    baseline="recipe",
    margin=0.012,  # the documented band around ln K
    findings=WALL_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 20},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
