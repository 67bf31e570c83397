#!/usr/bin/env python
"""What does routing tokens around inner blocks cost and save, by optimizer?

Source    timlawrenz/prx-tg@bc10412 production/model.py; arXiv 2501.04765
Reported  15.1 % less time; with AdamW it collapses, with Muon not (one run each)
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          four of six blocks are routed, documented sixteen of eighteen
Cost      lab: 6 arms and 5 controls x 3 seeds of 50 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from search_spaces.pixel.tread import TREAD, TREAD_FINDINGS, TREAD_SCALES
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_tread",
    question="What does routing tokens around inner blocks cost and save, by optimizer?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=TREAD,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=TREAD_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="adamw 0.0",
    margin=MARGIN,
    findings=TREAD_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 50},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
