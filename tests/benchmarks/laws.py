"""Law checks of whole batches beside the same laws graph by graph, in one process, interleaved.

    ours        trainables.graph.judge.laws on lists of nodes and edges of all graphs
    validated   the same, and before it what `Graphs` checks of lists that come from elsewhere
    lists       each graph with lists and sets in Python
    networkx    each graph with networkx

All graphs have 128 nodes: trees as the compressor makes them of syntax trees; random edges, as
many as documented of naive decoding (342); half of all cells. A round times each way once, in
turning order and on its own share of the graphs; a ratio is the median over rounds of the time per
graph by ours. One thread. Prints a row of graphs per minute and that ratio for each, then how many
graphs of unlike size all ways judged alike in both rule sets; where they do not, it fails.

    python tests/benchmarks/laws.py [--rounds 7] [--graphs 2048] [--compared 10000]
"""

from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import torch
from by_turns import times_by_turns
from command_line import options_of, parser_of
from laws_reference import by_lists, by_networkx, one_by_one

from trainables.graph.graphs import Graphs, Kind, Motif
from trainables.graph.judge.laws import check

NODES = 128
EDGES = {"tree": NODES - 1, "342 edges": 342, "half dense": NODES * (NODES - 1) // 2}
CHAINED = (Motif.BOUNDARY, Motif.SEQUENCE)


def trees(count: int, rng: np.random.Generator) -> Graphs:
    """Each node under an earlier one, run by it or given to it."""
    motifs = rng.integers(1, len(Motif), (count, NODES))
    child = np.tile(np.arange(1, NODES), count)
    parent = (rng.random(len(child)) * child).astype(np.int64)
    start = np.repeat(np.arange(count) * NODES, NODES - 1)
    child, parent, motifs = start + child, start + parent, motifs.reshape(-1)
    chained = np.isin(motifs[parent], CHAINED)
    source, target = np.where(chained, (parent, child), (child, parent))
    kind = np.where(chained, Kind.EXECUTION, Kind.DATA)
    return graphs_of(motifs, count, source, target, kind, rng)


def random_edges(count: int, edges: int, rng: np.random.Generator) -> Graphs:
    """So many edges on any cells."""
    cells = NODES * (NODES - 1)
    drawn = np.concatenate([rng.choice(cells, edges, replace=False) for _ in range(count)])
    source, target = np.divmod(drawn, NODES - 1)
    target += target >= source
    start = np.repeat(np.arange(count) * NODES, edges)
    motifs = rng.integers(1, len(Motif), count * NODES)
    kind = rng.integers(0, 2, len(drawn))
    return graphs_of(motifs, count, start + source, start + target, kind, rng)


def unlike_sizes(count: int, rng: np.random.Generator) -> Graphs:
    """Graphs of 0 to 24 nodes, sparse to dense, of which a third are trees."""
    sizes = rng.integers(0, 25, count)
    starts = np.cumsum(sizes) - sizes
    motifs = rng.integers(1, len(Motif), int(sizes.sum()))
    columns: list[np.ndarray] = []
    for number, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        there = rng.random((size, size)) < rng.choice([0, 0.02, 0.06, 0.2, 0.8])
        if number % 3 == 0 and size > 1:
            there = np.zeros((size, size), bool)
            there[(rng.random(size - 1) * np.arange(1, size)).astype(int), np.arange(1, size)] = (
                True
            )
        np.fill_diagonal(there, False)
        columns.append(start + np.argwhere(there).T)
    source, target = np.concatenate(columns, 1)
    kind, index = rng.integers(0, 2, len(source)), rng.integers(0, 4, len(source))
    return Graphs(motifs, sizes, source, target, kind, index)


def graphs_of(
    motifs: np.ndarray,
    count: int,
    source: np.ndarray,
    target: np.ndarray,
    kind: np.ndarray,
    rng: np.random.Generator,
) -> Graphs:
    """The graphs of these lists, with any indices."""
    sizes, index = np.full(count, NODES), rng.integers(0, 4, len(kind))
    return Graphs(motifs, sizes, source, target, kind.astype(np.int64), index)


def compare(name: str, graphs: Graphs, rounds: int, shares: dict[str, int]) -> None:
    """Print graphs per minute and ratios; each way has its share of the graphs."""

    plain = one_by_one(graphs)
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: check(graphs),
        "validated": lambda: check(replace(graphs)),
        "lists": lambda: [by_lists(one) for one in plain[: shares["lists"]]],
        "networkx": lambda: [by_networkx(one) for one in plain[: shares["networkx"]]],
    }
    ways["ours"]()
    times = times_by_turns(ways, rounds)
    each = {
        way: [seconds / min(shares.get(way, len(plain)), len(plain)) for seconds in times[way]]
        for way in ways
    }
    for way in ways:
        ratio = median(a / b for a, b in zip(each[way], each["ours"], strict=True))
        print(
            f"{name:10} {graphs.source.size // len(graphs):5} edges  {way:9} "
            f"{60 / median(each[way]):11,.0f} graphs/min  {ratio:7.1f} x ours' time",
            flush=True,
        )


def agree(graphs: Graphs) -> int:
    """How many graphs all ways judge alike; ends the script where they do not."""

    plain = one_by_one(graphs)
    for rules in ("published", "corrected"):
        laws = check(graphs, rules)
        ours = [dict(zip(laws, row, strict=True)) for row in zip(*laws.values(), strict=True)]
        for way in (by_networkx, by_lists):
            unlike = [n for n, one in enumerate(plain) if way(one, rules) != ours[n]]
            if unlike:
                raise SystemExit(f"laws: {way.__name__} judges graphs {unlike[:5]} otherwise")
    return len(plain)


def main() -> None:
    """Compare at each density, then see that the ways agree."""
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--graphs", type=int, default=2048)
    parser.add_argument("--compared", type=int, default=10_000)
    options = options_of(parser, rounds=1, graphs=8, compared=30)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    for name, edges in EDGES.items():
        count = options.graphs if name != "half dense" else options.graphs // 16 or 1
        graphs = trees(count, rng) if name == "tree" else random_edges(count, edges, rng)
        shares = {"lists": max(count // 8, 1), "networkx": max(count // 64, 1)}
        compare(name, graphs, options.rounds, shares)
    print(f"{agree(unlike_sizes(options.compared, rng)):,} graphs of unlike size judged alike")


if __name__ == "__main__":
    main()
