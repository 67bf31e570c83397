"""What the studies of the Neural Universal Machine share: sizes, controls, documented rows.

A graph DiT draws the edges of programs whose nodes are given as six motifs. The documented graphs
are 3,951 Ruby methods of one author's set; here programs are generated, or methods of a folder
that `ablate data ruby` wrote. Documented rates of laws are therefore those of other data, and no
claim about a rate itself is judged here, only about which arm is ahead.
The documented 100 % of valid graphs came from one graph of the training set under a validator that
took cycles for the absence of cycles (timlawrenz/jubilant-palm-tree, train.py@b47b5f3).
"""

from collections.abc import Callable
from functools import partial

from search_spaces.space import Claim, SeedView

REPO = "timlawrenz/jubilant-palm-tree"
GRID_SCRIPT = f"{REPO} scripts/ablation/run_ablation_grid.py@c39e15c"
TRAIN = f"{REPO} train.py@b47b5f3"
MODEL = f"{REPO} dit.py@9e16666"
LOG = f"{REPO} repository log"
POST = "seed post 000 NUM"
SWEPT = ("lab", "paper")
swept = partial(Claim, scales=SWEPT)  # judged on the arms of its study
METRIC = "val/typed_f1_gain"
MARGIN = 0.01  # of F1: about what one draw of random graphs moves by on 512 of them

Values = dict[str, object]

# Graphs that no network made, which stand in every table.
CONTROLS: dict[str, Values] = {
    name: {"control": name}
    for name in ("empty", "random", "chain", "constructive", "table", "data")
}

SMOKE: Values = {
    "programs.train": 256,
    "programs.held_out": 24,
    "model.hidden": 16,
    "model.heads": 2,
    "sample.steps": 3,
    "evaluation.graphs": 24,
    "evaluation.graphs_between": 8,
}
PAPER: Values = {
    "programs.most_nodes": 10,
    "model.hidden": 256,
    "model.heads": 8,
}
# Of the studies that ask for neither steps nor depth.
SMOKE_RUN: Values = SMOKE | {"steps": 4, "steps_per_report": 2, "model.depth": 2}
PAPER_RUN: Values = PAPER | {
    "steps": 5950,  # 50 epochs of 1,890 graphs at 16 a step
    "steps_per_report": 119,
    "model.depth": 12,
    "optim.lr": 1e-4,
}
SCALES: dict[str, Values] = {"smoke": SMOKE_RUN, "lab": {}, "paper": PAPER_RUN}
NEEDS_RUBY = {"paper": "ablate data ruby SOURCE --to DIR"}


def ahead(arm: str, *others: str, metric: str = METRIC) -> Callable[[SeedView], float]:
    """By how much the arm is above the best of the others in a metric where more is better."""
    return lambda view: view.final(arm, metric) - max(view.final(o, metric) for o in others)


def below(arm: str, value: float, metric: str) -> Callable[[SeedView], float]:
    """By how much an arm's metric is below a number."""
    return lambda view: value - view.final(arm, metric)
