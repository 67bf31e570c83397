#!/usr/bin/env python
"""Do features of patches help a pixel DiT as a condition?

Source    timlawrenz/prx-tg@17a088e docs/EXPERIMENTS_AND_RESULTS.md
Reported  reconstruction .937, .999, .980, text .999, .974, .907 for all, pooled, none
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          on arm D, documented on a later network
Cost      lab: 3 arms and 5 controls x 3 seeds of 50 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.patches import PATCHES, PATCHES_FINDINGS, PATCHES_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_patches",
    question="Do features of patches help a pixel DiT as a condition?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=PATCHES,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=PATCHES_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="K full",
    margin=MARGIN,
    findings=PATCHES_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 50},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
