"""Programs written by hand, for the tests."""

import re
from typing import Any

from trainables.graph.graphs import Edge, Kind, Motif, Program

MOTIFS = {
    "B": Motif.BOUNDARY, "Q": Motif.SEQUENCE, "C": Motif.CONDITION,
    "L": Motif.LOOP, "S": Motif.STATE, "M": Motif.MESSAGE,
}  # fmt: skip


def program(letters: str, data: str = "", execution: str = "", words: tuple[Any, ...] = ()):
    """A program from the letters of its nodes, edges such as "2>1:3" or "0-1", and literals.

    A word of "" is no literal; where there are fewer words than nodes the last have none.
    """
    nodes = tuple(MOTIFS[letter] for letter in letters)
    edges = [
        Edge(int(source), int(target), kind, int(index or 0))
        for text, mark, kind in ((data, ">", Kind.DATA), (execution, "-", Kind.EXECUTION))
        for source, target, index in re.findall(rf"(\d+){mark}(\d+)(?::(\d+))?", text)
    ]
    told = [*words, *[""] * (len(nodes) - len(words))]
    pool = [word for word in told if word != ""]
    literals, at = [], 0
    for word in told:
        literals.append(None if word == "" else at)
        at += word != ""
    return Program(nodes, tuple(edges), tuple(literals), tuple(pool))
