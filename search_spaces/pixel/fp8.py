"""Does training in 8 bits change the portraits: arms and findings.

Documented is arm I, on G: layers within blocks in 8 bits, and a compilation that came with it. The
code of I is not public and its published list of layers belongs to a later network, so it is
reconstructed. A CPU computes what 8-bit units would (`fp8.emulate`): that tells of quality and not
of speed. `paper-compiled` has all arms compiled, so that 8 bits and compilation can be told apart,
and `paper-long` is arm J: 40,000 steps on 70,000 portraits, features asked for ever less.
"""

from search_spaces.pixel.log import between_runs, finals
from search_spaces.pixel.shared import (
    CONTROLS,
    NEEDS_PORTRAITS,
    POST_1,
    REPO,
    RESULTS,
    TEXT,
    Values,
    alike,
    on_full_stack,
    swept,
)
from search_spaces.pixel.tables import (
    EDITED,
    HOURS,
    LATER,
    LATER_SOURCE,
    RECON,
    SPEED,
    TEXT_ALONE,
)
from search_spaces.space import Arms, Claim, SeedView, recorded

BF16, FP8 = "G of June", "I"
STEP_MS, PEAK = "perf/step_ms", "perf/peak_mem_gib"
ON_GPU = ("paper", "paper-compiled")
HISTORY_BUFFERS = 0  # of torchao 0.18.0, after a conversion with dynamic scaling

_LAYERS: dict[str, Values] = {
    "none": {"fp8.layers": "none"},
    "within blocks": {"fp8.layers": "attention_mlp"},
    "all": {"fp8.layers": "all"},
}
FP8_ARMS = Arms(source=f"{RESULTS}; {POST_1}; torchao float8", overrides=_LAYERS | CONTROLS)
_SCALES = on_full_stack(smoke={"fp8.emulate": True}, lab={"fp8.emulate": True})
FP8_SCALES: dict[str, Values] = {
    **_SCALES,
    "paper-compiled": _SCALES["paper"] | {"compile": True},
    "paper-long": _SCALES["paper"]
    | {
        "compile": True,
        "steps": 40_000,
        "steps_per_report": 1000,
        "optim.warmup": 500 / 40_000,
        "repa.decay": (0.0, 1.0),
        "portraits.train": 70_000,
    },
}
FP8_NEEDS: dict[str, str] = dict.fromkeys(
    ("paper", "paper-compiled", "paper-long"), NEEDS_PORTRAITS["paper"]
)


def _deltas() -> list[float]:
    return [abs(LATER.final(FP8, m) - LATER.final(BF16, m)) for m in (RECON, TEXT_ALONE, EDITED)]


def _halved(_: SeedView) -> bool:
    hours = LATER.final(FP8, HOURS) / LATER.final(BF16, HOURS)
    speed = LATER.final(FP8, SPEED) / LATER.final(BF16, SPEED)
    return round(hours, 2) == 0.46 and round(speed, 2) == 2.12


def _already_faster(_: SeedView) -> bool:
    """Whether G's speed before 8 bits is well above that of B to D in the log."""
    documented = sorted(finals(SPEED, "BCD"))[1]
    return 1.5 < LATER.final(BF16, SPEED) / documented < 1.8


def _faster(view: SeedView) -> float:
    """By how much less than .6 of the time a step takes in 8 bits."""
    return 0.6 - view.final("within blocks", STEP_MS) / view.final("none", STEP_MS)


FP8_FINDINGS = (
    Claim("PDIT-49", "SEED", POST_1, ON_GPU).says(
        "Training in 8 bits halves the time.",
        documented="judged: a step takes less than .6 of the time, both arms compiled or neither",
        other_data="56 h to 26 h; published for other networks: 1.25 to 1.5 times the speed",
        holds=_faster,
        needs="a GPU with 8-bit units; a CPU emulates them",
    ),
    recorded("PDIT-49r", "SEED", LATER_SOURCE).says(
        "In the record 8 bits take .46 of the hours, at 2.12 times the steps a second.",
        documented="56 and 26; .025 and .053; compilation came with it",
        holds=_halved,
    ),
    swept("PDIT-50", "SEED", POST_1).says(
        "Quality in 8 bits is that of 16: reconstruction within the margin.",
        documented="judged against single precision at `lab`",
        other_data=".906 and .900, gate .05",
        holds=alike("within blocks", "none"),
    ),
    swept("PDIT-50t", "SEED", POST_1).says(
        "So it is from captions alone.",
        other_data=".909 and .920",
        holds=alike("within blocks", "none", metric=TEXT),
    ),
    swept("PDIT-50a", "CAVEAT", "torchao float8").says(
        "With all linear layers in 8 bits reconstruction stays within the margin, too.",
        documented="not told: it ran out of memory",
        holds=alike("all", "none"),
    ),
    recorded("PDIT-51", "CAVEAT", LATER_SOURCE).says(
        "What 8 bits changed is less than two runs of an arm lie apart.",
        documented=".006, .011, .019; up to .031 (of text LPIPS)",
        holds=lambda _: max(_deltas()) < max(between_runs()),
    ),
    Claim("PDIT-52", "SEED", POST_1, ON_GPU).says(
        "With all linear layers in 8 bits the peak of memory is above that of 16 bits.",
        documented="out of 24 GB; no figures",
        holds=lambda view: view.final("all", PEAK) - view.final("none", PEAK),
        needs="a GPU with 8-bit units",
    ),
    recorded("PDIT-53", "CAVEAT", f"{POST_1}; torchao 0.18.0").says(
        "It is no history of maxima: dynamic scaling keeps none.",
        documented="buffers after conversion: 0, counted for the specification",
        holds=lambda _: HISTORY_BUFFERS == 0,
    ),
    Claim("PDIT-54", "CONFIG", f"{RESULTS}; train_production.py (index)").says(
        "Only products within blocks and REPA's projection are in 8 bits.",
        documented="adaLN, time, patches, adapters and the last projection are left out",
        needs="no sweep: tests of `fp8.layers` name the layers that are converted",
    ),
    recorded("PDIT-55", "CAVEAT", f"{LATER_SOURCE}; log of A to D").says(
        "G was faster than B to D before any 8 bits: a step was another, or compiled.",
        documented=".025 and .0143 steps a second: 1.75",
        holds=_already_faster,
    ),
    Claim("PDIT-C12", "CAVEAT", f"{REPO}@0209a26 production/train_production.py").says(
        "The public list of layers of arm I belongs to a later network.",
        documented="it names adapters that the network of May and June does not have",
        needs="the code of arm I, which is not public; its layers are reconstructed here",
    ),
)
