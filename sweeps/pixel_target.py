#!/usr/bin/env python
"""What should a pixel DiT predict, image, velocity or something between?

Source    arXiv 2605.12964; timlawrenz/prx-tg branch asym_flow; seed post 000, part 2
Reported  G .9379 and .9141, or .900 and .920, D .9267 and .9219 (one run each)
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          ranks 2 and 8 of 48, documented 8 of 768; G is reconstructed
Cost      lab: 7 arms and 5 controls x 3 seeds of 55 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from search_spaces.pixel.target import TARGET, TARGET_FINDINGS, TARGET_SCALES
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_target",
    question="What should a pixel DiT predict, image, velocity or something between?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=TARGET,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=TARGET_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="D",
    margin=MARGIN,
    findings=TARGET_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 55},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
