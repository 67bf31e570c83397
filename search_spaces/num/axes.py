"""Does the graph DiT need attention along rows and along columns: arms and findings.

Rows hold the edges that leave a node, columns those that enter it. Documented was "both" alone; an
arm of one axis attends along it twice, so that all arms have as many parameters. "full" lets every
cell attend to every other, which only small graphs allow.
"""

from search_spaces.num.shared import CONTROLS, MODEL, POST, SCALES, Values, ahead, swept
from search_spaces.space import Arms

_AXES: dict[str, Values] = {
    "both": {"axial.axes": "both"},
    "row twice": {"axial.axes": "row"},
    "column twice": {"axial.axes": "column"},
    "full": {"axial.axes": "full"},
    "both as run": {"axial.axes": "both", "axial.norm": "first_only as run"},
}
AXES = Arms(source=MODEL, overrides=_AXES | CONTROLS)
AXES_SCALES = SCALES


AXES_FINDINGS = (
    swept("NUM-10", "SEED", POST).says(
        "Attention along rows and columns is needed for the rules of degree, out and in.",
        documented="not ablated; judged: both is ahead of either alone in typed F1",
        holds=ahead("both", "row twice", "column twice"),
    ),
    swept("NUM-10o", "SEED", POST).says(
        "Rows alone keep the rule of out-degree less often than both.",
        documented="not ablated; judged on graphs before any solver",
        holds=ahead("both", "row twice", metric="val/law_out_degree@raw"),
    ),
    swept("NUM-10i", "SEED", POST).says(
        "Columns alone keep the rule of in-degree less often than both.",
        documented="not ablated; judged on graphs before any solver",
        holds=ahead("both", "column twice", metric="val/law_in_degree@raw"),
    ),
)
