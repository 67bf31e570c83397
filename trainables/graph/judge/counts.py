"""How many edges, and cells for them, there are from each motif to each, graph by graph."""

import numpy as np
from jaxtyping import Int64

from trainables.graph.graphs import Graphs, Kind, Motif


def edges_between(graphs: Graphs) -> Int64[np.ndarray, "graphs kinds motifs motifs"]:
    """Edges of each kind, by the motif that they leave and the one that they enter."""
    shape = len(graphs), len(Kind), len(Motif), len(Motif)
    ends = graphs.motifs[graphs.source], graphs.motifs[graphs.target]
    place = np.ravel_multi_index((graphs.graph_of_edges, graphs.kind, *ends), shape)
    return np.bincount(place, minlength=int(np.prod(shape))).reshape(shape)


def cells_between(graphs: Graphs) -> Int64[np.ndarray, "graphs motifs motifs"]:
    """Cells where there may be an edge: from a node to another."""
    motifs = len(Motif)
    place = graphs.graph_of_nodes * motifs + graphs.motifs
    nodes = np.bincount(place, minlength=len(graphs) * motifs).reshape(-1, motifs)
    itself = nodes[:, :, None] * np.eye(motifs, dtype=np.int64)
    return nodes[:, :, None] * nodes[:, None, :] - itself
