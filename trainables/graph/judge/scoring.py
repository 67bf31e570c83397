"""What drawn graphs are worth: the laws they keep, and how near they come to the true ones.

A metric without a suffix is of the graphs as the config reads them. `val/x@raw`, `@repair`,
`@complete` and `@judicial` are the same samples as another solver reads them, and `val/svr@as_run`
is what the post reported: its solver, its laws, and the acyclic one inverted.
"""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from trainables.graph.config import DecodeConfig, EvaluationConfig
from trainables.graph.graphs import Edge, Graphs, Kind, Program
from trainables.graph.judge import fidelity
from trainables.graph.judge.laws import check, svr
from trainables.graph.judge.matching import matched_scores
from trainables.graph.network.sampling import Sample
from trainables.graph.program.interpreter import run, walk

SOLVERS = ("raw", "repair", "complete", "judicial")
BESIDE = ("svr", "svr_corrected", "edges_ratio", "typed_f1", "typed_f1_gain")
STEPS = 1000  # that a drawn program may take; those that halt take a few hundred at most


def sample_scores(
    sample: Sample,
    truth: Graphs,
    programs: Sequence[Program],
    decode: DecodeConfig,
    evaluation: EvaluationConfig,
    seed: int,
) -> dict[str, float]:
    """All that is told of samples for the motifs of `truth`.

    Args:
        sample: As drawn.
        truth: The graphs whose motifs were given.
        programs: These without edges and with their literals, which the interpreter runs.
        decode: How the samples are read.
        evaluation: What is told besides.
        seed: Of random graphs that are matched as well.
    """
    every = dict.fromkeys((*SOLVERS, decode.solver))
    read = {solver: sample.read(solver, decode.cut).graphs() for solver in every}
    values = main_scores(read[decode.solver], truth, programs, evaluation, seed)
    for solver in SOLVERS:
        own = scores(read[solver], truth)
        names = [*BESIDE, *(name for name in map(_short, own) if name.startswith("law_"))]
        values |= {f"val/{name}@{solver}": own[f"val/{name}"] for name in names}
    documented = sample.read("judicial as run", decode.cut).graphs()
    as_run = check(documented, "published", "inverted")
    values["val/svr@as_run"] = svr(as_run, spine=False)
    values["val/not_finite"] = float((~sample.finite).sum())
    return values


def main_scores(
    graphs: Graphs,
    truth: Graphs,
    programs: Sequence[Program],
    evaluation: EvaluationConfig,
    seed: int,
) -> dict[str, float]:
    """All that is told of graphs with the motifs of `truth`; with literals, how they end.

    They begin at a Boundary that no execution edge enters: of nodes in a drawn order the first
    Boundary may be the exit, where every program would halt. A walk goes along execution edges
    alone; as run it begins only where none leaves either, which no real entry does.
    """
    made = with_edges(programs, graphs)
    endings = {
        "": [run(program, STEPS, "unentered").ending for program in made],
        "@walk": [walk(program, STEPS)[0] for program in made],
        "@walk_as_run": [walk(program, STEPS, "as_run", "as_run")[0] for program in made],
    }
    values = scores(graphs, truth)
    values |= {f"val/halting{how}": fmean(e.halts for e in ends) for how, ends in endings.items()}
    if evaluation.matched_nodes:
        values |= matched_scores(graphs, truth, seed, evaluation.matched_nodes)
    return values


def scores(graphs: Graphs, truth: Graphs) -> dict[str, float]:
    """What is told of graphs with the motifs of `truth`: of laws and of edges.

    `val/svr` is by the five published laws, `val/svr_corrected` by six as corrected, and so is each
    law's own rate.
    """
    published, corrected = check(graphs, "published"), check(graphs, "corrected")
    values = {"val/svr": svr(published, spine=False), "val/svr_corrected": svr(corrected)}
    values |= {f"val/law_{name}": float(kept.mean()) for name, kept in corrected.items()}
    return values | fidelity.scores(graphs, truth)


def with_edges(programs: Sequence[Program], graphs: Graphs) -> list[Program]:
    """Programs with the edges of graphs in place of their own."""
    order = np.argsort(graphs.graph_of_edges, kind="stable")
    graph = graphs.graph_of_edges[order]
    starts = graphs.starts[graph]
    rows = np.stack(
        (graphs.source[order] - starts, graphs.target[order] - starts, graphs.kind[order],
         graphs.index[order]), -1,
    )  # fmt: skip
    own = np.split(rows, np.searchsorted(graph, np.arange(1, len(graphs))))
    return [
        Program(
            program.motifs,
            tuple(Edge(a, b, Kind(kind), index) for a, b, kind, index in edges.tolist()),
            program.literals,
            program.pool,
        )
        for program, edges in zip(programs, own, strict=True)
    ]


def _short(name: str) -> str:
    return name.removeprefix("val/")
