"""Edits that each break one law of a valid program, for data that are not all valid.

The laws are those of timlawrenz/jubilant-palm-tree, src/models/validation.py@8952552. An edit may
break another one as well: where the way to a node is cut, nothing else may be beside it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from trainables.graph.graphs import INDICES, Edge, Kind, Motif, Program
from trainables.graph.program.writer import Draws

_BRANCHING = (Motif.CONDITION, Motif.LOOP)


class Edit(NamedTuple):
    """An edge that goes and one that comes."""

    without: Edge | None
    to: Edge | None

    def of(self, program: Program) -> Program:
        """The program after it."""
        edges = [edge for edge in program.edges if edge != self.without]
        return replace(program, edges=(*edges, *([self.to] if self.to else [])))


def broken(program: Program, draws: Draws) -> tuple[Program, str]:
    """A valid program after one edit, drawn from those that it allows, and the edit's name.

    Where there is no edge the Boundary at which execution begins becomes a Sequence: "no_entry".
    """
    names = list(FAULTS)
    while names:
        name = names.pop(draws.below(len(names)))
        if edits := FAULTS[name][1](program):
            return edits[draws.below(len(edits))].of(program), name
    return replace(program, motifs=(Motif.SEQUENCE, *program.motifs[1:])), "no_entry"


def second_output(program: Program) -> list[Edit]:
    """Another way on from a node that may have one."""
    cells, nodes = _cells(program), len(program.motifs)
    return [
        Edit(None, Edge(edge.source, to, Kind.EXECUTION, 1))
        for edge in _of(program, Kind.EXECUTION)
        if program.motifs[edge.source] not in _BRANCHING
        for to in range(nodes)
        if to != edge.source and (edge.source, to) not in cells
    ]


def lost_input(program: Program) -> list[Edit]:
    """No datum for a node that needs one: a Condition, a Loop or a write."""
    writes = {edge.source for edge in _of(program, Kind.EXECUTION)}
    return [
        Edit(edge, None)
        for edge in _of(program, Kind.DATA)
        if program.motifs[edge.target] in _BRANCHING
        or (program.motifs[edge.target] == Motif.STATE and edge.target in writes)
    ]


def equal_indices(program: Program) -> list[Edit]:
    """One index for two inputs of a Message."""
    data = [e for e in _of(program, Kind.DATA) if program.motifs[e.target] == Motif.MESSAGE]
    return [
        Edit(one, replace(one, index=other.index))
        for one in data
        for other in data
        if one.target == other.target and one.index > other.index
    ]


def orphan(program: Program) -> list[Edit]:
    """A datum that nothing works on any more."""
    ends = [end for edge in program.edges for end in (edge.source, edge.target)]
    return [Edit(edge, None) for edge in _of(program, Kind.DATA) if ends.count(edge.source) == 1]


def data_cycle(program: Program) -> list[Edit]:
    """A datum that needs what it is needed for."""
    data, cells = _of(program, Kind.DATA), _cells(program)
    targets = [edge.target for edge in data]
    return [
        Edit(None, Edge(target, source, Kind.DATA, min(targets.count(source), INDICES - 1)))
        for source, target in ((edge.source, edge.target) for edge in data)
        if (target, source) not in cells
    ]


def no_exit(program: Program) -> list[Edit]:
    """A way back from the node that execution ends at."""
    execution, cells = _of(program, Kind.EXECUTION), _cells(program)
    leaving = {edge.source for edge in execution}
    return [
        Edit(None, Edge(edge.target, edge.source, Kind.EXECUTION))
        for edge in execution
        if edge.target not in leaving and (edge.target, edge.source) not in cells
    ]


def cut_spine(program: Program) -> list[Edit]:
    """A stretch of execution that nothing leads to, or a Boundary that begins it once more."""
    execution = _of(program, Kind.EXECUTION)
    leaving = {edge.source for edge in execution}
    targets = [edge.target for edge in execution]
    return [
        Edit(edge, None)
        for edge in execution
        if targets.count(edge.target) == 1
        and (edge.target in leaving or program.motifs[edge.target] == Motif.BOUNDARY)
    ]


# Each with the law that it breaks; it gives all edits of its kind, none maybe.
FAULTS: dict[str, tuple[str, Callable[[Program], list[Edit]]]] = {
    "second_output": ("out_degree", second_output),
    "lost_input": ("in_degree", lost_input),
    "equal_indices": ("in_degree", equal_indices),
    "orphan": ("orphan", orphan),
    "data_cycle": ("acyclic", data_cycle),
    "no_exit": ("terminal", no_exit),
    "cut_spine": ("spine", cut_spine),
}


def _of(program: Program, kind: Kind) -> list[Edge]:
    return [edge for edge in program.edges if edge.kind == kind]


def _cells(program: Program) -> set[tuple[int, int]]:
    return {(edge.source, edge.target) for edge in program.edges}
