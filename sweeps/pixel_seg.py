#!/usr/bin/env python
"""Does an error that counts double in faces help a pixel DiT?

Source    timlawrenz/prx-tg@8a1c225 scripts/arm_e_config.yaml
Reported  E judged a failure, with two more changes in it; F not ended; no numbers
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          one shape of image, documented seven for E
Cost      lab: 5 arms and 5 controls x 3 seeds of 50 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.seg import SEG, SEG_FINDINGS, SEG_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_seg",
    question="Does an error that counts double in faces help a pixel DiT?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=SEG,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=SEG_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="D",
    margin=MARGIN,
    findings=SEG_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 50},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
