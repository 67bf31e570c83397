#!/usr/bin/env python
"""Does asking a middle block for features help, and is it the features?

Source    timlawrenz/prx-tg 7160c6c^:experiments/ablations; arXiv 2410.06940
Reported  D ahead of C by .0196 and .0384 of LPIPS (one run each); a decay is advised, not run
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          features of a small net trained on what was drawn
Cost      lab: 7 arms and 5 controls x 3 seeds of 55 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.repa import REPA, REPA_FINDINGS, REPA_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_repa",
    question="Does asking a middle block for features help, and is it the features?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=REPA,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=REPA_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="C",
    margin=MARGIN,
    findings=REPA_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 55},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
