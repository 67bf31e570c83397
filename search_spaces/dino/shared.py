"""What the lung-CT DINO studies of DINO-X share: sizes, the documented wall, how it is judged.

Two recipes are documented under one name. Those of 2,000 micro-batches took four to an optimizer
step with a warm-up of 200; all longer ones took the program's defaults, one to a step and a warm-up
of 2,500. The ratio is the number of hits among N; findings here compare Top-1, at one N.
At no scale do windows act on HU / 10, as those of the documented loader did: `views.hu_divisor`
repeats that.
"""

from functools import partial
from math import log

from search_spaces.space import Claim, SeedView

RESULTS = "timlawrenz/ratiocinator@d607411 results/dinox/all_lidc_results.md"
SCRIPTS = "timlawrenz/ratiocinator@1c29eeb scripts/dinox_run_experiments.sh"
DINO_X = "timlawrenz/DINO-X@9b34237"
EXPERIMENTS = f"{DINO_X} docs/EXPERIMENTS.md"
SEED_POST = "seed post 000"
DOCUMENTED_OUT_DIM = 8192
SWEPT = ("lab", "paper")
BEYOND_SMOKE = "scale lab or paper"
swept = partial(Claim, scales=SWEPT)  # judged on the arms of its study
MARGIN = 0.02  # of Top-1: five slices of 256
NEEDS_CT = {"paper": "ablate data ct SOURCE --to DIR"}  # a phantom says nothing of LIDC-IDRI

Scale = dict[str, object]

SMOKE: Scale = {
    "steps": 6,
    "steps_per_report": 2,
    "vit.image_px": 24,
    "vit.dim": 32,
    "vit.depth": 2,
    "head.out_dim": 64,
    "optim.batch": 8,
    "optim.accumulation": 2,
    "evaluation.slices": 16,
    "phantom.series": 4,
    "phantom.slices": 10,
    "phantom.side_px": 32,
    "phantom.validation_fraction": 0.5,
}

# ViT-S at the documented size; ViT-L with what goes with it.
VIT_SMALL: Scale = {
    "precision": "bf16",
    "vit.image_px": 224,
    "vit.patch_px": 14,
    "vit.dim": 384,
    "vit.depth": 12,
    "vit.heads": 6,
    "head.out_dim": DOCUMENTED_OUT_DIM,
    "optim.batch": 64,
    "evaluation.slices": 2048,
}
VIT_LARGE: Scale = VIT_SMALL | {
    "vit.dim": 1024,
    "vit.depth": 24,
    "vit.heads": 16,
    "vit.checkpointing": True,
    "optim.batch": 16,
    "evaluation.slices": 4096,
}
PAPER_2K: Scale = VIT_SMALL | {"steps": 500, "steps_per_report": 25, "optim.accumulation": 4}
LONG_WARMUP = 2500  # micro-batches, the default of phase5_big_run.py

# Half the steps of dino_cm's lab. As there, micro-batches x (1 - momentum) is the documented one.
LAB: Scale = {"steps": 300, "steps_per_report": 60}
LAB_2K: Scale = LAB | {"center.reference_steps": 2000}
SLOW: Scale = {"center.momentum": 0.999}


def without(scale: Scale, *fields: str) -> Scale:
    """The scale less these fields, which arms set."""
    return {field: value for field, value in scale.items() if field not in fields}


def lab_like(micro_batches: int) -> Scale:
    """`lab` with the center and the warm-up of a documented long run."""
    return LAB | {
        "center.reference_steps": micro_batches,
        "optim.warmup_fraction": LONG_WARMUP / micro_batches,
    }


def paper_like(size: Scale, micro_batches: int) -> Scale:
    """A documented long run: one micro-batch to an optimizer step."""
    return size | {
        "steps": micro_batches,
        "steps_per_report": micro_batches // 20,
        "optim.warmup_fraction": LONG_WARMUP / micro_batches,
    }


# The documented "on the wall" is 8.9 < loss < 9.02.
WALL_NATS = log(DOCUMENTED_OUT_DIM)
WALL_SHARE, WALL_TOP_SHARE = (loss / WALL_NATS for loss in (8.9, 9.02))
ESCAPE_SHARE = 6.5 / WALL_NATS  # the documented "breaks through" is loss < 6.5
FALL_NATS = 0.5  # how far an entropy must leave ln K to have left it, as in DINO-13


def loss_share(view: SeedView, arm: str) -> float:
    """The final training loss over ln K."""
    return view.final(arm, "train/dino_loss_nats") / log(view.config(arm, "head.out_dim"))


def on_wall(view: SeedView, arm: str) -> bool:
    """Whether the final training loss is as close to ln K as the documented band (1.2 %)."""
    return WALL_SHARE < loss_share(view, arm) < WALL_TOP_SHARE


def tells_images_apart(view: SeedView, arm: str) -> bool:
    """Whether predictions say more about the image than those of the same network at step 0.

    What a prediction says is the entropy of the mean prediction less the mean entropy: nothing on
    the wall, where all are flat, nothing after a collapse, where all are the same.
    """
    mean, own = (f"val/{kind}_entropy_nats" for kind in ("mean_prediction", "teacher"))
    start = view.at(arm, mean, 0) - view.at(arm, own, 0)
    return view.final(arm, mean) - view.final(arm, own) > start


def breaks_through(view: SeedView, arm: str) -> bool:
    """Whether the loss is as far below ln K as documented, and not by collapse."""
    return loss_share(view, arm) < ESCAPE_SHARE and tells_images_apart(view, arm)


def entropy_falls(view: SeedView, arm: str) -> bool:
    """Whether the teacher's entropy has left ln K."""
    wall = log(view.config(arm, "head.out_dim"))
    return view.final(arm, "val/teacher_entropy_nats") < wall - FALL_NATS


def someone_learned(view: SeedView, *arms: str) -> None:
    """Nothing where an arm retrieves better than when untrained.

    Raises:
        LookupError: Where none does: which of them retrieves more is then chance.
    """
    gains = {arm: view.final(arm, "val/top1_gain") for arm in arms}
    if max(gains.values()) <= MARGIN:
        listed = ", ".join(f"{arm} {gain:+.3f}" for arm, gain in gains.items())
        raise LookupError(f"no arm learned to retrieve (Top-1 less that at step 0: {listed})")


def retrieves_more(view: SeedView, arm: str, *others: str) -> float:
    """By how much the arm's Top-1 is above all others; LookupError where nobody learned."""
    someone_learned(view, arm, *others)
    return view.final(arm, "val/top1") - max(view.final(other, "val/top1") for other in others)
