"""How near drawn graphs come to the true ones with the same motifs, beside keeping laws.

Cells are compared one by one, as documented, although nodes of one motif are alike to whoever sees
motifs alone. So three things stand beside typed F1, and all are expectations, worked out without
draws: what a random graph with as many edges and types would score; what the drawn graph scores on
average when its nodes of one motif are dealt anew; and what the truth would score so, the ceiling
of who knows all but which of the like nodes is which. It is no maximum: few motifs and many edges
may score above it. `matching` finds the best of such dealings. Where nodes stand in an order that
tells of edges, typed F1 is above its value when dealt: a chain through nodes as they were written
gains without having learned anything, so that nodes are to be permuted before they are drawn for.

F1 is a mean over graphs, each counting alike: so it was documented (.0852, random .0461: there with
as many edges as the truth), and a graph drawn far too full does not outweigh the others. Two graphs
without an edge agree fully, so that the truth always scores 1; documented they score 0. What was
documented as Jaccard .5045 is no such comparison, but that of two graphs drawn from the same noise
for unlike motifs: `jaccard` takes such pairs too.
After timlawrenz/jubilant-palm-tree, fidelity.py@9cf85ae, evaluate_routing_fidelity.py@e216cd5 and
ablation_motif_controllability.py@a36bcf1.
"""

import numpy as np
from jaxtyping import Float, Int64

from trainables.graph.graphs import Graphs, Kind
from trainables.graph.judge.counts import cells_between, edges_between

PerGraph = Float[np.ndarray, " graphs"]


def scores(drawn: Graphs, truth: Graphs) -> dict[str, float]:
    """What a leaderboard shows of drawn graphs beside the laws.

    `typed_f1_gain` is typed F1 less a random graph's, `typed_f1_ratio` by it. Left out are
    that ratio where nothing was drawn, and what is said of indices where no edge was hit.

    Raises:
        ValueError: When the motifs are not the same, or the truth has no edge.
    """
    require_same_motifs(drawn, truth)
    if not len(truth.source):
        raise ValueError("fidelity: the truth must have an edge, got none; take other graphs")
    typed, chance = typed_f1(drawn, truth).mean(), typed_f1_at_random(drawn, truth).mean()
    values = {
        "edges_per_node": len(drawn.source) / len(drawn.motifs),
        "edges_ratio": len(drawn.source) / len(truth.source),
        "jaccard": jaccard(drawn, truth).mean(),
        "typed_f1": typed,
        "typed_f1_random": chance,
        "typed_f1_gain": typed - chance,
        "typed_f1_dealt": typed_f1_dealt(drawn, truth).mean(),
        "typed_f1_ceiling": typed_f1_dealt(truth, truth).mean(),
    }
    values |= {"typed_f1_ratio": typed / chance} if chance else {}
    values |= _of_indices(drawn, truth)
    return {f"val/{name}": float(value) for name, value in values.items()}


def jaccard(one: Graphs, other: Graphs) -> PerGraph:
    """Cells with an edge in both by those with one in either; motifs and sizes may differ.

    Raises:
        ValueError: When there are not as many graphs of the one as of the other.
    """
    if len(one) != len(other):
        raise ValueError(f"fidelity: graphs must come in pairs, got {len(one)} and {len(other)}")
    mine, _ = _common(one, other)
    both = _per_graph(one, one.graph_of_edges[mine])
    either = _edges(one) + _edges(other) - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def typed_f1(drawn: Graphs, truth: Graphs) -> PerGraph:
    """F1 of cells with an edge of the right kind."""
    mine, _ = _hits(drawn, truth)
    return _f1(_per_graph(drawn, drawn.graph_of_edges[mine]), drawn, truth)


def typed_f1_at_random(drawn: Graphs, truth: Graphs) -> PerGraph:
    """What typed F1 is on average of a graph with as many edges of each kind as the drawn one.

    Its cells are any, alike likely; so is each of its edges to be hit, whatever its kind.
    """
    cells = np.maximum(drawn.sizes * (drawn.sizes - 1), 1)
    products = [
        _per_graph(drawn, drawn.graph_of_edges[drawn.kind == kind])
        * _per_graph(truth, truth.graph_of_edges[truth.kind == kind])
        for kind in Kind
    ]
    return _f1(np.add.reduce(products) / cells, drawn, truth)


def typed_f1_dealt(drawn: Graphs, truth: Graphs) -> PerGraph:
    """What typed F1 is on average when the drawn graph's nodes of each motif are dealt anew.

    Then an edge between two motifs lies on any cell between these, alike likely.
    """
    products = edges_between(drawn) * edges_between(truth)
    hits = products / np.maximum(cells_between(truth), 1)[:, None]
    return _f1(hits.sum((1, 2, 3)), drawn, truth)


def require_same_motifs(drawn: Graphs, truth: Graphs) -> None:
    """Raises ValueError where graphs cannot be compared node by node."""
    alike = (drawn.sizes, truth.sizes), (drawn.motifs, truth.motifs)
    if not all(np.array_equal(*pair) for pair in alike):
        raise ValueError(
            "fidelity: drawn and true graphs must have the same motifs in the same order, and they "
            "have not; draw for the motifs of the truth"
        )


def _of_indices(drawn: Graphs, truth: Graphs) -> dict[str, float]:
    """How many hits have the right index, and would have were all given the commonest one."""
    mine, theirs = _hits(drawn, truth)
    if not len(mine):
        return {}
    right = truth.index[theirs]
    return {
        "index_accuracy": float((drawn.index[mine] == right).mean()),
        "index_majority": np.bincount(right).max() / len(right),
    }


def _hits(drawn: Graphs, truth: Graphs) -> tuple[np.ndarray, np.ndarray]:
    """The drawn edges whose cell and kind are true, and which true ones they are."""
    require_same_motifs(drawn, truth)
    mine, theirs = _common(drawn, truth)
    right = drawn.kind[mine] == truth.kind[theirs]
    return mine[right], theirs[right]


def _common(one: Graphs, other: Graphs) -> tuple[np.ndarray, np.ndarray]:
    """The edges of both that share a cell."""
    side = int(max(one.sizes.max(initial=0), other.sizes.max(initial=0)))
    cells = (_cells(graphs, side) for graphs in (one, other))
    return np.intersect1d(*cells, assume_unique=True, return_indices=True)[1:]


def _cells(graphs: Graphs, side: int) -> Int64[np.ndarray, " edges"]:
    graph = graphs.graph_of_edges
    start = graphs.starts[graph]
    return (graph * side + graphs.source - start) * side + graphs.target - start


def _f1(hits: np.ndarray, drawn: Graphs, truth: Graphs) -> PerGraph:
    edges = _edges(drawn) + _edges(truth)
    return np.where(edges > 0, 2 * hits / np.maximum(edges, 1), 1.0)


def _edges(graphs: Graphs) -> Int64[np.ndarray, " graphs"]:
    return _per_graph(graphs, graphs.graph_of_edges)


def _per_graph(graphs: Graphs, of: np.ndarray) -> Int64[np.ndarray, " graphs"]:
    return np.bincount(of, minlength=len(graphs))
