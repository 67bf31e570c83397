"""Directed graphs without cycles, at the cost of their weakest edges, many graphs at once.

An edge goes exactly where it closes a cycle with stronger ones that stay, so of a single cycle the
weakest edge goes, and nothing goes that lies on none. The original walked until it met a cycle,
took its weakest edge out and began anew; where cycles share edges, that depends on where it began,
and takes out edges that a later removal would have spared.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BITS = 64  # of a word


def without_cycles(
    edges: Bool[np.ndarray, "graphs side side"],
    strength: Float[np.ndarray, "graphs side side"],
    first: Bool[np.ndarray, "graphs side side"] | None = None,
) -> Bool[np.ndarray, "graphs side side"]:
    """The edges that stay when none may close a cycle with stronger ones that stay.

    Of equally strong edges that from the lower source counts as the stronger, then that to the
    lower target.

    Args:
        edges: Those that there are.
        strength: Of each cell.
        first: Edges that count as stronger than all others.
    """
    label = components(edges, "strong")
    on_cycles = edges & (label[:, :, None] == label[:, None, :])
    graph, source, target = cell = np.nonzero(on_cycles)
    later = np.zeros(len(graph), bool) if first is None else ~first[cell]
    order = np.lexsort((target, source, -strength[cell], later, graph))
    graph, source, target = graph[order], source[order], target[order]
    stay = edges.copy()
    stay[graph, source, target] = _inserted(graph, source, target, edges.shape[1])
    return stay


def components(
    edges: Bool[np.ndarray, "graphs side side"], connection: str
) -> Int[np.ndarray, "graphs side"]:
    """The component of each node, numbered through all graphs."""
    graphs, side = edges.shape[:2]
    if not graphs * side:
        return np.zeros((graphs, side), np.int64)
    matrix = one_graph(edges)
    labels = connected_components(matrix, directed=True, connection=connection)[1]
    return labels.reshape(graphs, side)


def one_graph(edges: Bool[np.ndarray, "graphs side side"], more: int = 0) -> coo_array:
    """All graphs beside each other in one matrix, with so many nodes more after them."""
    graph, source, target = np.nonzero(edges)
    side = edges.shape[1]
    nodes = len(edges) * side + more
    ones = np.ones(len(graph), np.int8)
    return coo_array((ones, (graph * side + source, graph * side + target)), (nodes, nodes))


def _inserted(
    graph: Int[np.ndarray, " edges"],
    source: Int[np.ndarray, " edges"],
    target: Int[np.ndarray, " edges"],
    side: int,
) -> Bool[np.ndarray, " edges"]:
    """Which edges stay when they come one by one, each graph's in their order.

    Each round takes the next edge of every graph that has one left; what a node reaches is a set of
    bits, so a round costs side * side / 64 words a graph.
    """
    _, graph, counts = np.unique(graph, return_inverse=True, return_counts=True)
    longest_first = np.argsort(-counts, kind="stable")
    starts, counts = (np.cumsum(counts) - counts)[longest_first], counts[longest_first]
    stay = np.zeros(len(graph), bool)
    reach = _only_themselves(len(counts), side)
    for step in range(int(counts.max(initial=0))):
        rows = np.arange(np.searchsorted(-counts, -step))  # the graphs with more edges than that
        edge = starts[rows] + step
        word, bit = source[edge] // BITS, (source[edge] % BITS).astype(np.uint64)
        ahead = reach[rows, target[edge]]
        opens = 1 - (ahead[rows, word] >> bit & 1)
        behind = (reach[rows, :, word] >> bit[:, None] & 1) * opens[:, None]
        reach[: len(rows)] |= behind[:, :, None] * ahead[:, None, :]
        stay[edge] = opens == 1
    return stay


def _only_themselves(graphs: int, side: int) -> np.ndarray:
    """For each node the set of those it reaches, which is itself alone."""
    nodes = np.arange(side)
    reach = np.zeros((graphs, side, -(-side // BITS)), np.uint64)
    reach[:, nodes, nodes // BITS] = np.uint64(1) << (nodes % BITS).astype(np.uint64)
    return reach
