"""Must padding be masked, in the loss and in the attention: arms and findings.

Documented graphs are padded to 128 nodes; the loss was masked and the attention was not. At `lab`
all graphs are padded to 16 nodes. Where padding is masked in both, graphs need none: buckets of
like size give the same numbers at a fraction of the time, which is a test and no arm.
"""

from search_spaces.num.shared import (
    CONTROLS,
    MODEL,
    PAPER_RUN,
    POST,
    SMOKE_RUN,
    Values,
    ahead,
    swept,
)
from search_spaces.space import Arms, SeedView, calculated

SIDE, NODES = 128, 3

_MASKS: dict[str, Values] = {
    "both masked": {"loss.mask": True, "axial.mask": "mask"},
    "attention open as run": {"loss.mask": True, "axial.mask": "none as run"},
    "loss open": {"loss.mask": False, "axial.mask": "mask"},
    "both open": {"loss.mask": False, "axial.mask": "none as run"},
}
MASK = Arms(source=MODEL, overrides=_MASKS | CONTROLS)
MASK_SCALES = {
    "smoke": SMOKE_RUN | {"programs.pad": 9},
    "lab": {"programs.pad": 16, "steps": 200, "steps_per_report": 50},
    "paper": PAPER_RUN | {"programs.pad": 128},
}


def _nearly_all_padding(_: SeedView) -> bool:
    return round(1 - NODES**2 / SIDE**2, 4) == 0.9995


MASK_FINDINGS = (
    calculated("NUM-33", "MATH", POST).says(
        "An unmasked loss on a graph of 3 nodes padded to 128 is 99.95 % padding.",
        documented="16,384 cells, 9 of them real",
        holds=_nearly_all_padding,
    ),
    swept("NUM-33m", "SEED", POST).says(
        "A loss that does not leave out padding draws worse graphs.",
        documented="not ablated",
        holds=ahead("both masked", "loss open"),
    ),
    swept("NUM-33a", "CAVEAT", MODEL).says(
        "Attention that sees padding draws worse graphs.",
        documented="as run: none of it masked",
        holds=ahead("both masked", "attention open as run"),
    ),
)
