"""Our own repair stages: one flow of execution from one entry to an exit, and no loose nodes.

The documented solver has nothing for the laws on orphans, on the terminal sink and on the spine.
`spine` takes execution edges out until only those that the entry leads to are left and all lead to
an exit, and hangs every other Boundary on. `connect` adds a data edge for each part of a graph that
hangs loose. Both act only where a law fails, and take what the odds make likeliest.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from trainables.graph.graphs import Kind, Motif, Squares
from trainables.graph.solver.arity import MOST_OUTPUTS, strongest
from trainables.graph.solver.cycles import components, one_graph
from trainables.graph.solver.decode import Odds, log_probability, squares


def spine(odds: Odds, graphs: Squares) -> Squares:
    """Leaves the execution edges that start at the entry, and lets all of them reach an exit.

    The entry is a Boundary that nothing executes, or whose strongest execution input is the
    weakest; of several the one with the strongest execution output, then that of the lower number.
    Every other Boundary comes after a node that is executed and has an output to spare. A graph
    without a Boundary gets no more than exits.
    """
    execution = graphs.presence & (graphs.kind == Kind.EXECUTION)
    entry = _entry(odds, execution, graphs.motifs)
    kept = _with_exits(execution & ~entry[:, None, :], odds.edge)
    started = reached(kept, entry) | ~entry.any(1, keepdims=True)
    kept &= started[:, :, None]
    added = _hung_on(odds, kept, entry, graphs.motifs)
    presence = graphs.presence & ~execution | kept | added
    kind = np.where(added, Kind.EXECUTION, graphs.kind)
    index = np.where(added, odds.first_index(), graphs.index)
    return squares(graphs.motifs, presence, kind, index)


def connect(odds: Odds, graphs: Squares) -> Squares:
    """Joins the parts of a graph by data edges, each part by the likeliest cell out of or into it.

    An edge between two parts closes no cycle. It may give a Message a second input of one index,
    or a Condition a second input, which the published rules forbid and the corrected ones allow.
    """
    likely = log_probability(odds.edge) + log_probability(odds.data)
    added = np.zeros_like(graphs.presence)
    while len(loose := _loose(graphs.presence | added, graphs.motifs > 0)):
        edges = graphs.presence[loose] | added[loose]
        bridges = _bridges(likely[loose], components(edges, "weak"))
        added[loose] |= bridges
        if not bridges.any():
            break
    kind = np.where(added, Kind.DATA, graphs.kind)
    index = np.where(added, odds.first_index(), graphs.index)
    return squares(graphs.motifs, graphs.presence | added, kind, index)


def reached(
    edges: Bool[np.ndarray, "graphs side side"], start: Bool[np.ndarray, "graphs side"]
) -> Bool[np.ndarray, "graphs side"]:
    """The nodes to which edges lead from any of those that it starts with, these among them."""
    graphs, side = start.shape
    origin = graphs * side  # one more node, from which an edge leads to every start
    matrix = one_graph(edges, more=1)
    begin = np.flatnonzero(start)
    rows = np.concatenate((matrix.coords[0], np.full(len(begin), origin)))
    columns = np.concatenate((matrix.coords[1], begin))
    matrix = coo_array((np.ones(len(rows), np.int8), (rows, columns)), matrix.shape).tocsr()
    found = np.zeros(origin + 1, bool)
    found[breadth_first_order(matrix, origin, return_predecessors=False)] = True
    return found[:origin].reshape(graphs, side)


def _entry(
    odds: Odds,
    execution: Bool[np.ndarray, "graphs side side"],
    motifs: Int[np.ndarray, "graphs side"],
) -> Bool[np.ndarray, "graphs side"]:
    """The one Boundary of each graph at which execution starts; none where there is none."""
    boundary = motifs == Motif.BOUNDARY
    if not boundary.size:
        return boundary
    strength = np.where(execution, odds.edge, -np.inf)
    weakest = np.where(boundary, strength.max(1), np.inf)
    boundary &= weakest == weakest.min(1, keepdims=True)
    return strongest(boundary, np.maximum(strength.max(2), np.finfo(float).min))


def _with_exits(
    execution: Bool[np.ndarray, "graphs side side"], strength: Float[np.ndarray, "graphs side side"]
) -> Bool[np.ndarray, "graphs side side"]:
    """The edges when every node can reach one without outputs.

    As long as one cannot, that of a graph's trapped nodes whose strongest output is the weakest
    gives all of its outputs up.
    """
    kept = execution.copy()
    left = np.arange(len(kept))
    while len(left):
        edges = kept[left]
        outputs = edges.any(2)
        trapped = outputs & ~reached(edges.mT, np.logical_not(outputs))
        left, edges, trapped = (part[trapped.any(1)] for part in (left, edges, trapped))
        best = np.where(edges, strength[left], -np.inf).max(2, initial=-np.inf)
        kept[left] &= ~strongest(trapped, -best)[:, :, None]
    return kept


def _hung_on(
    odds: Odds,
    execution: Bool[np.ndarray, "graphs side side"],
    entry: Bool[np.ndarray, "graphs side"],
    motifs: Int[np.ndarray, "graphs side"],
) -> Bool[np.ndarray, "graphs side side"]:
    """New edges to Boundaries that the entry does not lead to, one at a time in each graph."""
    likely = log_probability(odds.edge) + log_probability(-odds.data)
    added = np.zeros_like(execution)
    side = motifs.shape[1]
    executed = reached(execution, entry)
    spare = MOST_OUTPUTS[motifs] - execution.sum(2)
    for _ in range(side):
        wanting = (motifs == Motif.BOUNDARY) & ~executed & entry.any(1, keepdims=True)
        cells = (executed & (spare > 0))[:, :, None] & wanting[:, None, :] & np.isfinite(likely)
        best = strongest(cells.reshape(len(cells), -1), likely.reshape(len(cells), -1))
        if not best.any():
            break
        new = best.reshape(cells.shape)
        added |= new
        executed |= new.any(1)
        spare -= new.sum(2)
    return added


def _loose(
    edges: Bool[np.ndarray, "graphs side side"], nodes: Bool[np.ndarray, "graphs side"]
) -> Int[np.ndarray, " some"]:
    """The graphs that are in more than one part."""
    label = components(edges, "weak")
    first = np.take_along_axis(label, nodes.argmax(1, keepdims=True), 1) if label.size else label
    return np.flatnonzero(((label != first) & nodes).any(1))


def _bridges(
    likely: Float[np.ndarray, "graphs side side"], part: Int[np.ndarray, "graphs side"]
) -> Bool[np.ndarray, "graphs side side"]:
    """For each part of each graph the likeliest cell between it and another part.

    All cells of a graph have different ranks, so that what the parts choose is free of cycles.
    """
    graphs, side = part.shape
    flat = likely.reshape(graphs, -1)
    rank = np.empty((graphs, side * side), np.int64)
    order = np.argsort(-flat, axis=1, kind="stable")
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(side * side), order.shape), 1)
    rank = rank.reshape(likely.shape)
    crossing = (part[:, :, None] != part[:, None, :]) & np.isfinite(likely)
    rank = np.where(crossing, rank, side * side)
    of_node = np.minimum(rank.min(1), rank.min(2))
    best = np.full(int(part.max()) + 1, side * side)
    np.minimum.at(best, part, of_node)
    chosen = best[part][:, :, None]
    return crossing & ((rank == chosen) | (rank == chosen.mT))
