#!/usr/bin/env python
"""Does tuning for the laws make graphs valid, or empty?

Source    timlawrenz/jubilant-palm-tree repository log; seed post 000
Reported  100 % (post); 7.1 % and then no edges, .3 % by regression, PPO none (erratum)
Departs   lab: generated programs of up to 8 nodes, 60 steps of 8 graphs from one network a seed
Cost      lab: 8 arms and 6 controls x 3 seeds of 45 s on one CPU core, and a stem of 30 s a seed
"""

from ablate import Study, main
from search_spaces.num.reward import REWARD, REWARD_FINDINGS, REWARD_SCALES
from search_spaces.num.shared import CONTROLS, MARGIN, METRIC, NEEDS_RUBY
from trainables.graph.tuning import TuneRun
from trainables.graph.tuning_config import TuneConfig

STUDY = Study(
    name="num_reward",
    question="Does tuning for the laws make graphs valid, or empty?",
    run=TuneRun,
    base=TuneConfig(steps=1, steps_per_report=1),
    space=REWARD,
    controls=tuple(CONTROLS),
    evaluation_only=("sample", "decode", "evaluation"),
    scales=REWARD_SCALES,
    seeds=(0, 1, 2),
    metric=METRIC,
    mode="max",
    baseline="stem",
    margin=MARGIN,
    findings=REWARD_FINDINGS,
    cell_seconds={"smoke": 1, "lab": 45},
    needs_data=NEEDS_RUBY,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
