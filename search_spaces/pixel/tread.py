"""What does routing tokens around the inner blocks cost and save, by optimizer: arms and findings.

Documented is half of all tokens around all blocks but the first and the last, one draw for the
batch. The post says that AdamW then takes too large steps where gradients are sparse. But half of
the tokens go through every block at every step, and the loss is a mean over them: no block is ever
without a gradient. What is claimed of second moments and updates is read off the optimizers.
"""

from math import log
from statistics import fmean

from search_spaces.pixel.muon import alike, orthogonalised
from search_spaces.pixel.shared import (
    CODE,
    METRIC,
    POST_3,
    SCALES,
    Rates,
    Values,
    at_each_rate,
    more,
    optimizer,
    swept,
)
from search_spaces.space import SeedView, calculated

BLOCK = "block1"  # one that is routed at every scale
STEP_MS = "perf/step_ms"
TOKENS, DEPTH, RATE = 4096, 18, 0.5


def _arms(rates: Rates) -> dict[str, Values]:
    return {
        f"{name} {rate}": optimizer(name, rates) | {"tread.rate": rate}
        for name in ("adamw", "muon")
        for rate in (0.0, 0.25, 0.5)
    }


TREAD = at_each_rate(f"{CODE}/model.py, lines 636-662; arXiv 2501.04765", _arms)
TREAD_SCALES = SCALES


def _level(view: SeedView, arm: str, metric: str) -> float:
    """The mean logarithm of a block's metric over the reports, each of which is of one step."""
    return fmean(log(value) for _, value in view.curve(arm, f"{metric}@{BLOCK}"))


def _change(view: SeedView, name: str, metric: str) -> float:
    """The logarithm of how many times larger a block's metric is with routing."""
    return _level(view, f"{name} 0.5", metric) - _level(view, f"{name} 0.0", metric)


def _update_over_gradient(view: SeedView, name: str) -> float:
    return _change(view, name, "train/update_rms") - _change(view, name, "train/grad_rms")


def _time_spared(view: SeedView) -> float:
    """By how much more than 13 % of a dense step's time is spared with half of the tokens."""
    return 0.87 - view.final("adamw 0.5", STEP_MS) / view.final("adamw 0.0", STEP_MS)


def _tokens(block: int) -> int:
    return TOKENS - int(TOKENS * RATE) if 1 <= block <= DEPTH - 2 else TOKENS


def _tokens_in_blocks(_: SeedView) -> bool:
    return [_tokens(block) for block in range(DEPTH)] == [4096, *[2048] * 16, 4096]


TREAD_FINDINGS = (
    swept("PDIT-4", "SEED", POST_3).says(
        "Half of the tokens routed, a step takes less than .87 of a dense one's time.",
        documented="judged by the time of a step; four of six blocks are routed at `lab`",
        other_data="94.9 of 111.8 hours, sixteen of eighteen blocks",
        holds=_time_spared,
    ),
    swept("PDIT-14", "SEED", POST_3).says(
        "Under AdamW second moments of a routed block are smaller than of a dense one.",
        documented="no measurement; judged: log of their root, mean over the reports",
        holds=lambda view: -_change(view, "adamw", "train/sqrt_v"),
    ),
    swept("PDIT-14u", "SEED", POST_3).says(
        "AdamW's updates of a routed block are larger beside the gradient than of a dense one.",
        documented="no measurement; judged: log of update over gradient, mean over the reports",
        holds=lambda view: _update_over_gradient(view, "adamw"),
    ),
    swept("PDIT-14m", "SEED", POST_3).says(
        "Muon is spared that: its updates grow less beside the gradient than AdamW's.",
        documented="no measurement",
        holds=lambda view: (
            _update_over_gradient(view, "adamw") - _update_over_gradient(view, "muon")
        ),
    ),
    swept("PDIT-14d", "SEED", POST_3).says(
        "Routing costs AdamW more than Muon.",
        documented="judged by the error of fine detail",
        other_data="B - A .081; C beside Muon without routing was not run",
        holds=lambda view: (
            more("adamw 0.5", "adamw 0.0", metric=METRIC)(view)
            - more("muon 0.5", "muon 0.0", metric=METRIC)(view)
        ),
    ),
    calculated("PDIT-66", "CONFIG", f"{CODE}/model.py, lines 636-662").says(
        "All tokens pass the blocks 0 and 17, half of them the sixteen between.",
        documented="4,096; 2,048",
        holds=_tokens_in_blocks,
    ),
    calculated("PDIT-67", "SEED", POST_3).says(
        "Muon makes all singular values of an update alike, within .5 and 1.3.",
        documented="judged on the law of a square Gaussian matrix of 192; measured: .02 to 1.2",
        holds=lambda _: alike(0, 1),
    ),
    calculated("PDIT-67b", "CAVEAT", "Muon's polynomial").says(
        "It does so for the bulk, from the 5 % to the 95 % quantile.",
        documented="the smallest are left behind",
        holds=lambda _: alike(0.05, 0.95),
    ),
    calculated("PDIT-C6", "CAVEAT", f"{CODE}/train.py, lines 696-722").says(
        "As run a null vector, a matrix of one row, takes steps of one length at any gradient.",
        documented="every parameter of two dimensions was Muon's; such a matrix has one value, 1",
        holds=lambda _: 0.5 <= orthogonalised(1.0) <= 1.3,
    ),
)
