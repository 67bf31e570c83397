#!/usr/bin/env python
"""Must each block be modulated by a projection of its own?

Source    timlawrenz/prx-tg@17a088e docs/EXPERIMENTS_AND_RESULTS.md; seed post 000, part 1
Reported  shared with rank 8 .9823 and 1.0062, own .9267 and .9219 (one run each)
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          ranks 1 and 4 of 96; a network of as many parameters beside
Cost      lab: 5 arms and 5 controls x 3 seeds of 55 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.adaln import ADALN, ADALN_FINDINGS, ADALN_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_adaln",
    question="Must each block be modulated by a projection of its own?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=ADALN,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=ADALN_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="D",
    margin=MARGIN,
    findings=ADALN_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 55},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
