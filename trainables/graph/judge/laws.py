"""The laws that a motif graph must keep, on a whole batch of graphs of unlike size at once.

1 out_degree  at most one execution edge leaves a node; of Conditions and Loops none or two, or as
              corrected at most two; two have unlike indices
2 in_degree   one data edge, or as corrected at least one, enters every Condition, every Loop and
              every State that an execution edge leaves; those into a Message have unlike indices
3 orphan      every node hangs together with the first one, whichever way edges lead
4 acyclic     data edges make no cycle
5 terminal    from every node a node is reached that no execution edge leaves, be it of data only
6 spine       one Boundary has no execution edge into it, and every node with an execution edge is
              reached from there

A graph without nodes breaks all of them, and counts. Laws 1 to 5 are of the post, 6 came later.
After timlawrenz/jubilant-palm-tree, validation.py@8952552.

The graphs are the blocks of one large graph, in which two searches for strongly connected parts
and one for connected parts find what must be walked; all else is counting. No walk from an entry
is needed: everything is reached from it where it alone has nothing before it.
"""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int32
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trainables.graph.graphs import Graphs, Kind, Motif

Rules = Literal["published", "corrected"]
Acyclic = Literal["right", "inverted"]
Laws = dict[str, Bool[np.ndarray, " graphs"]]

LAWS = ("out_degree", "in_degree", "orphan", "acyclic", "terminal", "spine")

_BRANCHES = np.isin(np.arange(len(Motif)), (Motif.CONDITION, Motif.LOOP))
_MOST_LEAVING = np.where(_BRANCHES, 2, 1)


def check(graphs: Graphs, rules: Rules = "corrected", acyclic: Acyclic = "right") -> Laws:
    """Which graphs keep each of `LAWS`.

    Args:
        graphs: Of any sizes.
        rules: `published` as in the post, or `corrected` as its author mended laws 1 and 2 later.
        acyclic: `inverted` is the validator as run, whose fourth law only a cycle fulfilled.

    Raises:
        ValueError: When there is no such rule set or validator.
    """
    for name, value, known in (("rules", rules, Rules), ("acyclic", acyclic, Acyclic)):
        if value not in get_args(known):
            raise ValueError(f"laws: {name} must be one of {get_args(known)}, got {value!r}")
    batch = _Batch(graphs)
    execution, data = _Edges(graphs, Kind.EXECUTION), _Edges(graphs, Kind.DATA)
    parts = _strong_parts(execution)
    without_cycle = batch.without(_on_cycles(data))
    laws = {
        "out_degree": batch.without(_wrong_leaving(batch, execution, rules)),
        "in_degree": batch.without(_wrong_entering(batch, data, execution, rules)),
        "orphan": batch.without(_orphans(graphs)),
        "acyclic": ~without_cycle if acyclic == "inverted" else without_cycle,
        "terminal": batch.without(_caught(execution, parts)),
        "spine": _has_spine(batch, execution, parts),
    }
    return {name: kept & (graphs.sizes > 0) for name, kept in laws.items()}


def svr(laws: Laws, spine: bool = True) -> float:
    """The share of graphs that keep all laws, or all but the spine's.

    Raises:
        ValueError: When there is no graph.
    """
    kept = [laws[name] for name in (LAWS if spine else LAWS[:-1])]
    if not len(kept[0]):
        raise ValueError("laws: a share needs at least one graph, got 0; check a larger batch")
    return float(np.logical_and.reduce(kept).mean())


def rates(laws: Laws) -> dict[str, float]:
    """The share of graphs that keep each law, and all of the first five and of six.

    Raises:
        ValueError: When there is no graph.
    """
    whole = {"svr_5": svr(laws, spine=False), "svr_6": svr(laws)}
    return {name: float(kept.mean()) for name, kept in laws.items()} | whole


class _Batch:
    """What every law asks of the nodes of all graphs."""

    def __init__(self, graphs: Graphs):
        self.count = len(graphs)
        self.motifs = graphs.motifs
        self.graph = graphs.graph_of_nodes

    def without(self, nodes: np.ndarray) -> Bool[np.ndarray, " graphs"]:
        """The graphs that have none of these nodes, which are numbers or a mask."""
        clean = np.ones(self.count, bool)
        clean[self.graph[nodes]] = False
        return clean


class _Edges:
    """The edges of one kind, and how many of them leave and enter each node."""

    def __init__(self, graphs: Graphs, kind: Kind):
        chosen = np.flatnonzero(graphs.kind == kind)
        self.nodes = len(graphs.motifs)
        self.source = graphs.source[chosen]
        self.target = graphs.target[chosen]
        self.index = graphs.index[chosen]
        self.leaving = np.bincount(self.source, minlength=self.nodes)
        self.entering = np.bincount(self.target, minlength=self.nodes)


def _wrong_leaving(batch: _Batch, execution: _Edges, rules: Rules) -> np.ndarray:
    branches, leaving = _BRANCHES[batch.motifs], execution.leaving
    wrong = leaving > _MOST_LEAVING[batch.motifs]
    if rules == "published":
        wrong |= branches & (leaving == 1)
    two = (branches & (leaving > 1))[execution.source]
    wrong[_clashing(execution.source[two], execution.index[two])] = True
    return wrong


def _wrong_entering(batch: _Batch, data: _Edges, execution: _Edges, rules: Rules) -> np.ndarray:
    writes = (batch.motifs == Motif.STATE) & (execution.leaving > 0)
    wrong = data.entering != 1 if rules == "published" else data.entering < 1
    wrong &= writes | _BRANCHES[batch.motifs]
    several = ((batch.motifs == Motif.MESSAGE) & (data.entering > 1))[data.target]
    wrong[_clashing(data.target[several], data.index[several])] = True
    return wrong


def _clashing(nodes: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The nodes that have an index twice."""
    most = int(indices.max(initial=0)) + 1
    slots = np.sort(nodes * most + indices)
    return slots[1:][slots[1:] == slots[:-1]] // most


def _orphans(graphs: Graphs) -> Bool[np.ndarray, " nodes"]:
    """Nodes that hang together with the first one of their graph in no way."""
    parts = _parts(len(graphs.motifs), graphs.source, graphs.target, directed=False)
    some = graphs.sizes > 0
    return parts != np.repeat(parts[graphs.starts[some]], graphs.sizes[some])


def _has_spine(batch: _Batch, execution: _Edges, parts: np.ndarray) -> Bool[np.ndarray, " graphs"]:
    """Whether one entry leads to all: nothing but it has no other part before its own."""
    out_of, into = parts[execution.source], parts[execution.target]
    entered = np.zeros(len(parts), bool)
    entered[into[out_of != into]] = True
    entry = (batch.motifs == Motif.BOUNDARY) & (execution.entering == 0)
    takes_part = execution.leaving + execution.entering > 0
    entries = np.bincount(batch.graph[entry], minlength=batch.count)
    return (entries == 1) & batch.without(takes_part & ~entered[parts] & ~entry)


def _caught(execution: _Edges, parts: np.ndarray) -> np.ndarray:
    """Nodes that lead on and to no end: those of a part with edges within and none that leaves."""
    out_of, into = parts[execution.source], parts[execution.target]
    left = np.zeros(len(parts), bool)
    left[out_of[out_of != into]] = True
    return execution.source[~left[out_of]]


def _on_cycles(edges: _Edges) -> np.ndarray:
    """Nodes of which an edge leads on around a cycle."""
    parts = _strong_parts(edges)
    return edges.source[parts[edges.source] == parts[edges.target]]


def _strong_parts(edges: _Edges) -> Int32[np.ndarray, " nodes"]:
    return _parts(edges.nodes, edges.source, edges.target, directed=True)


def _parts(
    nodes: int, source: np.ndarray, target: np.ndarray, directed: bool
) -> Int32[np.ndarray, " nodes"]:
    """For each node the number of its part, strongly connected where edges have a direction."""
    if not nodes:
        return np.zeros(0, np.int32)
    ends = source.astype(np.int32), target.astype(np.int32)
    matrix = coo_array((np.ones(len(source)), ends), shape=(nodes, nodes))
    matrix.has_canonical_format = True  # no edge is there twice, so that none need be summed
    return connected_components(matrix.tocsr(), directed, connection="strong")[1]
