"""What does the entropy wall depend on: one factor at a time around the documented recipe.

The documents blame the center's momentum and contradict it: with .9 a network that is told the
spacing of voxels leaves the wall, and so did January's with a colder teacher that moves less. Three
pairs are crossed: momentum with where the center starts (a slow center keeps its start, zero, which
sharpens the teacher from the first step); data of varied spacing with being told it, since series
that look unlike and a network that is told which it sees are two things; the changes of January.
"""

from search_spaces.dino.shared import (
    DINO_X,
    DOCUMENTED_OUT_DIM,
    EXPERIMENTS,
    LAB_2K,
    SLOW,
    SMOKE,
    VIT_SMALL,
    WALL_NATS,
    Scale,
    loss_share,
    on_wall,
    swept,
    without,
)
from search_spaces.space import Arms, Claim, SeedView

_CENTERED: Scale = {"center.start": "teacher"}
_TOLD: Scale = {"vit.spacing_embedding": True}
_VARIED: Scale = {"phantom.spacing_spread": 1.0}
_COLD: Scale = {"loss.teacher_temperature": 0.02}
_STIFF: Scale = {"teacher.momentum": 0.9995}

_CHANGES: dict[str, Scale] = {
    "recipe": {},
    "slow": SLOW,
    "centered": _CENTERED,
    "slow+centered": SLOW | _CENTERED,
    "told": _TOLD,
    "varied": _VARIED,
    "varied+told": _VARIED | _TOLD,
    "cold": _COLD,
    "warm": {"loss.teacher_temperature": 0.07},
    "stiff": _STIFF,
    "cold+stiff": _COLD | _STIFF,
}
WALL = Arms(
    source=f"{EXPERIMENTS}, two-organ study (recipe, told) and docs/experiments.csv (cold, stiff)",
    overrides=_CHANGES | {"k256": {"head.out_dim": 256}, "k4096": {"head.out_dim": 4096}},
    at={
        "paper": {
            arm: {"head.out_dim": DOCUMENTED_OUT_DIM, **changed}
            for arm, changed in _CHANGES.items()
        }
    },
)

# Documented loss by micro-batches of the local run with the spacing, momentum .9, batch 8 x 4.
LOCAL_LOSSES: dict[int, float] = {
    0: 8.97,
    500: 8.94,
    1000: 8.3,
    2000: 6.27,
    3000: 4.31,
    4000: 1.25,
    5000: 1.03,
}
JANUARY_SHARE = 7 / WALL_NATS  # the documented "left the wall" is loss < 7

# No scale sets K, since arms do. Real data have the spacings that they have: there "varied" is the
# recipe and "varied+told" is "told".
WALL_SCALES: dict[str, Scale] = {
    "smoke": without(SMOKE, "head.out_dim"),
    "lab": LAB_2K,
    "paper": without(VIT_SMALL, "head.out_dim")
    | {"steps": 1250, "steps_per_report": 50, "optim.accumulation": 4},
}


def _spacing_leaves_it(view: SeedView) -> bool:
    return on_wall(view, "varied") and loss_share(view, "varied+told") < 1 / WALL_NATS


def _small_batch_leaves_it(view: SeedView) -> bool:
    arm = "varied+told"
    batch = view.config(arm, "optim.batch") * view.config(arm, "optim.accumulation")
    if batch != 32:
        raise LookupError(f"arm {arm!r}: the claim is about 32 slices to a step, not {batch}")
    return loss_share(view, arm) < 2 / WALL_NATS


def _low_loss_retrieves_no_more(view: SeedView) -> bool:
    if loss_share(view, "varied+told") > loss_share(view, "varied") / 2:
        raise LookupError("arm 'varied+told': its loss is not half that of varied")
    return view.final("varied+told", "val/top1") <= view.final("varied", "val/top1")


def _fifth(view: SeedView, arm: str, metric: str) -> float:
    """The metric after a fifth of the run, as 1,000 of the documented 5,000 micro-batches."""
    return view.at(arm, metric, view.config(arm, "steps") // 5)


def _spacing_becomes_decodable(view: SeedView) -> float:
    untold, early = (_fifth(view, arm, "val/spacing_r2") for arm in ("varied", "varied+told"))
    return min(early - untold, view.final("varied+told", "val/spacing_r2") - early)


def _spacing_matters_more(view: SeedView) -> bool:
    early = _fifth(view, "varied+told", "val/spacing_shift")
    return view.final("varied+told", "val/spacing_shift") >= 10 * early


TWO_ORGANS = f"{EXPERIMENTS}, two-organ study"
LOCAL_RUN = f"{EXPERIMENTS}, local 5K run"
TOLD_SPACING = f"{EXPERIMENTS}, protocol validation and local 5K run"

WALL_FINDINGS = (
    swept("DINO-9", "CAVEAT", TWO_ORGANS).says(
        "With momentum .9 a scale-aware model leaves the wall where its baseline stays.",
        documented="loss at 5,000: scale-aware .134, baseline 8.992; judged: below 1 and above 8.9 "
        "as shares of ln K, both on series of varied spacing",
        holds=_spacing_leaves_it,
    ),
    Claim("DINO-10", "CAVEAT", LOCAL_RUN, ("lab",)).says(
        "With momentum .9 and 32 slices to a step a scale-aware run leaves the wall.",
        documented="loss 6.27 at 2,000 and 1.03 at 5,000 micro-batches of 8; judged: below 2 as a "
        "share of ln K",
        holds=_small_batch_leaves_it,
        needs="scale lab",
    ),
    swept("DINO-11", "CAVEAT", f"{DINO_X} docs/experiments.csv, 20260108_203723").says(
        "With momentum .9, teacher temperature .02 and teacher momentum .9995 leave the wall.",
        documented="loss 6.78 of ViT-L; judged: below 7 / 9.011 of ln K",
        holds=lambda view: loss_share(view, "cold+stiff") < JANUARY_SHARE,
    ),
    swept("DINO-12", "CAVEAT", TWO_ORGANS).says(
        "A low loss is not evidence of good features.",
        documented="loss .134 has 4.0 hits, loss 8.992 has 5.0; judged: the scale-aware run has at "
        "most half the loss, but no more Top-1",
        holds=_low_loss_retrieves_no_more,
    ),
    Claim("DINO-59", "REPO", TOLD_SPACING, ("lab",)).says(
        "A scale embedding makes spacing decodable, the more the longer it trains.",
        documented="R2 -.005 without at 1,000, .724 with at 1,000, .876 with at 5,000",
        holds=_spacing_becomes_decodable,
        needs="scale lab",
    ),
    Claim("DINO-60", "REPO", TOLD_SPACING, ("lab",)).says(
        "Doubling the told spacing moves embeddings ever more as training goes on.",
        documented=".0003 at 1,000, .0551 at 5,000, 184 times as much; judged: at least ten times, "
        "from a fifth of the run to its end",
        holds=_spacing_matters_more,
        needs="scale lab",
    ),
)
