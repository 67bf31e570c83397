"""From the syntax tree of a Ruby method to a motif graph with its pool of literals.

Each node of the tree is a node of the graph, so a graph has one edge less than nodes. The first
name, number or text among a node's children becomes its literal, others are dropped. Children of a
Boundary or a Sequence are chained by execution edges, the first one to its parent; those of others
enter them as data, their position among them being the index, which a network sees only up to 3.
After timlawrenz/jubilant-palm-tree, scripts/dataset_prep/compress_ast.py@11cf53f; the clamp is that
of dataset.py@ba2148b.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainables.graph.graphs import INDICES, Edge, Kind, Motif, Program

_TYPES = {
    Motif.BOUNDARY: "def defs class module",
    Motif.SEQUENCE: "begin kwbegin block resbody rescue ensure",
    Motif.CONDITION: "if case when and or",
    Motif.LOOP: "while until for while_post until_post",
    Motif.STATE: "lvar ivar cvar gvar lvasgn ivasgn cvasgn gvasgn op_asgn or_asgn and_asgn arg "
    "optarg restarg kwarg const casgn mlhs masgn return yield",
}
MOTIFS = {name: motif for motif, names in _TYPES.items() for name in names.split()}


@dataclass(frozen=True)
class Compressed:
    """A program and what became of the tree in it.

    Attributes:
        program: Nodes in the order in which a parent comes before its children.
        literals: Names, numbers, texts and truths in the tree: kept ones and dropped ones.
        dropped: Of these, such as came after the first one of their node.
        missing: Children that are none.
        clamped: Data edges whose index was, or without clamping would have been, above 3.
    """

    program: Program
    literals: int
    dropped: int
    missing: int
    clamped: int


def compress(tree: object, clamp: bool = True) -> Compressed:
    """The motif graph of a tree of `{"type": name, "children": [...]}`, as deep as it may be.

    Args:
        tree: Its children are such trees, literals or none.
        clamp: Whether an index above 3 becomes 3, as a network of four classes needs.

    Raises:
        ValueError: When the tree, or a child in it, is something else.
    """
    building = _Building()
    waiting: list[tuple[object, int | None]] = [(tree, None)]
    while waiting:
        branch, parent = waiting.pop()
        node, children = building.add(branch, parent)
        waiting.extend((child, node) for child in reversed(children))
    edges = [edge for node in range(len(building.motifs)) for edge in building.edges(node)]
    clamped = [edge for edge in edges if edge.index >= INDICES]
    if clamp:
        edges = [Edge(e.source, e.target, e.kind, min(e.index, INDICES - 1)) for e in edges]
    program = Program(
        tuple(building.motifs),
        tuple(edges),
        tuple(building.literals),
        tuple(value for _, value in building.pool),
    )
    kept = sum(literal is not None for literal in building.literals)
    return Compressed(
        program, kept + building.dropped, building.dropped, building.missing, len(clamped)
    )


class _Building:
    """A graph that grows by a node at a time."""

    def __init__(self) -> None:
        self.motifs: list[Motif] = []
        self.children: list[list[int]] = []
        self.literals: list[int | None] = []
        self.pool: dict[tuple[type, Any], int] = {}  # with the type, since 1 == 1.0 == True
        self.dropped = self.missing = 0

    def add(self, branch: object, parent: int | None) -> tuple[int, list[Mapping[str, Any]]]:
        """A node for the top of a branch; its number, and the branches below."""
        kind, children = _parts(branch)
        node = len(self.motifs)
        words = [child for child in children if isinstance(child, (str, int, float, bool))]
        below = [child for child in children if isinstance(child, Mapping)]
        self.missing += sum(child is None for child in children)
        self.dropped += max(0, len(words) - 1)
        self.motifs.append(MOTIFS.get(kind, Motif.MESSAGE))
        self.literals.append(self._place(words[0]) if words else None)
        self.children.append([])
        if parent is not None:
            self.children[parent].append(node)
        return node, below

    def edges(self, node: int) -> list[Edge]:
        """Those between a node and its children."""
        own = self.children[node]
        if self.motifs[node] in (Motif.BOUNDARY, Motif.SEQUENCE):
            chain = [node, *own]
            return [Edge(a, b, Kind.EXECUTION) for a, b in zip(chain, chain[1:], strict=False)]
        return [Edge(child, node, Kind.DATA, position) for position, child in enumerate(own)]

    def _place(self, word: str | int | float | bool) -> int:
        return self.pool.setdefault((type(word), word), len(self.pool))


def _parts(branch: object) -> tuple[str, list[Any]]:
    """A branch's type and children, or ValueError."""
    if isinstance(branch, Mapping):
        kind, children = branch.get("type"), branch.get("children")
        if isinstance(kind, str) and isinstance(children, list):
            for child in children:
                if not (child is None or isinstance(child, (Mapping, str, int, float))):
                    raise _fault(f"a child must be a node, a literal or none, got {_told(child)}")
            return kind, children
    raise _fault(f"a node must have a type and a list of children, got {_told(branch)}")


def _fault(law: str) -> ValueError:
    return ValueError(f"syntax tree: {law}; give what Ruby's parser made of a source")


def _told(branch: object) -> str:
    """What stands in place of a node, in few words however deep it is."""
    if not isinstance(branch, Mapping):
        return type(branch).__name__
    return f"an object with {', '.join(map(str, branch)) or 'nothing'}"[:60]
