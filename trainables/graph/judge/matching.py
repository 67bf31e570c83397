"""The best typed F1 that drawn graphs reach when their nodes of one motif may be exchanged.

Nodes of one motif are alike to a network that sees motifs alone, so that cell by cell it is blamed
for which of them it took. Here the true nodes of each motif are assigned to the drawn ones so that
the most edges fall on edges of their kind. That is a quadratic assignment; a branch and bound per
graph solves it for small graphs, exactly unless it takes more than a set number of visits: then
the best found stands, a lower bound, and is told apart. The best of many assignments flatters any
graph, so that a random one of as many edges must be matched as well.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

from trainables.graph.graphs import Graphs, Kind
from trainables.graph.judge.controls import random_like
from trainables.graph.judge.fidelity import require_same_motifs

Cells = dict[tuple[int, int], int]  # from a node to another: the kind of edge


class Matched(NamedTuple):
    """Of the graphs that are small enough, in order."""

    graphs: Int64[np.ndarray, " small"]  # their numbers
    typed_f1: Float[np.ndarray, " small"]
    exact: Bool[np.ndarray, " small"]  # whether it was proven the best


def best_match(
    drawn: Graphs, truth: Graphs, most_nodes: int = 12, most_visits: int = 20_000
) -> Matched:
    """Typed F1 under the best assignment of like nodes, for graphs of few nodes.

    Raises:
        ValueError: When the motifs are not the same.
    """
    require_same_motifs(drawn, truth)
    small = np.flatnonzero(truth.sizes <= most_nodes)
    values, exact = np.ones(len(small)), np.ones(len(small), bool)
    parts = (_parts(graphs.take(small.tolist())) for graphs in (drawn, truth))
    for place, ((motifs, mine), (_, theirs)) in enumerate(zip(*parts, strict=True)):
        if mine or theirs:
            search = _Search(motifs, mine, theirs, most_visits)
            values[place] = 2 * search.hits / (len(mine) + len(theirs))
            exact[place] = search.exact
    return Matched(small, values, exact)


def matched_scores(
    drawn: Graphs, truth: Graphs, seed: int, most_nodes: int = 12
) -> dict[str, float]:
    """What a leaderboard shows of it; the share of small graphs alone where there are none."""
    mine = best_match(drawn, truth, most_nodes)
    values = {"matched_fraction": len(mine.graphs) / max(len(truth), 1)}
    if len(mine.graphs):
        chance = best_match(random_like(drawn, seed), truth, most_nodes)
        values |= {
            "typed_f1_matched": mine.typed_f1.mean(),
            "typed_f1_matched_random": chance.typed_f1.mean(),
            "typed_f1_matched_gain": mine.typed_f1.mean() - chance.typed_f1.mean(),
            "matched_exact_fraction": mine.exact.mean(),
        }
    return {f"val/{name}": float(value) for name, value in values.items()}


class _Search:
    """Assigns true nodes to drawn ones of their motif, one after the other, depth first.

    Attributes:
        hits: The most edges that fell on edges of their kind.
        exact: Whether no other assignment has more.
    """

    def __init__(self, motifs: list[int], drawn: Cells, truth: Cells, most_visits: int):
        self._motifs, self._drawn = motifs, drawn
        self._left = most_visits
        order = _connected_order(len(motifs), truth)
        self._order = order
        self._back = [_edges_back(order, depth, truth) for depth in range(len(order))]
        self._within_reach = _reachable(order, motifs, drawn, truth)
        self._twin = _twins(motifs, drawn)
        self._taken: dict[int, int] = {}  # true node: drawn node
        self.hits = sum(drawn.get(cell) == kind for cell, kind in truth.items())
        self._descend(0, 0)
        self.exact = self._left > 0 or self.hits == self._within_reach[0]

    def _descend(self, depth: int, hits: int) -> None:
        if depth == len(self._order):
            self.hits = max(self.hits, hits)
            return
        node = self._order[depth]
        for gain, place in self._choices(node, depth):
            if self._left <= 0 or hits + gain + self._within_reach[depth + 1] <= self.hits:
                return  # choices come by gain, so that none after this one does better
            self._left -= 1
            self._taken[node] = place
            self._descend(depth + 1, hits + gain)
            del self._taken[node]

    def _choices(self, node: int, depth: int) -> list[tuple[int, int]]:
        """Free nodes of that motif with the hits that each brings, most first; one of twins."""
        taken = set(self._taken.values())
        free = [p for p, m in enumerate(self._motifs) if m == self._motifs[node] and p not in taken]
        unlike = {self._twin[place]: place for place in reversed(free)}.values()
        return sorted(((self._gain(place, depth), place) for place in unlike), reverse=True)

    def _gain(self, place: int, depth: int) -> int:
        gain = 0
        for other, leaves, kind in self._back[depth]:
            there = self._taken[other]
            cell = (place, there) if leaves else (there, place)
            gain += self._drawn.get(cell) == kind
        return gain


def _connected_order(nodes: int, truth: Cells) -> list[int]:
    """The nodes so that each has as many edges as can be to those before it."""
    order: list[int] = []
    while len(order) < nodes:
        rest = [node for node in range(nodes) if node not in order]
        linked = Counter(a for a, b in truth if b in order) + Counter(
            b for a, b in truth if a in order
        )
        degree = Counter(end for cell in truth for end in cell)
        order.append(max(rest, key=lambda n: (linked[n], degree[n])))
    return order


def _edges_back(order: list[int], depth: int, truth: Cells) -> list[tuple[int, bool, int]]:
    """Edges between a node and those before it: the other node, whether it leaves, its kind."""
    node, before = order[depth], set(order[:depth])
    leaving = [(b, True, kind) for (a, b), kind in truth.items() if a == node and b in before]
    return leaving + [
        (a, False, kind) for (a, b), kind in truth.items() if b == node and a in before
    ]


def _reachable(order: list[int], motifs: list[int], drawn: Cells, truth: Cells) -> list[int]:
    """How many hits are left at most from each depth on: of each type what both have."""
    depth = {node: place for place, node in enumerate(order)}
    there = Counter((kind, motifs[a], motifs[b]) for (a, b), kind in drawn.items())
    most = []
    for start in range(len(order) + 1):
        left = Counter(
            (kind, motifs[a], motifs[b])
            for (a, b), kind in truth.items()
            if max(depth[a], depth[b]) >= start
        )
        most.append((left & there).total())
    return most


def _twins(motifs: list[int], drawn: Cells) -> list[int]:
    """For each node the first one that it may be exchanged with, leaving the drawn graph as is."""
    nodes = range(len(motifs))

    def alike(one: int, other: int) -> bool:
        to = {one: other, other: one}
        swapped = {(to.get(a, a), to.get(b, b)): k for (a, b), k in drawn.items()}
        return motifs[one] == motifs[other] and swapped == drawn

    return [next(other for other in nodes if other == one or alike(other, one)) for one in nodes]


def _parts(graphs: Graphs) -> list[tuple[list[int], Cells]]:
    """Of each graph the motifs and the edges, with nodes counted from 0."""
    ends = graphs.starts + graphs.sizes
    parts: list[tuple[list[int], Cells]] = [
        (graphs.motifs[a:b].tolist(), {}) for a, b in zip(graphs.starts, ends, strict=True)
    ]
    starts = graphs.starts[graphs.graph_of_edges]
    columns = graphs.graph_of_edges, graphs.source - starts, graphs.target - starts, graphs.kind
    for graph, source, target, kind in zip(*(c.tolist() for c in columns), strict=True):
        parts[graph][1][source, target] = Kind(kind)
    return parts
