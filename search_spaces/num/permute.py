"""Does permuting the nodes of training graphs destroy a bias of place: arms and findings.

Without a code of place the network is equivariant: it cannot know where a node stands, whatever
it was trained on, and the claim is true by construction. With one it can be wrong. Programs as they
are written run from their beginning on, and what stands next is often what runs next.
"""

from itertools import product

from search_spaces.num.shared import CONTROLS, POST, SCALES, Values, ahead, swept
from search_spaces.space import Arms

_ORDERS = {"permuted": True, "written": False}


def _arm(trained: str, judged: str, pos: str) -> Values:
    orders: Values = {"programs.permute": _ORDERS[trained], "evaluation.permute": _ORDERS[judged]}
    return orders | {"model.pos": pos}


def name(trained: str, judged: str, pos: str) -> str:
    """The name of an arm."""
    return f"{trained} to {judged}" + (" with place" if pos == "sin" else "")


PERMUTE = Arms(
    source=f"{POST}; dataset.py@ba2148b",
    overrides={name(*arm): _arm(*arm) for arm in product(_ORDERS, _ORDERS, ("none", "sin"))}
    | CONTROLS,
)
PERMUTE_SCALES = SCALES

PERMUTE_FINDINGS = (
    swept("NUM-9", "SEED", POST).says(
        "With a code of place, training on written graphs fails on permuted ones.",
        documented="not ablated; judged: training on permuted ones is ahead there",
        holds=ahead("permuted to permuted with place", "written to permuted with place"),
    ),
    swept("NUM-9g", "SEED", POST).says(
        "Training on written graphs with a code of place loses by being judged on permuted ones.",
        documented="not ablated",
        holds=ahead("written to written with place", "written to permuted with place"),
    ),
    swept("NUM-9e", "CAVEAT", POST).says(
        "Without a code of place, training on written graphs is as good on permuted ones, to .02.",
        documented="by construction: the network is equivariant",
        holds=lambda view: 0.02 - abs(ahead("permuted to permuted", "written to permuted")(view)),
    ),
)
