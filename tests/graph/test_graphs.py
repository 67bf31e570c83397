"""Motif graphs as lists and as squares: what goes in comes out, and what is none is refused."""

import numpy as np
import pytest
from hands import program

from trainables.graph.graphs import Edge, Graphs, Kind, Motif, Program, Squares
from trainables.graph.program.programs import apart, programs


def some(count: int = 40) -> Graphs:
    return Graphs.of(programs(count, 3, "graphs", 17, 0.8, fewest_nodes=1))


def listed(graphs: Graphs) -> list[tuple[tuple[int, ...], set[tuple[int, ...]]]]:
    """Each graph's motifs and edges in plain Python."""
    return [
        (tuple(p.motifs), {(e.source, e.target, e.kind, e.index) for e in p.edges})
        for p in apart(graphs)
    ]


def test_programs_are_the_graphs_that_they_were_made_of():
    made = programs(30, 1, "graphs", 12)
    assert [(p.motifs, set(p.edges)) for p in apart(Graphs.of(made))] == [
        (p.motifs, set(p.edges)) for p in made
    ]


def test_squares_and_lists_tell_the_same():
    graphs = some()
    for side in (0, 23):
        assert listed(graphs.squares(side).graphs()) == listed(graphs)


def test_a_row_is_the_source_of_an_edge():
    one = Graphs.of([program("BSM", "2>1:1", "0-1")])
    squares = one.squares(5)
    assert squares.presence[0, 2, 1] and squares.presence[0, 0, 1]
    assert squares.presence.sum() == 2
    assert (squares.kind[0, 2, 1], squares.index[0, 2, 1]) == (Kind.DATA, 1)
    assert squares.kind[0, 0, 1] == Kind.EXECUTION


def test_graphs_that_are_taken_stand_in_their_new_order():
    graphs = some()
    chosen = [7, 0, 7, 31]
    assert listed(graphs.take(chosen)) == [listed(graphs)[number] for number in chosen]
    assert len(graphs.take([])) == 0


def test_permuted_graphs_lead_from_the_same_motifs_to_the_same():
    graphs = some()
    keys = np.random.default_rng(5).random(len(graphs.motifs))
    order = np.lexsort((keys, graphs.graph_of_nodes))
    permuted = graphs.permuted(order)
    place = np.argsort(order)
    assert (permuted.motifs == graphs.motifs[order]).all()
    assert (permuted.source == place[graphs.source]).all()
    assert listed(permuted.permuted(place)) == listed(graphs)


def test_edges_that_are_left_out_leave_the_nodes():
    graphs = some()
    data = graphs.where(graphs.kind == Kind.DATA)
    assert (data.sizes == graphs.sizes).all()
    assert listed(data) == [
        (motifs, {edge for edge in edges if edge[2] == Kind.DATA})
        for motifs, edges in listed(graphs)
    ]


def test_cells_are_those_between_two_nodes_of_one_graph():
    squares = some().squares(20)
    sizes = squares.mask.sum(1)
    assert (squares.cells.sum((1, 2)) == sizes * (sizes - 1)).all()


@pytest.mark.parametrize(
    ("edges", "law"),
    [
        ((Edge(0, 2, Kind.DATA),), "from node to node"),
        ((Edge(-1, 0, Kind.DATA),), "from node to node"),
        ((Edge(1, 1, Kind.DATA),), "to itself"),
        ((Edge(0, 1, Kind.DATA), Edge(0, 1, Kind.EXECUTION)), "one edge from a node to another"),
        ((Edge(0, 1, Kind.DATA, -1),), "indices"),
    ],
)
def test_an_edge_that_no_cell_can_hold_is_refused(edges, law):
    with pytest.raises(ValueError, match=law):
        Program((Motif.BOUNDARY, Motif.STATE), edges)


def test_a_literal_outside_of_its_pool_is_refused():
    with pytest.raises(ValueError, match="pool of 1, got 1"):
        Program((Motif.STATE,), (), (1,), ("a",))
    with pytest.raises(ValueError, match="each of 1 nodes, got 2"):
        Program((Motif.STATE,), (), (0, 0), ("a",))


def test_a_motif_that_is_none_is_refused():
    with pytest.raises(ValueError, match="motifs must be 1 to 6"):
        Program((Motif.PADDING,))


def test_a_motif_or_a_size_below_0_is_refused():
    cells = np.zeros((1, 3, 3), np.int64)
    with pytest.raises(ValueError, match=r"motifs must be 0 \(padding\) to 6, got -1"):
        Squares(np.array([[1, 5, -1]]), cells > 0, cells, cells).graphs()
    none = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="sizes must be at least 0, got -1"):
        Graphs(np.array([1, 1]), np.array([-1, 3]), none, none, none, none)


def test_padding_before_a_node_is_refused():
    cells = np.zeros((1, 3, 3), np.int64)
    with pytest.raises(ValueError, match="padding must come after"):
        Squares(np.array([[1, 0, 5]]), cells > 0, cells, cells).graphs()


def test_more_nodes_than_the_side_are_refused():
    with pytest.raises(ValueError, match="at most 2 nodes, and one has 3"):
        Graphs.of([program("BSM")]).squares(2)
