#!/usr/bin/env python
"""Does training in 8 bits change the portraits?

Source    timlawrenz/prx-tg@17a088e docs/EXPERIMENTS_AND_RESULTS.md; seed post 000, part 1
Reported  .906, .909, .504 against .900, .920, .485 in 16 bits; 26 h for 56 h (one run each)
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          8 bits are emulated, so nothing is said of speed; arm J is --scale paper-long
Cost      lab: 3 arms and 5 controls x 3 seeds of 85 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.fp8 import FP8_ARMS, FP8_FINDINGS, FP8_NEEDS, FP8_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_fp8",
    question="Does training in 8 bits change the portraits?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=FP8_ARMS,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=FP8_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="none",
    margin=MARGIN,
    findings=FP8_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 85},
    needs_data=FP8_NEEDS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
