"""Channels of a network that has learned nothing, of graphs of unlike size, for tests."""

from types import SimpleNamespace

import numpy as np

from trainables.graph.solver.decode import Channels

SIDE = 7


def drawn(graphs=240, side=SIDE, seed=0, fewest=0):
    """Channels and motifs; densities differ, and every second graph is full of equal values."""
    draws = np.random.default_rng(seed)
    shape = (graphs, side, side)
    level = draws.uniform(-1.5, 1.5, (graphs, 1, 1))
    presence = 0.5 + level + draws.normal(size=shape)
    kind = 0.5 + draws.uniform(-1, 1, (graphs, 1, 1)) + draws.normal(size=shape)
    index = (
        draws.normal(size=(*shape, 4)) + 2 * np.eye(4)[draws.integers(0, 4, graphs)][:, None, None]
    )
    for part in (presence, kind, index):
        part[::2] = np.round(part[::2])
    sizes = draws.integers(fewest, side + 1, graphs)
    motifs = draws.integers(1, 7, (graphs, side)) * (np.arange(side) < sizes[:, None])
    return Channels(presence, kind, index), motifs


def shuffled(channels, motifs, seed=0):
    """The same graphs, their nodes in another order, and the cell that each one came from."""
    draws = np.random.default_rng(seed).random(motifs.shape)
    order = np.argsort(np.where(motifs > 0, draws, 2), axis=1)
    graph = np.arange(len(motifs))[:, None, None]
    cells = graph, order[:, :, None], order[:, None, :]
    parts = channels.presence, channels.kind, channels.index
    return Channels(*(part[cells] for part in parts)), np.take_along_axis(motifs, order, 1), cells


def one(channels, number):
    """The channels of one graph, for a solver that takes them so."""
    parts = ("presence", "kind", "index")
    return SimpleNamespace(**{part: getattr(channels, part)[number] for part in parts})


def as_edges(squares, number):
    """The edges of one graph: kind and index by source and target."""
    cells = zip(*np.nonzero(squares.presence[number]), strict=True)
    return {(i, j): (squares.kind[number, i, j], squares.index[number, i, j]) for i, j in cells}
