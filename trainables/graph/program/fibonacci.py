"""The documented program of 25 nodes that adds up to the tenth Fibonacci number.

After timlawrenz/jubilant-palm-tree, src/execution_engine@0b20f7e and the post that tells its run: a
is 55, b is 89 and count is 10 after 57 steps, and 55 is printed. One constant feeds two writes, and
what is only read has no execution edge, so the laws of degree are tried on it too.
"""

from trainables.graph.graphs import Edge, Kind, Motif, Program

_POOL = ("a", "b", "count", "temp", 0, 1, 10, "+", "<", "print")
_B, _L, _S, _M = Motif.BOUNDARY, Motif.LOOP, Motif.STATE, Motif.MESSAGE
_NODES = (
    (_B, None), (_M, 0), (_S, "a"), (_M, 1), (_S, "b"), (_S, "count"),
    (_S, "count"), (_M, 10), (_M, "<"), (_L, None),
    (_S, "a"), (_S, "b"), (_M, "+"), (_S, "temp"),
    (_S, "b"), (_S, "a"), (_S, "temp"), (_S, "b"),
    (_S, "count"), (_M, 1), (_M, "+"), (_S, "count"),
    (_S, "a"), (_M, "print"), (_B, None),
)  # fmt: skip
_EXECUTION = (
    (0, 2, 0), (2, 4, 0), (4, 5, 0), (5, 9, 0), (9, 13, 0), (9, 23, 1),
    (13, 15, 0), (15, 17, 0), (17, 21, 0), (21, 9, 0), (23, 24, 0),
)  # fmt: skip
_DATA = (
    (1, 2, 0), (3, 4, 0), (1, 5, 0), (6, 8, 0), (7, 8, 1), (8, 9, 0), (10, 12, 0), (11, 12, 1),
    (12, 13, 0), (14, 15, 0), (16, 17, 0), (18, 20, 0), (19, 20, 1), (20, 21, 0), (22, 23, 0),
)  # fmt: skip

FIBONACCI = Program(
    motifs=tuple(motif for motif, _ in _NODES),
    edges=tuple(
        Edge(source, target, kind, index)
        for kind, edges in ((Kind.EXECUTION, _EXECUTION), (Kind.DATA, _DATA))
        for source, target, index in edges
    ),
    literals=tuple(None if word is None else _POOL.index(word) for _, word in _NODES),
    pool=_POOL,
)
