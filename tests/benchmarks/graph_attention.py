"""How long the graph transformer takes where graphs are grouped by size, and where they are padded.

Forward and backward pass of the loss of one batch of 16 graphs of 3 to 55 nodes, once in groups as
training computes them, once all padded to the largest, and once each padded to 128 nodes as
documented, which is timed on one graph and taken 16 times. All three give the same loss. On one
core, by turns; the bounds are .55 and .1.

    python tests/benchmarks/graph_attention.py
"""

import numpy as np
import torch
from by_turns import ratio, times_by_turns
from command_line import options_of, parser_of

from trainables.graph.config import GraphConfig, ModelConfig
from trainables.graph.graphs import MOST_NODES, Graphs
from trainables.graph.network.buckets import Batch, batch_of
from trainables.graph.network.dit import new_network
from trainables.graph.network.flow import ContinuousFlow
from trainables.graph.program.programs import programs

CPU = torch.device("cpu")
GRAPHS, SMALLEST, LARGEST = 16, 3, 55


def graphs_of(count: int) -> Graphs:
    """So many programs, whose sizes are spread evenly from the smallest to the largest."""
    sizes = np.linspace(SMALLEST, LARGEST, count).round().astype(int).tolist()
    parts = [
        programs(1, number, "benchmark", size, fewest_nodes=size)[0]
        for number, size in enumerate(sizes)
    ]
    return Graphs.of(parts)


class Timed:
    """The passes of one batch through one network."""

    def __init__(self, cfg: GraphConfig, batch: Batch):
        self.flow, self.batch = ContinuousFlow(cfg), batch
        self.network = new_network(cfg.model, cfg.axial, self.flow.channels, 0)
        self.drawn = batch.drawn(self.flow.draws, CPU, 0)
        self.time = torch.full((batch.graphs,), 0.4)
        self.loss = 0.0

    def __call__(self) -> None:
        """Forward and backward."""
        self.network.zero_grad()
        self.loss = 0.0
        counts = self.flow.counts(self.batch.cells, self.batch.edges)
        for group in self.batch.groups:
            sums = self.flow.sums(
                self.network, group, self.time[group.rows], self.drawn[group.cells]
            )
            loss = torch.stack([sums[name] / counts[name] for name in list(sums)[:2]]).sum()
            loss.backward()
            self.loss += loss.item()


def compare(hidden: int, depth: int, count: int, rounds: int) -> None:
    """Print the times and ratios."""
    cfg = GraphConfig(model=ModelConfig(hidden=hidden, depth=depth, heads=4))
    graphs = graphs_of(count)
    ours = batch_of(graphs, CPU, hidden)
    ways = {
        "groups": Timed(cfg, ours),
        "padded": Timed(cfg, batch_of(graphs, CPU, hidden, LARGEST)),
        "to 128": Timed(cfg, batch_of(graphs.take([count - 1]), CPU, hidden, MOST_NODES)),
    }
    for way in ways.values():
        way()
    if abs(ways["groups"].loss / ways["padded"].loss - 1) > 1e-4:
        raise SystemExit(f"losses must agree, got {ways['groups'].loss}, {ways['padded'].loss}")
    times = times_by_turns(ways, rounds)
    sides = ", ".join(f"{len(g.rows)} of {g.motifs.shape[1]}" for g in ours.groups)
    whole = ratio(times, "groups", "to 128") / count
    print(f"hidden {hidden}, depth {depth}, {count} graphs in groups: {sides}")
    print(f"groups {1000 * np.median(times['groups']):.0f} ms a batch, in rounds {rounds}")
    print(f"groups / padded to {LARGEST}   {ratio(times, 'groups', 'padded'):.3f}")
    print(f"groups / padded to {MOST_NODES}  {whole:.3f}, from one graph x {count}")


def main() -> None:
    """Compare at the bound's size."""
    parser = parser_of(__doc__)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--graphs", type=int, default=GRAPHS)
    parser.add_argument("--rounds", type=int, default=7)
    options = options_of(parser, hidden=8, depth=1, graphs=3, rounds=1)
    torch.set_num_threads(1)
    compare(options.hidden, options.depth, options.graphs, options.rounds)


if __name__ == "__main__":
    main()
