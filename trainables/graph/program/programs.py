"""Random programs as a stand-in for real ones: valid ones that run, or broken ones by one edit.

Program number i of a seed and a purpose is always the same one, however many are asked for; with
`valid` below 1 some of them are broken, and the others stay what they are.
"""

from math import exp, log

from trainables.graph.graphs import MOST_NODES, Edge, Graphs, Kind, Motif, Program
from trainables.graph.program.faults import broken
from trainables.graph.program.writer import Draws, Writer

CLOSED = 0.35  # share that ends at a Boundary; of a Ruby method it is only the beginning


def programs(
    count: int,
    seed: int,
    purpose: str,
    most_nodes: int = 10,
    valid: float = 1.0,
    *,
    fewest_nodes: int = 4,
    sharing: float = 0.2,
) -> list[Program]:
    """So many programs, whose sizes are spread evenly over their logarithm.

    Those that are valid keep all six laws in both rule sets and halt within 10,000 steps. The nodes
    of a program stand in the order in which they were written, the entry first.

    Args:
        count: How many.
        seed: Of their draws.
        purpose: So that training and evaluation differ.
        most_nodes: Of a program.
        valid: The probability that one is; each of the rest breaks a law by one named edit.
        fewest_nodes: Of a program.
        sharing: The probability that a Message has another input that is already one elsewhere;
            with 0 data are trees.

    Raises:
        ValueError: When sizes or shares are out of range.
    """
    if not 1 <= fewest_nodes <= most_nodes <= MOST_NODES:
        raise ValueError(
            f"programs: 1 <= fewest_nodes <= most_nodes <= {MOST_NODES} must hold, got "
            f"{fewest_nodes} and {most_nodes}"
        )
    if not (0 <= valid <= 1 and 0 <= sharing <= 1):
        raise ValueError(
            f"programs: valid and sharing must be in [0, 1], got {valid} and {sharing}"
        )
    made = []
    for number in range(count):
        draws = Draws(seed, purpose, "program", number)
        low, high = log(fewest_nodes), log(most_nodes + 1)
        nodes = min(most_nodes, int(exp(low + draws.share() * (high - low)) + 1e-9))
        breaks, closed = not draws.chance(valid), draws.chance(CLOSED)
        program = Writer(draws, sharing).program(nodes, closed)
        if breaks:
            program, _ = broken(program, Draws(seed, purpose, "fault", number))
        made.append(program)
    return made


def apart(graphs: Graphs) -> list[Program]:
    """Each graph as a program without literals."""
    ends = list(zip(graphs.starts.tolist(), graphs.sizes.tolist(), strict=True))
    edges: list[list[Edge]] = [[] for _ in ends]
    columns = graphs.graph_of_edges, graphs.source, graphs.target, graphs.kind, graphs.index
    for graph, source, target, kind, index in zip(*(c.tolist() for c in columns), strict=True):
        start = ends[graph][0]
        edges[graph].append(Edge(source - start, target - start, Kind(kind), index))
    motifs = [Motif(motif) for motif in graphs.motifs.tolist()]
    return [
        Program(tuple(motifs[start : start + size]), tuple(own))
        for (start, size), own in zip(ends, edges, strict=True)
    ]
