"""Does asking a middle block for features help, and is it the features: arms and findings.

Documented is a weight of .5 to the end, with features of the very patches that the network is
given as a condition: where it sees them it can read the answer. Four arms ask what is behind that:
asking only of portraits whose patches it has, another portrait's features, a random projection of
the pixels, and a weight that goes to 0 between 20 and 30 % of the run, which the post advises and
nobody ran by itself.
"""

from search_spaces.pixel.shared import (
    CODE,
    CONFIGS,
    CONTROLS,
    MARGIN,
    METRIC,
    POST_3,
    TEXT,
    Values,
    ahead,
    on_full_stack,
    swept,
)
from search_spaces.record import best
from search_spaces.space import Arms, SeedView

_ASKED: Values = {"repa.weight": 0.5}
_REPA: dict[str, Values] = {
    "C": {"repa.weight": 0.0},
    "D": _ASKED,
    "twice": {"repa.weight": 1.0},
    "decayed": _ASKED | {"repa.decay": (0.2, 0.3)},
    "only of what is seen": _ASKED | {"repa.on_dropped": False},
    "shuffled": _ASKED | {"repa.teacher": "shuffled"},
    "pixels": _ASKED | {"repa.teacher": "pixels"},
}
REPA = Arms(source=f"{CONFIGS}; arXiv 2410.06940", overrides=_REPA | CONTROLS)
REPA_SCALES = on_full_stack("repa.weight")


def _text_decays(view: SeedView) -> float:
    """By how much more than the margin D's images from captions alone end above their best."""
    return view.final("D", TEXT) - best(view.curve("D", TEXT))[1] - MARGIN


REPA_FINDINGS = (
    swept("PDIT-17m", "REPO", POST_3).says(
        "Asked to the end, images from captions alone get worse after their best.",
        documented="judged: by more than the margin",
        other_data="text LPIPS .8950 at step 2,000, .9219 at 5,000",
        holds=_text_decays,
    ),
    swept("PDIT-35", "SEED", POST_3).says(
        "A weight that is 0 from 30 % of the run on ends better from captions alone than one that "
        "stays.",
        documented="not run by itself: arm E had it, and two other changes",
        holds=ahead("decayed", "D", metric=TEXT),
    ),
    swept("PDIT-35r", "SEED", POST_3).says(
        "It reconstructs no worse by more than the margin.",
        documented="not run",
        holds=lambda view: MARGIN + ahead("decayed", "D")(view),
    ),
    swept("PDIT-C8", "CAVEAT", f"{CODE}/train.py, lines 164-180").says(
        "Asking of portraits whose patches are dropped, too, is what helps: without it D is worse.",
        documented="as run 45 % of portraits have no patches, and are asked",
        holds=ahead("D", "only of what is seen"),
    ),
    swept("PDIT-C8n", "CAVEAT", "arXiv 2410.06940").says(
        "It is the features: with another portrait's reconstruction is worse.",
        documented="not run",
        holds=ahead("D", "shuffled"),
    ),
    swept("PDIT-C8p", "CAVEAT", "arXiv 2410.06940").says(
        "It is the features: with a random projection of the pixels reconstruction is worse.",
        documented="not run",
        holds=ahead("D", "pixels", metric=METRIC),
    ),
)
