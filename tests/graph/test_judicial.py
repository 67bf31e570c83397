"""The post's solver against a plain one, cell by cell, and what it establishes."""

from math import exp

import numpy as np
import pytest
from drawn_channels import SIDE, as_edges, drawn, one, shuffled

from trainables.graph.graphs import Motif
from trainables.graph.solver.decode import Channels
from trainables.graph.solver.judicial import judicial


def plain(channels, motifs, boundary_outputs, cut):
    """Presence, kind and index, by probabilities; the solver as documented, for one graph."""
    steep = 10 if cut else 1
    nodes = [n for n, motif in enumerate(motifs) if motif]

    def probability(value):
        return 1 / (1 + exp(-steep * (value - cut)))

    def there(i, j):
        return probability(channels.presence[i, j])

    def carries_data(i, j):
        return probability(channels.kind[i, j])

    edges = {}
    most = {1: boundary_outputs, 2: 1, 3: 2, 4: 2, 5: 1, 6: 1}
    best_index = channels.index.argmax(-1)
    for i in nodes:
        row = [j for j in nodes if j != i and carries_data(i, j) < 0.5 and there(i, j) > 0.1]
        row.sort(key=lambda j: -there(i, j))
        for place, j in enumerate(row[: most[motifs[i]]]):
            edges[i, j] = (0, place if most[motifs[i]] == 2 else best_index[i, j])
    for j in nodes:
        inputs = [i for i in nodes if i != j and carries_data(i, j) > 0.5 and there(i, j) > 0.5]
        if motifs[j] in (3, 4, 5):
            inputs = sorted(inputs, key=lambda i: -there(i, j))[:1]
        if motifs[j] == 6:
            claims = {}
            for i in inputs:
                one = best_index[i, j]
                if (
                    one not in claims
                    or channels.index[i, j, one] > channels.index[claims[one], j, one]
                ):
                    claims[one] = i
            inputs = claims.values()
        edges |= {(i, j): (1, best_index[i, j]) for i in inputs}
    return edges


@pytest.mark.parametrize("boundary_outputs", [0, 1])
@pytest.mark.parametrize("cut", [0.5, 0.0])
def test_it_agrees_with_a_plain_solver_on_graphs_of_unlike_size(boundary_outputs, cut):
    channels, motifs = drawn()
    found = judicial(channels, motifs, boundary_outputs, cut)
    assert found.presence.any((1, 2)).mean() > 0.5
    for number in range(len(motifs)):
        expected = plain(one(channels, number), motifs[number], boundary_outputs, cut)
        assert as_edges(found, number) == expected, number


def test_arity_holds_for_every_motif_and_kind():
    channels, motifs = drawn(seed=1)
    found = judicial(channels, motifs)
    execution, data = found.presence & (found.kind == 0), found.presence & (found.kind == 1)
    most = np.array([0, 1, 1, 2, 2, 1, 1])[motifs]
    assert (execution.sum(2) <= most).all() and (execution.sum(2) == 2).any()
    one_input = np.isin(motifs, (Motif.CONDITION, Motif.LOOP, Motif.STATE))
    assert (data.sum(1)[one_input] <= 1).all() and (data.sum(1)[motifs == Motif.BOUNDARY] > 1).any()
    for index in range(4):
        claims = (data & (found.index == index)).sum(1)
        assert (claims[motifs == Motif.MESSAGE] <= 1).all()
    both = execution.sum(2) == 2
    assert ((found.index * execution).sum(2)[both] == 1).all()


def test_a_boundary_starts_nothing_as_run_and_one_thing_otherwise():
    channels, motifs = drawn(seed=2)
    starts = [
        judicial(channels, motifs, outputs).presence
        & (judicial(channels, motifs, outputs).kind == 0)
        for outputs in (0, 1)
    ]
    of_boundaries = [one.sum(2)[motifs == Motif.BOUNDARY] for one in starts]
    assert of_boundaries[0].max() == 0 and of_boundaries[1].max() == 1
    others = motifs != Motif.BOUNDARY
    assert (starts[0][others] == starts[1][others]).all()


def test_equal_logits_leave_the_lowest_node_numbers_whatever_the_order_of_nodes():
    for cut, value in ((0.5, 1.0), (0.0, 1.0)):
        side = 5
        flat = np.full((2, side, side), value)
        channels = Channels(flat, np.stack((flat[0] - 2, flat[1])), np.zeros((2, side, side, 4)))
        motifs = np.array([[3, 5, 6, 2, 4], [6, 3, 5, 1, 0]])
        found = judicial(channels, motifs, cut=cut)
        assert as_edges(found, 0) == {
            (0, 1): (0, 0), (0, 2): (0, 1), (1, 0): (0, 0), (2, 0): (0, 0), (3, 0): (0, 0),
            (4, 0): (0, 0), (4, 1): (0, 1),
        }  # fmt: skip
        assert as_edges(found, 1) == {
            (1, 0): (1, 0), (0, 1): (1, 0), (0, 2): (1, 0),
            (0, 3): (1, 0), (1, 3): (1, 0), (2, 3): (1, 0),
        }  # fmt: skip


def test_unlike_logits_give_the_same_graph_whatever_the_order_of_nodes():
    channels, motifs = drawn(seed=3)
    uneven = slice(1, None, 2)  # the others are full of equal values
    channels = Channels(channels.presence[uneven], channels.kind[uneven], channels.index[uneven])
    motifs = motifs[uneven]
    moved, moved_motifs, cells = shuffled(channels, motifs)
    found, again = judicial(channels, motifs), judicial(moved, moved_motifs)
    assert (found.motifs != again.motifs).any()
    for part in ("presence", "kind", "index"):
        assert (getattr(found, part)[cells] == getattr(again, part)).all()


def test_even_odds_everywhere_give_no_edge_and_data_everywhere_fills_each_column_lawfully():
    motifs = np.arange(1, SIDE)[None].repeat(2, 0)
    zeros = np.zeros((2, 6, 6))
    even = Channels(zeros, zeros, np.zeros((2, 6, 6, 4)))
    assert not judicial(even, motifs, cut=0.0).presence.any()
    assert not judicial(even, motifs).presence.any()
    ones = Channels(zeros + 1, zeros + 1, np.zeros((2, 6, 6, 4)))
    assert judicial(ones, motifs).presence.sum(1)[0].tolist() == [5, 5, 1, 1, 1, 1]


@pytest.mark.parametrize(("graphs", "side"), [(0, 4), (2, 0), (0, 0), (2, 1), (3, 2)])
def test_batches_without_graphs_and_graphs_of_few_nodes_are_solved(graphs, side):
    flat = np.ones((graphs, side, side))
    found = judicial(
        Channels(flat, 0 * flat, np.zeros((*flat.shape, 4))), np.full((graphs, side), 5)
    )
    assert found.presence.sum() == graphs * side * (side > 1)


def test_what_is_not_finite_is_refused():
    channels, motifs = drawn(graphs=3, fewest=SIDE)
    channels.kind[2, 0, 1] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        judicial(channels, motifs)
