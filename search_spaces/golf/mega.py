"""Is wider better than deeper: documented arms, results and findings.

The three runs have an activation of their own (LeakyReLU squared with a learned scale and bias) and
none of the kernels that they are named after. Their sizes were not matched, 26.5 million parameters
against 20.8: seven layers of width 640 are what eleven of 512 are. At `lab` the same factors of
depth and width give sizes within 4 %.
"""

from search_spaces.golf.shared import AS_RUN, BOARD, GOLF, SCALES, Values, better, both_ways, swept
from search_spaces.space import Arms

_LEAKY: Values = {"leaky.enabled": True}
_WIDER, _DEEPER, _SHALLOWER = 640 / 512, 11 / 9, 7 / 9
_SIZES: dict[str, Values] = {
    "MEGA-1": {},
    "MEGA-2": {"backbone.width_factor": _WIDER},
    "MEGA-3": {"backbone.depth_factor": _DEEPER},
    "MEGA-2 matched": {"backbone.width_factor": _WIDER, "backbone.depth_factor": _SHALLOWER},
}

MEGA = Arms(
    source=f"{GOLF} #1192; {BOARD}",
    overrides=both_ways(_SIZES, meant=_LEAKY, run=AS_RUN | _LEAKY),
)
MEGA_SCALES = SCALES

MEGA_FINDINGS = (
    swept("TLM-21", "SEED", BOARD).says(
        "As run and unmatched, wider beats deeper.",
        documented="2.1592 (width 640) and 2.1961 (11 layers); judged: MEGA-2 below MEGA-3 as run",
        holds=better("MEGA-2 as run", "MEGA-3 as run"),
    ),
    swept("TLM-21m", "SEED", BOARD).says(
        "At matched parameters and a full learning rate, wider beats deeper.",
        documented="not run; judged: seven layers of 640 below eleven of 512",
        holds=better("MEGA-2 matched", "MEGA-3"),
    ),
)
