#!/usr/bin/env python
"""What do routing, Muon and REPA do for a pixel DiT, alone and together?

Source    timlawrenz/prx-tg 7160c6c^:experiments/ablations; seed post 000, part 3
Reported  LPIPS of reconstructions A .9352, B 1.0161, C .9463, D .9267 (one run each)
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          one sampler, the last weights, a rate for each optimizer
Cost      lab: 7 arms and 5 controls x 3 seeds of 50 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from search_spaces.pixel.stack import STACK, STACK_FINDINGS, STACK_SCALES
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_stack",
    question="What do routing, Muon and REPA do for a pixel DiT, alone and together?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=STACK,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=STACK_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="A",
    margin=MARGIN,
    findings=STACK_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 50},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
