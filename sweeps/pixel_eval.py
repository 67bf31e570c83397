#!/usr/bin/env python
"""How much of a pixel DiT's result is the way of sampling and judging?

Source    timlawrenz/prx-tg@bc10412 production/sample.py, production/validate.py
Reported  A by another sampler than B to D, none by joints; not looked at
Departs   lab: drawn portraits of 32 px, one network a seed (arm D, 400 steps) that all arms read;
          held-out people
Cost      lab: 12 arms and 5 controls x 3 seeds of 5 s on one CPU core, and a stem a seed of 50 s;
          paper: a GPU and --data
"""

from ablate import Study, main
from search_spaces.pixel.eval import EVAL, EVAL_FINDINGS, EVAL_SCALES
from search_spaces.pixel.shared import CONTROLS, MARGIN, METRIC, NEEDS_PORTRAITS
from trainables.portrait.reading import ReadConfig, ReadRun

STUDY = Study(
    name="pixel_eval",
    question="How much of a pixel DiT's result is the way of sampling and judging?",
    run=ReadRun,
    base=ReadConfig(),
    space=EVAL,
    controls=tuple(CONTROLS),
    evaluation_only=("conditions", "sample", "evaluation"),
    scales=EVAL_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="min",
    baseline="none",
    margin=MARGIN,
    findings=EVAL_FINDINGS,
    cell_seconds={"smoke": 3, "lab": 5},
    needs_data=NEEDS_PORTRAITS,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
