#!/usr/bin/env python
"""Which learning rate do AdamW and Muon want on a pixel DiT?

Source    timlawrenz/prx-tg 7160c6c^:experiments/ablations; autoresearch/20260330
Reported  3e-4 for both, not tuned; the loss falls with AdamW's rate up to 4e-3
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people
Cost      lab: 6 arms and 5 controls x 3 seeds of 55 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.lr import LR, LR_FINDINGS, LR_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_lr",
    question="Which learning rate do AdamW and Muon want on a pixel DiT?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=LR,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=LR_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="adamw",
    margin=MARGIN,
    findings=LR_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 55},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
