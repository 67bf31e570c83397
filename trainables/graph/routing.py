"""From motifs and a pool of literals to a value: routed, made lawful, run.

Whoever writes the motifs and the literals says what a program is made of; a network draws how they
hang together; a solver makes that lawful; the interpreter gives the value. The three branches of
timlawrenz/jubilant-palm-tree (language model, graph transformer, solver), of which the first is the
caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from trainables.graph.config import Solver
from trainables.graph.graphs import Graphs, Motif, Program
from trainables.graph.judge.scoring import with_edges
from trainables.graph.network.sampling import Flow, Sample, sample
from trainables.graph.program.interpreter import Outcome, run


@dataclass(frozen=True)
class Routed:
    """What came of a program's parts.

    Attributes:
        program: The parts with the edges that were drawn and mended.
        outcome: How it ran; `outcome.value` is what it is worth.
        sample: What the network drew, before a solver read it.
    """

    program: Program
    outcome: Outcome
    sample: Sample


def route(
    motifs: Sequence[Motif],
    literals: Sequence[int | None],
    pool: Sequence[Any],
    network: nn.Module,
    flow: Flow,
    seed: int = 0,
    solver: Solver = "complete",
) -> Routed:
    """Draws edges between the motifs, makes them lawful and runs the program from its entry.

    Args:
        motifs: Of each node.
        literals: For each node its place in the pool, None where it has none; none at all for ().
        pool: Names, constants and operations.
        network: A trained one, such as a run's.
        flow: What it was trained for, such as a run's.
        seed: Of the draws.
        solver: How the drawn values are read, as in `DecodeConfig`.

    Raises:
        ValueError: When a literal leads nowhere or there are not as many as motifs.
        FloatingPointError: When the network gives no numbers.
    """
    parts = Program(tuple(motifs), (), tuple(literals), tuple(pool))
    drawn = sample(network, flow, Graphs.of([parts]), seed, "route")
    if not drawn.finite.all():
        raise FloatingPointError(
            "route: a network must give finite numbers, got others; take one whose loss is finite"
        )
    graphs = drawn.read(solver, flow.cfg.decode.cut).graphs()
    (program,) = with_edges([parts], graphs)
    return Routed(program, run(program, entry="unentered"), drawn)
