"""Edges for given motifs from no network: what a share of lawful graphs, and an F1, is worth.

Each takes graphs for their motifs and gives back the same nodes with other edges. The laws are
those of `laws`; the data themselves are the remaining control. `by_table` alone has seen other
graphs, of which it knows how often an edge leads from a motif to another.
"""

import numpy as np
import torch
from jaxtyping import Int64

from trainables.draws import generator, uniform
from trainables.graph.graphs import Graphs, Kind, Motif
from trainables.graph.judge.counts import cells_between, edges_between

# Where a motif comes in a constructed chain; Conditions and Loops hang beside it.
_RANK = np.zeros(len(Motif), np.int64)
_RANK[[Motif.BOUNDARY, Motif.SEQUENCE, Motif.STATE, Motif.MESSAGE]] = range(4)
_RANK[[Motif.CONDITION, Motif.LOOP]] = _BESIDE = 4


def empty(graphs: Graphs) -> Graphs:
    """No edge at all."""
    return graphs.where(np.zeros(len(graphs.source), bool))


def chain(graphs: Graphs) -> Graphs:
    """One execution edge from each node to the next, in the order given."""
    graph = graphs.graph_of_nodes
    before = np.flatnonzero(graph[:-1] == graph[1:])
    return _with_edges(graphs, before, before + 1, np.full(len(before), Kind.EXECUTION))


def constructive(graphs: Graphs) -> Graphs:
    """Edges that keep all six laws in both rule sets wherever edges can.

    An execution chain: Boundaries, Sequences, States, Messages. Its last node, which nothing
    leaves, gives data to every other State of it and to all Conditions and Loops, which take no
    part in execution. No cell is needed twice, since no execution edge leaves that node.

    Without a Boundary no edges keep the spine law, and this keeps the other five. A graph of
    Conditions and Loops alone would need a data edge into each node and no cycle, so that no edges
    keep laws 2 and 4: this breaks the second at one node (and the spine law). A graph without nodes
    breaks all.
    """
    rank = _RANK[graphs.motifs]
    order = np.lexsort((rank, graphs.graph_of_nodes))
    graph = graphs.graph_of_nodes  # of the nodes in that order too
    linked = (graph[:-1] == graph[1:]) & (rank[order][1:] < _BESIDE)
    chained = np.bincount(graph[rank < _BESIDE], minlength=len(graphs))
    last = np.zeros(len(graphs), np.int64)
    some = graphs.sizes > 0
    last[some] = order[(graphs.starts + np.maximum(chained, 1) - 1)[some]]
    needs = (graphs.motifs == Motif.STATE) | (rank == _BESIDE)
    fed = np.flatnonzero(needs & (last[graph] != np.arange(len(graph))))
    return _with_edges(
        graphs,
        np.concatenate((order[:-1][linked], last[graph[fed]])),
        np.concatenate((order[1:][linked], fed)),
        np.repeat([Kind.EXECUTION, Kind.DATA], [linked.sum(), len(fed)]),
    )


def random_like(truth: Graphs, seed: int) -> Graphs:
    """As many edges of each kind and index as each graph has, on cells drawn uniformly.

    Args:
        truth: The graphs whose edges are counted.
        seed: The draws are a function of it and of the batch.
    """
    edges = np.bincount(truth.graph_of_edges, minlength=len(truth))
    graph, cell = _drawn_cells(truth.sizes, edges, seed)
    dealt = np.lexsort((_numbers(len(cell), seed, "deal"), truth.graph_of_edges))
    ends = _ends(truth, graph, cell)
    return Graphs(truth.motifs, truth.sizes, *ends, truth.kind[dealt], truth.index[dealt])


def by_table(graphs: Graphs, train: Graphs, seed: int) -> Graphs:
    """Edges drawn cell by cell, as often as others have one from that motif to that motif.

    Args:
        graphs: Whose motifs are taken.
        train: Whose edges are counted.
        seed: The draws are a function of it and of the batch.
    """
    rates = edges_between(train).sum(0) / np.maximum(cells_between(train).sum(0), 1)
    cells = graphs.sizes * (graphs.sizes - 1)
    graph = np.repeat(np.arange(len(cells)), cells)
    source, target = _ends(graphs, graph, np.arange(len(graph)) - (np.cumsum(cells) - cells)[graph])
    execution, data = rates[:, graphs.motifs[source], graphs.motifs[target]]
    draw = uniform(0.0, 1.0, (len(graph),), seed, "random graphs", "table").numpy()
    kind = np.where(draw < execution, Kind.EXECUTION, Kind.DATA)
    there = draw < execution + data
    return _with_edges(graphs, source[there], target[there], kind[there])


def _ends(
    graphs: Graphs, graph: Int64[np.ndarray, " cells"], cell: Int64[np.ndarray, " cells"]
) -> tuple[Int64[np.ndarray, " cells"], Int64[np.ndarray, " cells"]]:
    """The nodes from and to which cells lead that are counted row by row, without the diagonal."""
    row, column = np.divmod(cell, np.maximum(graphs.sizes - 1, 1)[graph])
    start = graphs.starts[graph]
    return start + row, start + column + (column >= row)


def _drawn_cells(
    sizes: Int64[np.ndarray, " graphs"], edges: Int64[np.ndarray, " graphs"], seed: int
) -> tuple[Int64[np.ndarray, " edges"], Int64[np.ndarray, " edges"]]:
    """For each graph so many unlike cells off its diagonal, with their graphs, in order.

    Rounds draw what is missing and keep what is new. They treat all cells alike, so every set of
    cells is as likely as any other. Of graphs that are more than half full the cells without an
    edge are drawn, else the last few would take many rounds.
    """
    cells = sizes * (sizes - 1)
    starts = np.cumsum(cells) - cells
    dense = 2 * edges > cells
    wanted = np.where(dense, cells - edges, edges)
    drawn, turn = np.zeros(0, np.int64), 0
    while (missing := wanted - np.bincount(_place(drawn, starts), minlength=len(sizes))).any():
        graph = np.repeat(np.arange(len(sizes)), missing)
        new = starts[graph] + _numbers(len(graph), seed, "cells", turn) % cells[graph]
        drawn, turn = np.sort(np.concatenate((drawn, new))), turn + 1
        drawn = drawn[np.diff(drawn, prepend=-1) > 0]
    full = cells[dense]
    moved = np.repeat(starts[dense] - (np.cumsum(full) - full), full)
    drawn = np.setxor1d(drawn, np.arange(len(moved)) + moved, assume_unique=True)
    graph = _place(drawn, starts)
    return graph, drawn - starts[graph]


def _place(numbers: np.ndarray, starts: np.ndarray) -> Int64[np.ndarray, " numbers"]:
    """Of each number the last start that does not exceed it."""
    return np.searchsorted(starts, numbers, side="right") - 1


def _numbers(count: int, seed: int, *key: int | str) -> Int64[np.ndarray, " count"]:
    """So large that the remainder by a number of cells is as good as uniform."""
    draws = generator(seed, "random graphs", *key)
    return torch.randint(2**62, (count,), generator=draws).numpy()


def _with_edges(
    graphs: Graphs,
    source: Int64[np.ndarray, " made"],
    target: Int64[np.ndarray, " made"],
    kind: Int64[np.ndarray, " made"],
) -> Graphs:
    return Graphs(graphs.motifs, graphs.sizes, source, target, kind, np.zeros(len(kind), np.int64))
