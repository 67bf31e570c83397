"""Must an edge's index be classified, and asked of which cells: arms and findings.

The first version let the index flow as a third channel and rounded it; the later one classifies
it, on all cells, nearly all of which have no edge and count as class 0. One arm that the originals
never tried makes the whole cell a category: no edge, or an edge of some kind and index.
"""

from search_spaces.num.shared import (
    CONTROLS,
    POST,
    SCALES,
    TRAIN,
    Values,
    ahead,
    swept,
)
from search_spaces.space import Arms

_INDEX: dict[str, Values] = {
    "classified": {},
    "classified on all cells as run": {"loss.cells": "all as run"},
    "rounded": {"loss.index": "mse"},
    "categorical flow": {"state": "categorical"},
    "categorical flow from any state": {"state": "categorical", "categorical.prior": "uniform"},
}
INDEX = Arms(source=TRAIN, overrides=_INDEX | CONTROLS)
INDEX_SCALES = SCALES

INDEX_FINDINGS = (
    swept("NUM-11", "SEED", POST).says(
        "Rounding the index makes edges clash; classified it is right more often.",
        documented="not ablated; judged: accuracy on true edges that were drawn",
        holds=ahead("classified", "rounded", metric="val/index_accuracy"),
    ),
    swept("NUM-11e", "CAVEAT", TRAIN).says(
        "Asked of all cells the index is right less often than asked of edges alone.",
        documented="not ablated; class 0 dominates: 53 cells for 6 edges",
        holds=ahead("classified", "classified on all cells as run", metric="val/index_accuracy"),
    ),
)
