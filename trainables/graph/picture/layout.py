"""Where the nodes of a program stand in its picture.

What is executed stands in a row, in the order in which execution comes to it first, and the data of
each hang over it as a tree. A datum of several uses stands with the first one.
"""

from collections.abc import Iterable, Iterator

from trainables.graph.graphs import Kind, Motif, Program


def places(program: Program) -> list[tuple[float, float]]:
    """Each node's column and row; no two share one place. Executed ones are in row 0."""
    inputs = _ends(program, Kind.DATA)
    found: dict[int, tuple[float, float]] = {}
    column = 0.0
    for root in _roots(program):
        if root not in found:
            column = _hung(root, column, inputs, found)
    return [found[node] for node in range(len(program.motifs))]


def _hung(
    root: int, column: float, inputs: list[list[int]], found: dict[int, tuple[float, float]]
) -> float:
    """Places a node and its data, each over the middle of its own, from a column on."""
    found[root] = column, 0.0
    waiting: list[tuple[int, int, Iterator[int], list[float]]] = [(root, 0, iter(inputs[root]), [])]
    while waiting:
        node, row, sources, middle = waiting[-1]
        source = next((s for s in sources if s not in found), None)
        if source is not None:
            found[source] = column, row + 1.0
            waiting.append((source, row + 1, iter(inputs[source]), []))
            continue
        waiting.pop()
        if middle:
            at = (middle[0] + middle[-1]) / 2
        else:
            at, column = column, column + 1.0
        found[node] = at, float(row)
        if waiting:
            waiting[-1][3].append(at)
    return column


def _roots(program: Program) -> Iterator[int]:
    """Executed nodes from the entry on, then data that nothing uses, then what is left."""
    onward = _ends(program, Kind.EXECUTION, leaving=True)
    entered = {edge.target for edge in program.edges if edge.kind == Kind.EXECUTION}
    nodes = range(len(program.motifs))
    taking_part = [node for node in nodes if onward[node] or node in entered]
    entries = [node for node in nodes if program.motifs[node] == Motif.BOUNDARY]
    first = [node for node in entries if node not in entered]
    yield from _in_order([*first, *entries, *taking_part], onward)
    used = {edge.source for edge in program.edges if edge.kind == Kind.DATA}
    yield from (node for node in nodes if node not in used)
    yield from nodes


def _in_order(starts: Iterable[int], onward: list[list[int]]) -> list[int]:
    """What is reached, a branch to its end before the next one."""
    order: dict[int, None] = {}
    for start in starts:
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node not in order:
                order[node] = None
                waiting.extend(reversed(onward[node]))
    return list(order)


def _ends(program: Program, kind: Kind, leaving: bool = False) -> list[list[int]]:
    """For each node what enters it, or where what leaves it leads, by index."""
    ends: list[list[tuple[int, int]]] = [[] for _ in program.motifs]
    for edge in program.edges:
        if edge.kind == kind:
            here, there = (edge.source, edge.target) if leaving else (edge.target, edge.source)
            ends[here].append((edge.index, there))
    return [[node for _, node in sorted(own)] for own in ends]
