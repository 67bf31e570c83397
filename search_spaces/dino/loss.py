"""Which objective: DINO with and without Gram and KoLeo, or SimCLR; documented arms and findings.

Six arms of 2,000 micro-batches at center momentum .9, one run each, so that all four DINO arms end
at ln K and the order of their hits among 2,048 is that of untrained predictions.
"""

from search_spaces.dino.shared import (
    DINO_X,
    LAB_2K,
    MARGIN,
    PAPER_2K,
    RESULTS,
    SEED_POST,
    SMOKE,
    Scale,
    on_wall,
    swept,
)
from search_spaces.space import Arms, Claim, SeedView

_SIMCLR = {"loss.simclr_weight": 1.0, "loss.dino_weight": 0.0, "loss.koleo_weight": 0.0}

LOSSES = Arms(
    source=f"{RESULTS}, loss sweep",
    overrides={
        "dino+gram+koleo": {},
        "dino+koleo": {"loss.gram_weight": 0.0},
        "dino+gram": {"loss.koleo_weight": 0.0},
        "dino": {"loss.gram_weight": 0.0, "loss.koleo_weight": 0.0},
        "simclr": {**_SIMCLR, "loss.gram_weight": 0.0},
        "simclr+gram": _SIMCLR,
    },
)

# Documented (loss in nats, retrieval hits among 2,048).
LOSS_RESULTS: dict[str, tuple[float, int]] = {
    "dino+gram+koleo": (9.01, 11),
    "dino+koleo": (9.01, 9),
    "dino+gram": (9.01, 9),
    "dino": (9.01, 8),
    "simclr": (4.84, 7),
    "simclr+gram": (4.84, 7),
}

# SimCLR is the positive control: at 1e-3 its Top-1 among 256 slices begins to rise after 200 steps
# (one seed went from .016 to .07 in 600 steps, .27 in 1,000 and .39 in 2,000), at the documented
# 2e-4 it hardly does in 600. Without a control that learns, a null of the others would say nothing.
DOCUMENTED_N = 2048
_LONG_ENOUGH: Scale = {"steps": 500, "steps_per_report": 50, "optim.lr": 1e-3}
LOSS_SCALES: dict[str, Scale] = {
    "smoke": SMOKE,
    "lab": LAB_2K | _LONG_ENOUGH,
    "paper": PAPER_2K,
}


def _all_alike(view: SeedView) -> bool:
    top1 = [view.final(arm, "val/top1") for arm in LOSSES.overrides]
    few_slices = view.final("dino", "val/n") < DOCUMENTED_N
    return max(top1) - min(top1) <= (MARGIN if few_slices else 4 / DOCUMENTED_N)


def _dino_arms_on_wall(view: SeedView) -> bool:
    return all(on_wall(view, arm) for arm in LOSSES.overrides if arm.startswith("dino"))


LOSS_FINDINGS = (
    Claim("DINO-43", "CONFIG", f"{SEED_POST}, section 2.2").says(
        "Gram is online: the student's is matched to that of the current teacher.",
        documented="weight 1.0, every step, no frozen target",
        needs="an arm with a frozen target; here the target is online by construction",
    ),
    Claim("DINO-44", "CAVEAT", f"{DINO_X} scripts/phase5_big_run.py").says(
        "KoLeo spreads the outputs of the head, not embeddings, on which it acts only "
        "through them.",
        documented="the input of KoLeo is the output of the head",
        needs="an arm with KoLeo on embeddings; here it takes the head's output, as documented",
    ),
    swept("DINO-46", "REPO", RESULTS).says(
        "With momentum .9 all DINO arms end on the wall and no objective retrieves more "
        "than another.",
        documented="hits 11, 9, 9, 8, 7, 7 of 2,048; judged: DINO losses within 1.2 % of ln K and "
        "Top-1 within 4 hits of 2,048, at lab within 5 of 256; lab has five times the rate",
        holds=lambda view: _dino_arms_on_wall(view) and _all_alike(view),
    ),
)
