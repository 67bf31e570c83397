"""The solver of the post: execution by the strongest cells of a row, data by those of a column.

It enforces arity alone: data cycles, orphans, missing inputs and missing ends stay. As run, a
Boundary may start nothing, so that no graph whose execution goes beyond one node has a spine.
Departures: padding and a node's own cell take no place among the strongest (as run they could, and
were wiped out afterwards), and a kind at exactly even odds is no edge (as run, one without a cap).
After timlawrenz/jubilant-palm-tree, inference.py@9a6d19c.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from trainables.graph.graphs import Motif, Squares
from trainables.graph.solver.arity import MOST_OUTPUTS, strongest, strongest_two
from trainables.graph.solver.decode import RIGHT_CUT, Channels, Odds, squares

FAINTEST = float(np.log(0.1 / 0.9))  # log odds at probability .1: an execution edge needs more
ONE_INPUT = (Motif.CONDITION, Motif.LOOP, Motif.STATE)


def judicial(
    channels: Channels,
    motifs: Int[np.ndarray, "graphs side"],
    boundary_outputs: Literal[0, 1] = 1,
    cut: float = RIGHT_CUT,
) -> Squares:
    """Graphs of which each node has at most the execution outputs and data inputs it may have.

    Args:
        channels: Raw values.
        motifs: Of the nodes that the channels are about.
        boundary_outputs: How many a Boundary may have; 0 as run.
        cut: Of presence and kind, .5, or 0 as run.

    Returns:
        Squares in which a node has at most `MOST_OUTPUTS` execution edges, a node with two has them
        at index 0 (the stronger) and 1, Conditions, Loops and States have at most one data input,
        and those of a Message differ in their index. Of equals the lower node number wins.

    Raises:
        ValueError: As `Odds.of` does.
    """
    odds = Odds.of(channels, motifs, cut)
    most = np.where(motifs == Motif.BOUNDARY, boundary_outputs, MOST_OUTPUTS[motifs])
    candidates = (odds.data < 0) & (odds.edge > FAINTEST)
    first, second = strongest_two(candidates, odds.edge, most)
    index = odds.first_index()
    data = _data(odds, index)
    index = np.where((most == 2)[:, :, None] & (first | second), second, index)
    return squares(motifs, first | second | data, data, index)


def _data(
    odds: Odds, index: Int[np.ndarray, "graphs side side"]
) -> Bool[np.ndarray, "graphs side side"]:
    """Data edges: the best into a node of one input, and for each index of a Message."""
    data = (odds.data > 0) & (odds.edge > 0)
    single = np.isin(odds.motifs, ONE_INPUT)[:, None, :] & data
    best = strongest(single.mT, odds.edge.mT).mT
    message = (odds.motifs == Motif.MESSAGE)[:, None, :] & data
    claim = np.take_along_axis(odds.index, index[..., None], -1)[..., 0]
    claims = np.zeros_like(data)
    for one in range(odds.index.shape[-1]):
        rivals = message & (index == one)
        claims |= strongest(rivals.mT, claim.mT).mT
    return np.where(single, best, np.where(message, claims, data))
