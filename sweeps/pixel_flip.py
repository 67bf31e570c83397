#!/usr/bin/env python
"""May training portraits be flipped?

Source    timlawrenz/prx-tg 7160c6c^:experiments/ablations
Reported  not flipped, because of the joints; not run
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people
Cost      lab: 3 arms and 5 controls x 3 seeds, not run yet; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.flip import FLIP, FLIP_FINDINGS, FLIP_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_flip",
    question="May training portraits be flipped?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=FLIP,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=FLIP_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="none",
    margin=MARGIN,
    findings=FLIP_FINDINGS,
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
