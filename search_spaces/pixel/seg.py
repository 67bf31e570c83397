"""Does an error that counts double in faces help, and was it that which failed: arms and findings.

Arm E was judged a failure. Beside its weights (face 2, background one half, other 1) it had half as
many portraits a step, a weight of REPA that goes to 0 from 20 to 40 % of the run, and seven shapes
of image in place of one, which is not repeated here. Arm F, the weights alone, was never ended. All
arms are judged by an error that is not weighted, and in faces by a column (`@face`).
"""

from search_spaces.pixel.shared import CONTROLS, METRIC, REPO, Values, ahead, on_full_stack, swept
from search_spaces.space import Arms, recorded

CONFIG = f"{REPO}@8a1c225 scripts/arm_e_config.yaml"
FACE = f"{METRIC}@face"
CHANGES = ("weights of the error", "portraits a step", "decay of REPA", "shapes of image")  # of E

_WEIGHTS: Values = {"parts.face": 2.0, "parts.background": 0.5}
_DECAY: Values = {"repa.decay": (0.2, 0.4)}


def _arms(half: Values) -> dict[str, Values]:
    return {
        "D": {},
        "F": _WEIGHTS,
        "decayed": _DECAY,
        "half as many a step": half,
        "E": _WEIGHTS | _DECAY | half,
    }


def _whole(arms: dict[str, Values], size: Values) -> dict[str, Values]:
    """Arms that all tell the fields of `size`."""
    return {name: size | arm for name, arm in arms.items()}


SEG = Arms(
    source=CONFIG,
    overrides=_whole(_arms({"optim.batch": 4}), {"optim.batch": 8}) | CONTROLS,
    at={
        "smoke": _whole(_arms({"optim.batch": 2}), {"optim.batch": 4}),
        "paper": _whole(
            _arms({"optim.batch": 4, "optim.accumulation": 32}),
            {"optim.batch": 1, "optim.accumulation": 256},
        ),
    },
)
SEG_SCALES = on_full_stack("optim.batch", "optim.accumulation")

SEG_FINDINGS = (
    recorded("PDIT-56", "REPO", CONFIG).says(
        "Arm E changed more than the weights of the error.",
        documented="32 x 4 portraits a step for 256 x 1; REPA to 0 from step 1,000 to 2,000; seven "
        "shapes",
        holds=lambda _: len(CHANGES) > 1,
    ),
    swept("PDIT-56e", "REPO", REPO).says(
        "Arm E reconstructs worse than D.",
        documented="judged a failure; no numbers",
        holds=ahead("D", "E"),
    ),
    swept("PDIT-56w", "CAVEAT", CONFIG).says(
        "The weights alone (F) make reconstruction worse.",
        documented="not ended",
        holds=ahead("D", "F"),
    ),
    swept("PDIT-56f", "CAVEAT", CONFIG).says(
        "In faces, which they are for, they make it better.",
        documented="not looked at",
        holds=ahead("F", "D", metric=FACE),
    ),
    swept("PDIT-56b", "CAVEAT", CONFIG).says(
        "Of what E changed, half as many portraits a step is the worst.",
        documented="not run",
        holds=lambda view: min(ahead(one, "half as many a step")(view) for one in ("F", "decayed")),
    ),
)
