"""Motif graphs: programs of six kinds of nodes and two kinds of edges, one or many at once.

A node is an operation without its name; what it works on, a name or a constant, stands in a pool
of literals that it points into. Execution edges say what runs next, data edges what is worked on.

Many graphs of unlike size are one list of nodes and one of edges (`Graphs`), which costs what is
really there; a network sees cells of a square per graph (`Squares`), padded to one side.
After timlawrenz/jubilant-palm-tree, dataset.py@ba2148b.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Int64

INDICES = 4  # an edge's index among its siblings is 0 to 3
MOST_NODES = 128


class Motif(IntEnum):
    """What a node is; 0 is no node."""

    PADDING = 0
    BOUNDARY = 1
    SEQUENCE = 2
    CONDITION = 3
    LOOP = 4
    STATE = 5
    MESSAGE = 6


class Kind(IntEnum):
    """What an edge is."""

    EXECUTION = 0
    DATA = 1


@dataclass(frozen=True)
class Edge:
    """From a node to a node of the same graph."""

    source: int
    target: int
    kind: Kind
    index: int = 0  # among the edges of this kind that leave (execution) or enter (data) a node


@dataclass(frozen=True)
class Program:
    """One graph with what its nodes are called or are worth, which an interpreter can run.

    Attributes:
        motifs: Of each node.
        edges: In any order, at most one from a node to another.
        literals: For each node its place in the pool, None where it has none.
        pool: Names, constants and operations.

    Raises:
        ValueError: When an edge or a literal leads nowhere, or two edges share a cell.
    """

    motifs: tuple[Motif, ...]
    edges: tuple[Edge, ...] = ()
    literals: tuple[int | None, ...] = ()
    pool: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        nodes = len(self.motifs)
        if self.literals and len(self.literals) != nodes:
            raise ValueError(
                f"program: there must be a literal or None for each of {nodes} nodes, got "
                f"{len(self.literals)}"
            )
        for literal in self.literals:
            if literal is not None and not 0 <= literal < len(self.pool):
                raise ValueError(
                    f"program: a literal must be a place in its pool of {len(self.pool)}, got "
                    f"{literal}"
                )
        Graphs.of([self])


@dataclass(frozen=True)
class Graphs:
    """Graphs of unlike size as one list of nodes and one of edges.

    Attributes:
        motifs: Of every node, graph by graph.
        sizes: How many nodes each graph has; 0 is a graph too.
        source, target: Nodes of each edge, counted through all graphs.
        kind: `Kind` of each edge.
        index: Of each edge among its siblings.

    Raises:
        ValueError: When a motif, edge or index is none, an edge leaves its graph, leads from a
            node to itself, or two edges lead from one node to another.
    """

    motifs: Int64[np.ndarray, " nodes"]
    sizes: Int64[np.ndarray, " graphs"]
    source: Int64[np.ndarray, " edges"]
    target: Int64[np.ndarray, " edges"]
    kind: Int64[np.ndarray, " edges"]
    index: Int64[np.ndarray, " edges"]

    def __post_init__(self) -> None:
        if (self.sizes < 0).any():
            raise ValueError(
                f"graphs: sizes must be at least 0, got {self.sizes.min()}; mend what made them"
            )
        graph = self.graph_of_nodes
        nodes = len(self.motifs)
        ends = np.stack((self.source, self.target)) if len(self.source) else np.zeros((2, 0), int)
        laws = {
            "sizes must sum to the number of motifs": int(self.sizes.sum()) == nodes,
            "motifs must be 1 to 6": bool(np.isin(self.motifs, np.arange(1, 7)).all()),
            "edges must lead from node to node": bool(((ends >= 0) & (ends < nodes)).all()),
            "kinds must be 0 or 1": bool(np.isin(self.kind, (0, 1)).all()),
            "indices must be at least 0": bool((self.index >= 0).all()),
        }
        if broken := [law for law, holds in laws.items() if not holds]:
            raise ValueError(f"graphs: {broken[0]}, and they do not; mend what made them")
        cells = np.sort(ends[0] * nodes + ends[1])  # np.unique hashes, far slower
        laws = {
            "edges must stay within their graph": bool((graph[ends[0]] == graph[ends[1]]).all()),
            "no edge may lead from a node to itself": bool((ends[0] != ends[1]).all()),
            "there may be one edge from a node to another": bool(np.diff(cells).all()),
        }
        if broken := [law for law, holds in laws.items() if not holds]:
            raise ValueError(f"graphs: {broken[0]}, and they do not; mend what made them")

    @classmethod
    def of(cls, programs: Sequence[Program]) -> "Graphs":
        """The graphs of programs."""
        sizes = np.array([len(one.motifs) for one in programs], np.int64)
        starts = np.cumsum(sizes) - sizes
        rows = [
            (edge.source + start, edge.target + start, edge.kind, edge.index)
            for one, start in zip(programs, starts, strict=True)
            for edge in one.edges
            if _within(edge, len(one.motifs))
        ]
        edges = np.array(rows, np.int64).reshape(-1, 4)
        motifs = np.array([motif for one in programs for motif in one.motifs], np.int64)
        return cls(motifs, sizes, *np.ascontiguousarray(edges.T))

    @property
    def starts(self) -> Int64[np.ndarray, " graphs"]:
        """The number of each graph's first node."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def graph_of_nodes(self) -> Int64[np.ndarray, " nodes"]:
        """The graph of each node."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def graph_of_edges(self) -> Int64[np.ndarray, " edges"]:
        """The graph of each edge."""
        return self.graph_of_nodes[self.source]

    def __len__(self) -> int:
        return len(self.sizes)

    def where(self, edges: Bool[np.ndarray, " edges"]) -> "Graphs":
        """The same nodes with some of the edges."""
        parts = (self.source, self.target, self.kind, self.index)
        return Graphs(self.motifs, self.sizes, *(part[edges] for part in parts))

    def take(self, graphs: Iterable[int]) -> "Graphs":
        """Some of the graphs, in that order; one that is named twice is there twice."""
        chosen = np.fromiter(graphs, np.int64)
        sizes = self.sizes[chosen]
        nodes = _ranges(self.starts[chosen], sizes)
        order = np.argsort(self.graph_of_edges, kind="stable")
        counts = np.bincount(self.graph_of_edges, minlength=len(self))
        edges = order[_ranges((np.cumsum(counts) - counts)[chosen], counts[chosen])]
        moved = np.repeat(np.cumsum(sizes) - sizes - self.starts[chosen], counts[chosen])
        return Graphs(
            self.motifs[nodes],
            sizes,
            self.source[edges] + moved,
            self.target[edges] + moved,
            self.kind[edges],
            self.index[edges],
        )

    def permuted(self, order: Int64[np.ndarray, " nodes"]) -> "Graphs":
        """The same graphs with their nodes in another order, each within its graph.

        Args:
            order: For each place the node that comes there, counted through all graphs.
        """
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        ends = place[self.source], place[self.target]
        return Graphs(self.motifs[order], self.sizes, *ends, self.kind, self.index)

    def squares(self, side: int = 0) -> "Squares":
        """The graphs as cells, padded to a side, that of the largest graph where none is given.

        Raises:
            ValueError: When a graph has more nodes than the side.
        """
        largest = int(self.sizes.max(initial=0))
        side = side or largest
        if largest > side:
            raise ValueError(f"graphs: must have at most {side} nodes, and one has {largest}")
        places = np.arange(len(self.motifs)) - np.repeat(self.starts, self.sizes)
        motifs = np.zeros((len(self), side), np.int64)
        motifs[self.graph_of_nodes, places] = self.motifs
        cells = self.graph_of_edges, places[self.source], places[self.target]
        shape = (len(self), side, side)
        presence, kind, index = (np.zeros(shape, of) for of in (bool, np.int64, np.int64))
        presence[cells], kind[cells], index[cells] = True, self.kind, self.index
        return Squares(motifs, presence, kind, index)


@dataclass(frozen=True)
class Squares:
    """Graphs as cells, the row being an edge's source: what a network sees and gives back.

    Attributes:
        motifs: Of every node, 0 (padding) after a graph's last one.
        presence: Whether there is an edge.
        kind, index: Of the edge, 0 where there is none.
    """

    motifs: Int[np.ndarray, "graphs side"]
    presence: Bool[np.ndarray, "graphs side side"]
    kind: Int[np.ndarray, "graphs side side"]
    index: Int[np.ndarray, "graphs side side"]

    @property
    def mask(self) -> Bool[np.ndarray, "graphs side"]:
        """Where there is a node."""
        return self.motifs > 0

    @property
    def cells(self) -> Bool[np.ndarray, "graphs side side"]:
        """Where there may be an edge: from a node to another."""
        mask = self.mask
        return mask[:, :, None] & mask[:, None, :] & ~np.eye(mask.shape[1], dtype=bool)

    def graphs(self) -> Graphs:
        """The graphs; cells of padding and those from a node to itself are left out.

        Raises:
            ValueError: When there is padding before a node, or a motif is none.
        """
        if (self.motifs < 0).any():
            raise ValueError(
                "squares: motifs must be 0 (padding) to 6, got "
                f"{self.motifs.min()}; mend what made them"
            )
        sizes = self.mask.sum(1)
        if not (self.mask == (np.arange(self.mask.shape[1]) < sizes[:, None])).all():
            raise ValueError("squares: padding must come after a graph's nodes, and it does not")
        graph, source, target = np.nonzero(self.presence & self.cells)
        starts = (np.cumsum(sizes) - sizes)[graph]
        cell = graph, source, target
        return Graphs(
            self.motifs[self.mask].astype(np.int64),
            sizes.astype(np.int64),
            starts + source,
            starts + target,
            self.kind[cell].astype(np.int64),
            self.index[cell].astype(np.int64),
        )


def _within(edge: Edge, nodes: int) -> bool:
    """True; ValueError where the edge leads out of its graph, into the next one maybe."""
    if not (0 <= edge.source < nodes and 0 <= edge.target < nodes):
        raise ValueError(
            f"program: an edge must lead from node to node of {nodes}, got {edge.source} to "
            f"{edge.target}"
        )
    return True


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> Int64[np.ndarray, " all"]:
    """The numbers from each start on, as many as its length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(int(lengths.sum())) + np.repeat(starts - (ends - lengths), lengths)
