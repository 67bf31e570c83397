"""The laws of motif graphs, graph by graph: with networkx, and with lists and sets alone.

Written from the laws' words, apart from what is checked: walks are walks here.
"""

from collections import Counter
from typing import NamedTuple

import networkx as nx

from trainables.graph.graphs import Graphs, Kind, Motif

BRANCHES = {Motif.CONDITION, Motif.LOOP}


class One(NamedTuple):
    """One graph: its motifs and its edges as (source, target, kind, index)."""

    motifs: list[int]
    edges: list[tuple[int, int, int, int]]


def one_by_one(graphs: Graphs) -> list[One]:
    """The graphs of a batch, each with nodes counted from 0."""
    starts = graphs.starts.tolist()
    ends = (graphs.starts + graphs.sizes).tolist()
    parts = [One(graphs.motifs[a:b].tolist(), []) for a, b in zip(starts, ends, strict=True)]
    columns = (graphs.graph_of_edges, graphs.source, graphs.target, graphs.kind, graphs.index)
    for graph, source, target, kind, index in zip(*(c.tolist() for c in columns), strict=True):
        start = starts[graph]
        parts[graph].edges.append((source - start, target - start, kind, index))
    return parts


def by_networkx(one: One, rules: str = "corrected", acyclic: str = "right") -> dict[str, bool]:
    """Which laws a graph keeps."""
    nodes = range(len(one.motifs))
    execution, data = nx.DiGraph(), nx.DiGraph()
    for graph, kind in ((execution, Kind.EXECUTION), (data, Kind.DATA)):
        graph.add_nodes_from(nodes)
        graph.add_edges_from((s, t, {"index": i}) for s, t, k, i in one.edges if k == kind)
    if not one.motifs:
        return dict.fromkeys(
            ("out_degree", "in_degree", "orphan", "acyclic", "terminal", "spine"), False
        )
    ends = {node for node in nodes if not execution.out_degree(node)}
    reach_an_end = ends.union(*(nx.ancestors(execution, end) for end in ends))
    is_acyclic = nx.is_directed_acyclic_graph(data)
    return {
        "out_degree": all(_leaves_well(one.motifs[n], execution, n, rules) for n in nodes),
        "in_degree": all(_is_fed(one.motifs[n], data, execution, n, rules) for n in nodes),
        "orphan": nx.is_connected(nx.compose(execution, data).to_undirected()),
        "acyclic": is_acyclic if acyclic == "right" else not is_acyclic,
        "terminal": bool(ends) and reach_an_end == set(nodes),
        "spine": _spine(one.motifs, execution),
    }


def _leaves_well(motif: int, execution: nx.DiGraph, node: int, rules: str) -> bool:
    indices = [index for *_, index in execution.out_edges(node, data="index")]
    if motif not in BRANCHES:
        return len(indices) <= 1
    allowed = {0, 2} if rules == "published" else {0, 1, 2}
    return len(indices) in allowed and len(set(indices)) == len(indices)


def _is_fed(motif: int, data: nx.DiGraph, execution: nx.DiGraph, node: int, rules: str) -> bool:
    indices = [index for *_, index in data.in_edges(node, data="index")]
    if motif == Motif.MESSAGE:
        return len(set(indices)) == len(indices)
    if motif in BRANCHES or (motif == Motif.STATE and execution.out_degree(node)):
        return len(indices) == 1 if rules == "published" else len(indices) >= 1
    return True


def _spine(motifs: list[int], execution: nx.DiGraph) -> bool:
    entries = [n for n in execution if motifs[n] == Motif.BOUNDARY and not execution.in_degree(n)]
    if len(entries) != 1:
        return False
    taking_part = {node for node in execution if execution.degree(node)}
    return taking_part <= {entries[0], *nx.descendants(execution, entries[0])}


def by_lists(one: One, rules: str = "corrected") -> dict[str, bool]:
    """Which laws a graph keeps, with lists and sets alone: the fastest of the tidy ways."""
    nodes = range(len(one.motifs))
    leads_to: list[list[int]] = [[] for _ in nodes]
    led_from: list[list[int]] = [[] for _ in nodes]
    given_to: list[list[int]] = [[] for _ in nodes]
    beside: list[list[int]] = [[] for _ in nodes]
    leaving: list[list[int]] = [[] for _ in nodes]
    entering: list[list[int]] = [[] for _ in nodes]
    for source, target, kind, index in one.edges:
        beside[source].append(target)
        beside[target].append(source)
        if kind == Kind.EXECUTION:
            leads_to[source].append(target)
            led_from[target].append(source)
            leaving[source].append(index)
        else:
            given_to[source].append(target)
            entering[target].append(index)
    if not one.motifs:
        return dict.fromkeys(
            ("out_degree", "in_degree", "orphan", "acyclic", "terminal", "spine"), False
        )
    ends = [node for node in nodes if not leads_to[node]]
    entries = [n for n in nodes if one.motifs[n] == Motif.BOUNDARY and not led_from[n]]
    spine = _walk(leads_to, entries) if len(entries) == 1 else set()
    return {
        "out_degree": all(
            _well_left(motif, indices, rules)
            for motif, indices in zip(one.motifs, leaving, strict=True)
        ),
        "in_degree": all(
            _well_fed(motif, indices, bool(leads), rules)
            for motif, indices, leads in zip(one.motifs, entering, leads_to, strict=True)
        ),
        "orphan": len(_walk(beside, [0])) == len(one.motifs),
        "acyclic": _can_be_sorted(given_to, entering),
        "terminal": len(_walk(led_from, ends)) == len(one.motifs),
        "spine": len(entries) == 1 and all(n in spine for n in nodes if leads_to[n] or led_from[n]),
    }


def _well_left(motif: int, indices: list[int], rules: str) -> bool:
    if motif not in BRANCHES or len(indices) < 2:
        return len(indices) < (1 if motif in BRANCHES and rules == "published" else 2)
    return len(indices) == 2 and indices[0] != indices[1]


def _well_fed(motif: int, indices: list[int], leads: bool, rules: str) -> bool:
    if motif == Motif.MESSAGE:
        return len(indices) < 2 or max(Counter(indices).values()) == 1
    if motif in BRANCHES or (motif == Motif.STATE and leads):
        return len(indices) == 1 or (len(indices) > 1 and rules == "corrected")
    return True


def _walk(neighbours: list[list[int]], starts: list[int]) -> set[int]:
    seen = set(starts)
    left = list(starts)
    while left:
        for node in neighbours[left.pop()]:
            if node not in seen:
                seen.add(node)
                left.append(node)
    return seen


def _can_be_sorted(given_to: list[list[int]], entering: list[list[int]]) -> bool:
    waiting = [len(indices) for indices in entering]
    ready = [node for node, count in enumerate(waiting) if not count]
    done = 0
    while ready:
        done += 1
        for node in given_to[ready.pop()]:
            waiting[node] -= 1
            if not waiting[node]:
                ready.append(node)
    return done == len(given_to)
