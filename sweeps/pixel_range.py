#!/usr/bin/env python
"""What does it cost that pixels were 0 to 1 and not -1 to 1?

Source    timlawrenz/prx-tg@c7faf7c .hermes/plans; seed post 000, part 3
Reported  told as a defect of arms A to I; not run
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people
Cost      lab: 3 arms and 5 controls x 3 seeds of 55 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.range import RANGE, RANGE_FINDINGS, RANGE_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_range",
    question="What does it cost that pixels were 0 to 1 and not -1 to 1?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=RANGE,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=RANGE_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="-1 to 1",
    margin=MARGIN,
    findings=RANGE_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 55},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
