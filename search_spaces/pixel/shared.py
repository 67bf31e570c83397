"""What the studies of the pixel DiT share: sizes, controls, rates, metrics, how arms are compared.

A diffusion transformer draws portraits from a caption, features and joints. Documented arms were
one run each on 7,000 photographs of 1,024 px, judged on the first 100 of these. Here portraits are
drawn by a procedure, or those of a folder, and judged are people that no arm has seen, by the same
noise for all arms. No documented number is therefore judged at `lab`; which arm is ahead is.

Every study but `pixel_lr` gives each optimizer the rate that had the least held-out loss there.
"""

from collections.abc import Callable, Mapping
from functools import partial

from search_spaces.space import Arms, Claim, SeedView

REPO = "timlawrenz/prx-tg"
CODE = f"{REPO}@bc10412 production"
CONFIGS = f"{REPO} 7160c6c^:experiments/ablations"
RESULTS = f"{REPO}@17a088e docs/EXPERIMENTS_AND_RESULTS.md"
POST_1, POST_2, POST_3 = (f"seed post 000, part {n}" for n in (1, 2, 3))
SWEPT = ("lab", "paper")
swept = partial(Claim, scales=SWEPT)  # judged on the arms of its study

METRIC = "val/recon_mse_hf"  # error of what a blur of 2 px takes off, of images from all conditions
TEXT = "val/text_mse_hf"  # the same of images from captions alone
LPIPS, TEXT_LPIPS = "val/recon_lpips_stalex", "val/text_lpips_stalex"
EDIT = "val/manip_mse_hf@paired"  # how far an edited caption moves an image, by the same noise
FLOW = "val/flow_loss"  # of held-out portraits, at fixed times
# Of the squared error: about what seeds of an arm differ by (their spread was .0002 to .0009 in
# `pixel_lr`), and an eighth of what a blur of 2 px loses on drawn portraits of 32 px (.0039; a
# mean image .0054, a shift by a pixel .0047, another portrait .0114).
MARGIN = 0.0005

Values = dict[str, object]
Rates = Mapping[str, float]

# Images that no network made, which stand in every table.
CONTROLS: dict[str, Values] = {
    name: {"control": name} for name in ("mean", "noise", "another", "blur", "shift")
}

# By scale and optimizer. Documented is one rate for both, tuned for neither. At lab both have their
# least held-out loss at 3e-3, of 1e-3, 3e-3 and 9e-3 (`pixel_lr`).
RATES: dict[str, Rates] = {
    "lab": {"adamw": 3e-3, "muon": 3e-3},
    "paper": {"adamw": 3e-4, "muon": 3e-4},
}

SMOKE: Values = {
    "steps": 4,
    "steps_per_report": 2,
    "portraits.size": 16,
    "portraits.train": 32,
    "portraits.held_out": 8,
    "model.hidden": 32,
    "model.depth": 3,
    "model.heads": 2,
    "optim.batch": 4,
    "sample.steps": 2,
    "evaluation.images": 4,
    "evaluation.images_between": 4,
    "evaluation.edits": 4,
}
# The same people at every report, so that a curve's end can be held against its best.
LAB: Values = {
    "sample.steps": 10,
    "evaluation.images": 24,
    "evaluation.images_between": 24,
    "evaluation.edits": 16,
}
# Documented: 256 portraits a step, one at a time; 35 steps of the sampler; a point every 500 steps.
PAPER: Values = {
    "steps": 5000,
    "steps_per_report": 500,
    "precision": "bf16",
    "portraits.size": 1024,
    "model.hidden": 768,
    "model.depth": 18,
    "model.heads": 12,
    "model.patch": 16,
    "model.checkpoint": True,
    "optim.batch": 1,
    "optim.accumulation": 256,
    "sample.steps": 35,
    "evaluation.images": 64,
    "evaluation.images_between": 64,
}
SCALES: dict[str, Values] = {"smoke": SMOKE, "lab": LAB, "paper": PAPER}
NEEDS_PORTRAITS = {"paper": "ablate data portraits SOURCE --to DIR"}


def optimizer(name: str, rates: Rates) -> Values:
    """An optimizer with its rate."""
    return {"optim.name": name, "optim.lr": rates[name]}


def full_stack(rates: Rates) -> Values:
    """Arm D: Muon, half of the tokens routed, features asked for."""
    return {**optimizer("muon", rates), "tread.rate": 0.5, "repa.weight": 0.5}


def at_each_rate(source: str, arms: Callable[[Rates], dict[str, Values]]) -> Arms:
    """Arms whose optimizers have the rates of the scale, and the controls."""
    return Arms(
        source=source,
        overrides=arms(RATES["lab"]) | CONTROLS,
        at={"paper": arms(RATES["paper"])},
    )


def on_full_stack(*told_by_arms: str, **scales: Values) -> dict[str, Values]:
    """The scales with arm D in them, less the fields that arms set.

    Args:
        told_by_arms: Those fields.
        scales: Further fields, by scale.
    """
    sizes = {
        "smoke": SMOKE | full_stack(RATES["lab"]),
        "lab": LAB | full_stack(RATES["lab"]),
        "paper": PAPER | full_stack(RATES["paper"]),
    }
    return {
        scale: {k: v for k, v in size.items() if k not in told_by_arms} | scales.get(scale, {})
        for scale, size in sizes.items()
    }


def ahead(arm: str, *others: str, metric: str = METRIC) -> Callable[[SeedView], float]:
    """By how much the arm is below the best of the others in a metric where less is better."""
    return lambda view: min(view.final(o, metric) for o in others) - view.final(arm, metric)


def more(arm: str, *others: str, metric: str) -> Callable[[SeedView], float]:
    """By how much the arm is above the largest of the others."""
    return lambda view: view.final(arm, metric) - max(view.final(o, metric) for o in others)


def ranked(*arms: str, metric: str = METRIC) -> Callable[[SeedView], float]:
    """By how much each arm is below the next, at the closest pair."""

    def holds(view: SeedView) -> float:
        values = [view.final(arm, metric) for arm in arms]
        return min(two - one for one, two in zip(values, values[1:], strict=False))

    return holds


def alike(one: str, two: str, metric: str = METRIC, within: float = MARGIN):
    """By how much two arms are closer than that."""

    def holds(view: SeedView) -> float:
        return within - abs(view.final(one, metric) - view.final(two, metric))

    return holds
