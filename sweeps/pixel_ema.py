#!/usr/bin/env python
"""Which weights were judged, the network's or an average that stays behind?

Source    timlawrenz/prx-tg@bc10412 production/train.py, lines 529-541
Reported  nothing: all numbers of arms A to I are of that average
Departs   lab: drawn portraits of 32 px, width 96, 6 blocks, 400 steps of 8; held-out people;
          averages have their documented share of the run's memory
Cost      lab: 2 arms and 5 controls x 3 seeds of 70 s on one CPU core; paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.ema import EMA, EMA_FINDINGS, EMA_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.config import PortraitConfig
from trainables.portrait.portrait import PortraitRun

STUDY = Study(
    name="pixel_ema",
    question="Which weights were judged, the network's or an average that stays behind?",
    run=PortraitRun,
    base=PortraitConfig(),
    space=EMA,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "evaluation", "ema"),
    scales=EMA_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="A",
    margin=MARGIN,
    findings=EMA_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 70},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
