"""Graphs of unlike size as groups of like size, so that cost grows with the nodes really there.

A group is padded to its largest graph. Graphs are in order of size and cut into groups where that
is cheapest: a cut saves padding and costs the time of calling every operation once more.
Shape letters: B graphs, N nodes of the group's largest graph or the pad, X draws of a cell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from trainables.graph.graphs import INDICES, Graphs

# What a group more costs a block: a millisecond of calls and gaps, in operations of a forward pass
# at the rate at which the small matrix products here run on one core, and on a GPU.
GROUP_FLOPS = {"cpu": 1e7, "cuda": 1e10}


@dataclass(frozen=True, eq=False)
class Group:
    """Some graphs of a batch as cells on the device.

    Attributes:
        rows: Which graphs of the batch these are.
        motifs: Of each node, 0 for padding.
        states: Of each cell, see `state_of`.
        cells: Where in the draws of the batch each cell has its own; without a pad padding has any.
        padded: Whether there is any padding.
    """

    rows: Int64[np.ndarray, " B"]
    motifs: Int64[Tensor, "B N"]
    states: Int64[Tensor, "B N N"]
    cells: Int64[Tensor, "B N N"]
    padded: bool

    @property
    def real(self) -> Bool[Tensor, "B N N"]:
        """Which cells are no padding."""
        nodes = self.motifs > 0
        return nodes[:, :, None] & nodes[:, None]

    @property
    def edges(self) -> Bool[Tensor, "B N N"]:
        """Which cells have an edge."""
        return self.states > 0


@dataclass(frozen=True, eq=False)
class Batch:
    """Graphs in groups, but for those without nodes, of which nothing is computed.

    Attributes:
        groups: Each is one pass through the network.
        graphs: How many there are, those without nodes too.
        cells: How many cells the graphs have.
        padding: How many there are besides where there is a pad, else 0.
        edges: How many cells have an edge.
    """

    groups: list[Group]
    graphs: int
    cells: int
    padding: int
    edges: int

    def drawn(
        self, draws: Callable[..., Float[Tensor, "some X"]], device: torch.device, *key: int | str
    ) -> Float[Tensor, "all X"]:
        """What is drawn for all cells, those of padding last; these change nothing for others."""
        values = draws(self.cells, *key)
        if self.padding:
            values = torch.cat((values, draws(self.padding, *key, "padding")))
        return values.to(device)


def batch_of(
    graphs: Graphs, device: torch.device, width: int, pad: int = 0, most_cells: int = 0
) -> Batch:
    """The graphs that have a node, in groups.

    Args:
        graphs: One batch.
        device: Where they are computed.
        width: Of the network, which says what padding costs.
        pad: Nodes to which all are padded in one group, 0 for groups of like size.
        most_cells: Cells of a group at most, padding counted, if it has more graphs than one;
            0 for no bound.
    """
    order = np.argsort(graphs.sizes, kind="stable")
    order = order[graphs.sizes[order] > 0]
    sides = np.maximum(graphs.sizes[order], pad)
    cuts = cheapest_cuts(sides.tolist(), width, GROUP_FLOPS[device.type], most_cells)
    parts = [np.sort(rows) for rows in np.split(order, cuts) if len(rows)]
    squares = (graphs.sizes[order] ** 2).sum()
    padding = int((sides**2).sum() - squares) if pad else 0
    places = _places(graphs, pad)
    groups = [_group(graphs, rows, device, pad, places) for rows in parts]
    return Batch(groups, len(graphs), int(squares), padding, len(graphs.source))


def cheapest_cuts(
    sides: Sequence[int], width: int, group_flops: float, most_cells: int = 0
) -> list[int]:
    """Where to cut graphs in order of size: before each place that is given.

    What padding costs is counted for one block and along both axes. Graphs of one size are not cut
    apart unless cells are bounded, as that could save nothing.
    """
    best, cut_before = [0.0], [0]
    for end in range(1, len(sides) + 1):
        side = sides[end - 1]
        each = side * side * (32.0 * width * width + 8.0 * side * width)
        room = max(1, most_cells // side**2) if most_cells else end
        starts = [
            start
            for start in range(max(0, end - room), end)
            if most_cells or start == 0 or sides[start] > sides[start - 1]
        ]
        costs = [best[start] + each * (end - start) + group_flops for start in starts]
        least = min(range(len(starts)), key=costs.__getitem__)
        best.append(costs[least])
        cut_before.append(starts[least])
    cuts, end = [], len(sides)
    while end and (end := cut_before[end]):
        cuts.append(end)
    return cuts[::-1]


def _places(graphs: Graphs, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the draws of each graph's cells begin, and with a pad those of its padding."""
    cells = graphs.sizes**2
    padding = np.where(graphs.sizes > 0, pad * pad - cells, 0)
    return np.cumsum(cells) - cells, cells.sum() + np.cumsum(padding) - padding


def _group(
    graphs: Graphs,
    rows: np.ndarray,
    device: torch.device,
    pad: int,
    places: tuple[np.ndarray, np.ndarray],
) -> Group:
    sizes = graphs.sizes[rows]
    squares = graphs.take(rows.tolist()).squares(pad)
    side = np.arange(squares.motifs.shape[1])
    cells = places[0][rows, None, None] + side[:, None] * sizes[:, None, None] + side
    outside = ~(squares.mask[:, :, None] & squares.mask[:, None])
    number = outside.reshape(len(rows), -1).cumsum(1).reshape(outside.shape) - 1
    padding = places[1][rows, None, None] + number if pad else 0
    cells = np.where(outside, padding, cells)
    states = np.where(squares.presence, state_of(squares.kind, squares.index), 0)
    tensors = (torch.from_numpy(part).to(device) for part in (squares.motifs, states, cells))
    return Group(rows, *tensors, padded=bool((sizes < len(side)).any()))


def state_of(
    kind: Int64[np.ndarray, "*shape"], index: Int64[np.ndarray, "*shape"]
) -> Int64[np.ndarray, "*shape"]:
    """The state of a cell with an edge: 1 to 4 for execution, 5 to 8 for data, by the index.

    0 is a cell without. An index beyond the last is the last, which is told where data are read.
    """
    return 1 + INDICES * kind + np.minimum(index, INDICES - 1)
