"""Motif graphs for tests: sparse and dense ones, trees, and lawful ones with a few edits."""

import numpy as np

from trainables.graph.graphs import Graphs, Kind, Motif
from trainables.graph.judge.controls import constructive

DENSITIES = (0.0, 0.03, 0.1, 0.3, 0.9)
CHAINED = (Motif.BOUNDARY, Motif.SEQUENCE)

Cells = dict[tuple[int, int], tuple[int, int]]  # from a node to another: kind and index


def random_graphs(count: int, seed: int, most_nodes: int = 11) -> Graphs:
    """So many graphs of 0 nodes or more: a third any cells, a third trees, a third edited."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, most_nodes + 1, count)
    motifs = [rng.choice([1, 1, 2, 3, 4, 5, 5, 6, 6], size) for size in sizes]
    none = batch_of([(one, {}) for one in motifs])
    lawful = cells_of(constructive(none))
    makers = [
        lambda one, _: _any_cells(one, rng),
        lambda one, _: _tree(one, rng),
        lambda one, cells: _edited(one, cells, rng),
    ]
    return batch_of([(one, makers[n % 3](one, lawful[n])) for n, one in enumerate(motifs)])


def batch_of(graphs: list[tuple[np.ndarray, Cells]]) -> Graphs:
    """One batch of graphs that are given by motifs and cells."""
    sizes = np.array([len(motifs) for motifs, _ in graphs], np.int64)
    starts = np.cumsum(sizes) - sizes
    rows = [
        (start + source, start + target, *edge)
        for start, (_, cells) in zip(starts, graphs, strict=True)
        for (source, target), edge in cells.items()
    ]
    edges = np.array(rows, np.int64).reshape(-1, 4)
    motifs = np.concatenate([np.zeros(0, np.int64), *(motifs for motifs, _ in graphs)])
    return Graphs(motifs.astype(np.int64), sizes, *np.ascontiguousarray(edges.T))


def cells_of(graphs: Graphs) -> list[Cells]:
    """The cells of each graph of a batch."""
    cells: list[Cells] = [{} for _ in range(len(graphs))]
    columns = (graphs.graph_of_edges, graphs.source, graphs.target, graphs.kind, graphs.index)
    for graph, source, target, kind, index in zip(*(c.tolist() for c in columns), strict=True):
        start = int(graphs.starts[graph])
        cells[graph][source - start, target - start] = kind, index
    return cells


def any_order(graphs: Graphs, seed: int) -> np.ndarray:
    """An order of the nodes, each within its graph, for `Graphs.permuted`."""
    keys = np.random.default_rng(seed).random(len(graphs.motifs))
    return np.lexsort((keys, graphs.graph_of_nodes))


def _any_cells(motifs: np.ndarray, rng: np.random.Generator) -> Cells:
    there = rng.random((len(motifs), len(motifs))) < rng.choice(DENSITIES)
    np.fill_diagonal(there, False)
    return {
        (int(a), int(b)): (int(rng.integers(2)), int(rng.integers(4)))
        for a, b in np.argwhere(there)
    }


def _tree(motifs: np.ndarray, rng: np.random.Generator) -> Cells:
    cells: Cells = {}
    children = np.zeros(len(motifs), int)
    for node in range(1, len(motifs)):
        parent = int(rng.integers(node))
        cell = (parent, node) if motifs[parent] in CHAINED else (node, parent)
        kind = Kind.EXECUTION if motifs[parent] in CHAINED else Kind.DATA
        cells[cell] = int(kind), min(int(children[parent]), 3)
        children[parent] += 1
    return cells


def _edited(motifs: np.ndarray, lawful: Cells, rng: np.random.Generator) -> Cells:
    cells = {cell: edge for cell, edge in lawful.items() if rng.random() > 0.04}
    for _ in range(int(rng.integers(4)) if len(motifs) > 1 else 0):
        a, b = rng.choice(len(motifs), 2, replace=False)
        cells[int(a), int(b)] = int(rng.integers(2)), int(rng.integers(2))
    return cells
