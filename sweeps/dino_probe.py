#!/usr/bin/env python
"""What does a linear probe read from a frozen DINO backbone on lung CT?

Source    timlawrenz/ratiocinator results/dinox (file index); seed post 000, sections 3.5 and 4
Reported  AUROC patch .687, cls .663, lung .659, mediastinal .652, full-patch .650, mean3 .624,
          max3 .620, full-concat .609, full-cls .589, random .526 (one run each, no error bars)
Departs   lab: phantom, where the kinds are nodule and vessel since its nodules have no malignancy;
          the mean HU of the crop's middle alone gives .89 there (test/auroc_center_hu); 300 steps
Cost      lab: 10 arms x 3 seeds of 25 s on one CPU core, and 25 s once per process for the phantom;
          paper: needs a GPU and --data with a fifth held out and a nodules.csv
"""

from ablate import Study, main
from search_spaces.dino.probe import PROBE, PROBE_FINDINGS, PROBE_SCALES
from search_spaces.dino.shared import NEEDS_CT
from trainables.dino.config import CenterConfig, DinoConfig
from trainables.dino.probe import ProbeRun
from trainables.dino.probe_config import ProbeConfig

STUDY = Study(
    name="dino_probe",
    question="What does a linear probe read from a frozen DINO backbone on lung CT?",
    run=ProbeRun,
    base=ProbeConfig(dino=DinoConfig(center=CenterConfig(momentum=0.999))),  # the probed recipe
    space=PROBE,
    scales=PROBE_SCALES,
    seeds=(0, 1, 2),
    metric="test/auroc",
    mode="max",
    baseline="cls",  # the central slice in the wide window; each other arm departs from it
    margin=0.02,  # documented: less is noise
    findings=PROBE_FINDINGS,
    cell_seconds={"smoke": 2, "lab": 25},
    needs_data=NEEDS_CT,
)

if __name__ == "__main__":
    raise SystemExit(main(STUDY))
