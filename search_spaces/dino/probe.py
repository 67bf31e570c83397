"""What a frozen lung-CT backbone knows of nodules: documented probes, their AUROC, and findings.

The probes were run by timlawrenz/ratiocinator on LIDC-IDRI: 2,095 nodules of 848 patients, 430 of
them malignant, patients split 60/20/20. No interval is documented for any of them. With 86
malignant of 419 tested nodules the standard error of an AUROC is about .03, more than most
differences in the table (those of one backbone on the same nodules are known better than that).
"""

from search_spaces.dino.shared import EXPERIMENTS, SEED_POST, VIT_SMALL, paper_like, swept, without
from search_spaces.space import Arms, Claim, SeedView, recorded

RATIOCINATOR = "timlawrenz/ratiocinator results/dinox (file index)"

# Levels and widths in HU, as these are the usual windows in HU; the documents do not say whether
# theirs act on HU or, as those of DINO-X's loader do, on HU / 10.
PROBE = Arms(
    source=f"{RATIOCINATOR}; {SEED_POST}, section 3.5; studies 2.5 and 2.6",
    overrides={
        "cls": {},
        "random": {"pretrained": False},
        "patch": {"features.token": "patch"},
        "lung": {"features.level_hu": -500.0, "features.width_hu": 1500.0},
        "mediastinal": {"features.level_hu": 40.0, "features.width_hu": 350.0},
        "mean3": {"features.reach": 1},
        "max3": {"features.reach": 1, "features.pool": "max"},
        # The documented range is each nodule's own; here it is the same for all, or it would tell
        # the kinds apart. "concat" is read as CLS beside mean patch token.
        "full-cls": {"features.reach": 4},
        "full-patch": {"features.reach": 4, "features.token": "patch"},
        "full-concat": {"features.reach": 4, "features.token": "both"},
    },
)
PRETRAINED = tuple(arm for arm in PROBE.overrides if arm != "random")

# Documented AUROC; one run each. The feature of "random" is not said.
PROBE_RESULTS: dict[str, float] = {
    "cls": 0.663,
    "random": 0.526,
    "patch": 0.687,
    "lung": 0.659,
    "mediastinal": 0.652,
    "mean3": 0.624,
    "max3": 0.620,
    "full-cls": 0.589,
    "full-patch": 0.650,
    "full-concat": 0.609,
}
# Probes of other backbones or heads, and of the central slice in the run that has mean3 and max3.
OTHER_PROBE_RESULTS: dict[str, float] = {
    "ViT-S 100K, CLS, MLP": 0.670,
    "ViT-L 100K, CLS": 0.668,
    "ViT-S 50K, CLS, mediastinal": 0.649,
    "ViT-S 100K, CLS, centre of three": 0.640,
    "ViT-L 20K, patch": 0.631,
    "ViT-L 20K, CLS": 0.620,
}
SUPERVISED_AUROC = 0.767  # ResNet18, from the literature, with a protocol of its own

# LoRA by (rank, unfrozen blocks, crop in px): AUROC on 262 nodules, one run each, seed 42.
LORA_RESULTS: dict[tuple[int, int, int], float] = {
    (8, 0, 64): 0.668,
    (16, 0, 64): 0.685,
    (32, 0, 64): 0.670,
    (8, 1, 64): 0.659,
    (8, 0, 128): 0.589,
}
LORA_UNSEEDED = 0.684  # rank 8, the same but for the seed
LORA_NOISE = 0.02  # documented: smaller differences mean nothing

_VIT_SMALL_100K = without(paper_like(VIT_SMALL, 100_000), "steps_per_report")
# `lab` is the config's default size of the probe; 400 patients give some 110 nodules to test on.
PROBE_SCALES: dict[str, dict[str, object]] = {
    "smoke": {
        "steps_per_report": 2,
        "fit.epochs": 4,
        "shape_nodules": 32,
        "nodules.crop_px": 8,
        "dino.steps": 4,
        "dino.vit.image_px": 24,
        "dino.vit.dim": 32,
        "dino.vit.depth": 2,
        "dino.head.out_dim": 64,
        "dino.optim.batch": 8,
        "dino.phantom.series": 16,
        "dino.phantom.slices": 20,
        "dino.phantom.side_px": 40,
        "dino.phantom.validation_fraction": 0.25,
    },
    "lab": {
        "dino.steps": 300,
        "dino.center.reference_steps": 2000,
        "dino.phantom.series": 400,
    },
    "paper": {f"dino.{field}": value for field, value in _VIT_SMALL_100K.items()}
    | {"steps_per_report": 2000, "nodules.crop_px": 64},
}


def chance_tolerance(positives: float, negatives: float) -> float:
    """Two standard errors of the AUROC of a coin, by Hanley and McNeil."""
    return 2 * ((positives + negatives + 1) / (12 * positives * negatives)) ** 0.5


def _auroc(view: SeedView, arm: str) -> float:
    return view.final(arm, "test/auroc")


def _patch_is_best(view: SeedView) -> float:
    return _auroc(view, "patch") - max(_auroc(view, arm) for arm in PRETRAINED if arm != "patch")


def _random_is_chance(view: SeedView) -> bool:
    positives = view.final("random", "test/positives")
    tolerance = chance_tolerance(positives, view.final("random", "test/n") - positives)
    return abs(_auroc(view, "random") - 0.5) <= tolerance


def _center_then_mean_then_max(view: SeedView) -> float:
    center, mean, most = (_auroc(view, arm) for arm in ("cls", "mean3", "max3"))
    return min(center - mean, mean - most)


def _all_dimensions_active(view: SeedView) -> bool:
    return view.final("cls", "val/active_dims") == view.config("cls", "dino.vit.dim")


def _alike_and_not_separated(view: SeedView) -> bool:
    alike = view.final("cls", "val/mean_cosine") > 0.8
    return alike and view.final("cls", "val/class_separation") < 0.01


def _below_supervised(_: SeedView) -> bool:
    return max(*PROBE_RESULTS.values(), *OTHER_PROBE_RESULTS.values()) < SUPERVISED_AUROC


def _one_pair_apart(_: SeedView) -> bool:
    gap = LORA_UNSEEDED - LORA_RESULTS[8, 0, 64]
    return round(gap, 3) == 0.016 and gap < LORA_NOISE


def _rank_within_noise(_: SeedView) -> bool:
    low, best, high = (LORA_RESULTS[rank, 0, 64] for rank in (8, 16, 32))
    worse = max(LORA_RESULTS[8, 1, 64], LORA_RESULTS[8, 0, 128])
    return max(low, high) < best < min(low, high) + LORA_NOISE and worse < low


LORA = "LoRA adapters on ViT-S backbones and the LIDC-IDRI ratings"

PROBE_FINDINGS = (
    swept("DINO-30", "SEED", f"{SEED_POST}, section 3.5").says(
        "Of all probes of the ViT-S, the one on mean patch tokens is the best.",
        documented="AUROC .687, CLS .663; no error bars; one standard error of each is about .03",
        holds=_patch_is_best,
    ),
    Claim("DINO-31", "SEED", f"{SEED_POST}, section 3.5").says(
        "Probed on CLS, ViT-L is at least as good as ViT-S.",
        documented="AUROC .668 and .663 at 100K; no error bars; one standard error is about .03",
        needs="ViT-L, 100,000 micro-batches and LIDC-IDRI with its ratings",
    ),
    recorded("DINO-32", "SEED", f"{SEED_POST}, section 3.5").says(
        "Every probe is below the supervised ResNet18.",
        documented="best .687, ResNet18 .767; the latter is from the literature, other protocol",
        holds=_below_supervised,
    ),
    swept("DINO-33", "REPO", RATIOCINATOR).says(
        "A probe of a backbone that was never trained is at chance.",
        documented="AUROC .526; judged: within two standard errors; lab has an easier task",
        holds=_random_is_chance,
    ),
    swept("DINO-34", "SEED", f"{SEED_POST}, section 3.5; {RATIOCINATOR}").says(
        "Pooling mean patch tokens over a nodule's slices lowers the AUROC.",
        documented=".687 to .650; full range: CLS .589, patch .650, concat .609; no error bars",
        holds=lambda view: _auroc(view, "patch") - _auroc(view, "full-patch"),
    ),
    swept("DINO-35", "REPO", RATIOCINATOR).says(
        "The central slice is better than the mean of three, that than their maximum.",
        documented=".640, .624, .620; the same CLS probe of the central slice is .663 elsewhere",
        holds=_center_then_mean_then_max,
    ),
    swept("DINO-37", "SEED", f"{SEED_POST}, section 4").says(
        "All dimensions of the embedding are active.",
        documented="384 of 384, 1,024 of 1,024 with std > .01; judged: of unit CLS features",
        holds=_all_dimensions_active,
    ),
    swept("DINO-38", "SEED", f"{SEED_POST}, section 4").says(
        "Embeddings are alike and the classes hardly apart.",
        documented="cosine .887 and .865, separation .003 and .002; judged: > .8 and < .01",
        holds=_alike_and_not_separated,
    ),
    Claim("DINO-54", "REPO", f"{EXPERIMENTS}, LoRA benchmark").says(
        "Retrieval does not predict what LoRA makes of a backbone.",
        documented="retrieval 56 times chance: AUROC .635 to .680; 7 times chance: .710",
        needs=f"{LORA}, at two states of pretraining",
    ),
    Claim("DINO-55", "REPO", f"{EXPERIMENTS}, crop size ablation").says(
        "LoRA on tight crops of 64 px beats 128 and 224 px.",
        documented=".710 lung, .684 wide; .566; .590; at one learning rate .681 against the latter",
        needs=LORA,
    ),
    recorded("DINO-56", "REPO", f"{EXPERIMENTS}, ablation scan").says(
        "LoRA differs by .016 without cause, so on 262 nodules less than .02 is noise.",
        documented=".684 and .668: one pair, which gives no spread; judged: their difference",
        holds=_one_pair_apart,
    ),
    recorded("DINO-57", "REPO", f"{EXPERIMENTS}, ablation scan").says(
        "LoRA rank 16 beats 8 and 32 within noise; unfreezing and 128 px crops hurt.",
        documented=".685, .670, .668; .659; .589; .659 is within the same noise, so need not hurt",
        holds=_rank_within_noise,
    ),
    Claim("DINO-58", "REPO", f"{EXPERIMENTS}, held-out test").says(
        "Judged by patient, the LoRA test AUROC is higher than by nodule.",
        documented=".706, .667; the document sets the former against the probe's .687 by nodule",
        needs=LORA,
    ),
)
