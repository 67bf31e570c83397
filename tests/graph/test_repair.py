"""The repair solver against a plain one, stage by stage, and what each stage establishes."""

from collections import Counter
from math import exp

import numpy as np
import pytest
from drawn_channels import SIDE, as_edges, drawn, one, shuffled

from trainables.graph.graphs import Kind, Motif
from trainables.graph.judge.laws import check
from trainables.graph.solver.cycles import without_cycles
from trainables.graph.solver.decode import Channels, decode
from trainables.graph.solver.repair import COMPLETE, DOCUMENTED, ORDERS, STAGES, repair

MOST_OUTPUTS = np.array([0, 1, 1, 2, 2, 1, 1])


def plain(channels, motifs, stages, cut):
    """Kind and index by source and target; one round of the documented stages, for one graph."""
    steep = 10 if cut else 1
    nodes = [n for n, motif in enumerate(motifs) if motif]
    cells = [(i, j) for i in nodes for j in nodes if i != j]
    there = {cell: 1 / (1 + exp(-steep * (channels.presence[cell] - cut))) for cell in cells}
    data = {cell: 1 / (1 + exp(-steep * (channels.kind[cell] - cut))) for cell in cells}
    index = {cell: int(channels.index[cell].argmax()) for cell in cells}
    edges = {cell: [int(data[cell] > 0.5), index[cell]] for cell in cells if there[cell] > 0.5}
    for stage in stages:
        if stage == "arity":
            for i in nodes:
                row = [cell for cell in edges if cell[0] == i and edges[cell][0] == 0]
                for cell in sorted(row, key=lambda c: -there[c])[MOST_OUTPUTS[motifs[i]] :]:
                    del edges[cell]
        if stage == "rescue":
            writes = {i for (i, _), (kind, _) in edges.items() if kind == 0 and motifs[i] == 5}
            for j in nodes:
                column = [cell for cell in cells if cell[1] == j]
                needs = motifs[j] in (3, 4) or j in writes
                if needs and column and not any(edges.get(c, (0,))[0] for c in column):
                    best = max(column, key=lambda c: there[c] * data[c])
                    edges[best] = [1, index[best]]
        if stage == "clash":
            for kind, end in ((0, 0), (1, 1)):
                for n in nodes:
                    group = sorted(c for c in edges if edges[c][0] == kind and c[end] == n)
                    plain_clash(group, edges, there, channels.index)
        if stage == "cycles":
            flow = sorted((c for c in edges if edges[c][0] == 1), key=lambda c: (-there[c], c))
            kept = []
            for source, target in flow:
                if leads(kept, target, source):
                    del edges[source, target]
                else:
                    kept.append((source, target))
    return {cell: tuple(edge) for cell, edge in edges.items()}


def plain_clash(group, edges, there, logits):
    claims = {}
    for cell in group:
        claims.setdefault(edges[cell][1], []).append(cell)
    taken = set(claims)
    for rivals in claims.values():
        for loser in sorted(rivals, key=lambda c: -there[c])[1:]:
            free = [k for k in np.argsort(-logits[loser], kind="stable") if k not in taken]
            edges[loser][1] = int(free[0]) if free else max(taken) + 1
            taken.add(edges[loser][1])


def leads(edges, start, end):
    seen, todo = set(), [start]
    while todo:
        node = todo.pop()
        if node == end:
            return True
        if node not in seen:
            seen.add(node)
            todo += [target for source, target in edges if source == node]
    return False


def some_of(channels, graphs):
    return Channels(channels.presence[graphs], channels.kind[graphs], channels.index[graphs])


def flows(squares):
    return (squares.presence & (squares.kind == kind) for kind in Kind)


def clashes(squares):
    """How many edges share an index with a sibling."""
    execution, data = flows(squares)
    seen = Counter()
    for edges, group in ((execution, 1), (data, 2)):
        cells = np.nonzero(edges)
        keys = zip(cells[0], cells[group], squares.index[cells], strict=True)
        seen.update((group, *key) for key in keys)
    return sum(count - 1 for count in seen.values())


@pytest.mark.parametrize("cut", [0.5, 0.0])
@pytest.mark.parametrize(
    "stages", [*((stage,) for stage in STAGES), *DOCUMENTED.values()], ids="+".join
)
def test_it_agrees_with_a_plain_solver_on_graphs_of_unlike_size(stages, cut):
    channels, motifs = drawn()
    found = repair(channels, motifs, stages, cut=cut)
    for number in range(len(motifs)):
        expected = plain(one(channels, number), motifs[number], stages, cut)
        assert as_edges(found, number) == expected, number


def test_without_stages_it_only_decodes():
    channels, motifs = drawn()
    for cut in (0.5, 0.0):
        solved, decoded = repair(channels, motifs, (), cut=cut), decode(channels, motifs, cut)
        for part in ("motifs", "presence", "kind", "index"):
            assert (getattr(solved, part) == getattr(decoded, part)).all()


def test_arity_keeps_the_strongest_outputs_and_leaves_data_alone():
    channels, motifs = drawn(seed=1)
    before, after = (repair(channels, motifs, stages) for stages in ((), ("arity",)))
    most = MOST_OUTPUTS[motifs]
    assert (next(flows(before)).sum(2) > most).any()
    assert (next(flows(after)).sum(2) == np.minimum(next(flows(before)).sum(2), most)).all()
    assert (list(flows(before))[1] == list(flows(after))[1]).all()
    gone, kept = before.presence & ~after.presence, next(flows(after))
    strongest_gone = np.where(gone, channels.presence, -np.inf).max(2)
    weakest_kept = np.where(kept, channels.presence, np.inf).min(2)
    assert (strongest_gone <= weakest_kept).all()


def test_rescue_leaves_no_condition_loop_or_writing_state_without_an_input():
    channels, motifs = drawn(seed=2, fewest=2)
    for stages in (("rescue",), ("arity", "rescue")):
        execution, data = flows(repair(channels, motifs, stages))
        needs = np.isin(motifs, (Motif.CONDITION, Motif.LOOP))
        needs |= (motifs == Motif.STATE) & execution.any(2)
        assert data.any(1)[needs].all()
    naive = list(flows(repair(channels, motifs, ())))[1]
    assert not naive.any(1)[needs].all()


def test_after_clash_no_siblings_share_an_index_and_those_beyond_four_count_on():
    channels, motifs = drawn(seed=3)
    before, after = (repair(channels, motifs, stages) for stages in ((), ("clash",)))
    assert clashes(before) > 100 and clashes(after) == 0
    assert (before.presence == after.presence).all() and (before.kind == after.kind).all()
    assert after.index.max() > 3
    inputs = np.broadcast_to(list(flows(after))[1].sum(1)[:, None, :], after.index.shape)
    outputs = np.broadcast_to(next(flows(after)).sum(2)[:, :, None], after.index.shape)
    siblings = np.where(after.kind == Kind.DATA, inputs, outputs)
    beyond = after.presence & (after.index > 3)
    assert (siblings[beyond] > 4).all() and (after.index < np.maximum(siblings, 4))[beyond].all()


def test_after_cycles_data_makes_none_and_every_edge_that_went_would_close_one_as_its_weakest():
    channels, motifs = drawn(seed=4)
    before, after = (repair(channels, motifs, stages) for stages in ((), ("cycles",)))
    gone = before.presence & ~after.presence
    data = list(flows(after))[1]
    power = np.linalg.matrix_power(data.astype(float), SIDE)
    assert not power.any() and gone.any()
    assert (next(flows(before)) == next(flows(after))).all()
    for graph, source, target in zip(*np.nonzero(gone), strict=True):
        strength = channels.presence[graph]
        stronger = data[graph] & (strength >= strength[source, target])
        assert leads(list(zip(*np.nonzero(stronger), strict=True)), target, source)


@pytest.mark.parametrize("side", [5, 64, 65, 130])
def test_a_ring_opens_at_its_weakest_edge_and_a_graph_without_cycles_stays(side):
    nodes = np.arange(side)
    strength = np.random.default_rng(side).normal(size=(2, side, side))
    edges = np.zeros((2, side, side), bool)
    edges[0, nodes, (nodes + 1) % side] = True
    edges[1] = nodes[:, None] < nodes
    stay = without_cycles(edges, strength)
    assert (stay[1] == edges[1]).all()
    weakest = strength[0, nodes, (nodes + 1) % side].argmin()
    assert np.argwhere(edges[0] & ~stay[0]).tolist() == [[weakest, (weakest + 1) % side]]


def test_a_full_graph_of_equal_edges_keeps_those_from_lower_to_higher_nodes():
    edges = ~np.eye(70, dtype=bool)[None]
    stay = without_cycles(edges, np.zeros(edges.shape))
    assert (stay[0] == np.triu(edges[0])).all()


def ring_of_two_loops():
    """Two Loops that feed each other, and a Message that either could do with, at lesser odds."""
    presence = np.array([[[0, 0.9, 0], [0.8, 0, 0], [0.2, 0.1, 0]]])
    return Channels(presence, np.ones((1, 3, 3)), np.zeros((1, 3, 3, 4))), np.array([[4, 4, 6]])


def test_a_cycle_opened_last_takes_an_input_away_that_more_rounds_give_back_elsewhere():
    channels, motifs = ring_of_two_loops()
    once, often = (repair(channels, motifs, rounds=rounds) for rounds in (1, 8))
    assert as_edges(once, 0) == {(0, 1): (1, 0)}  # confound: the first Loop has lost its input
    assert as_edges(often, 0) == {(0, 1): (1, 0), (2, 0): (1, 0)}


def test_cycles_first_gives_the_input_back_at_once_but_may_leave_a_cycle_of_rescued_ones():
    channels, motifs = ring_of_two_loops()
    first = repair(channels, motifs, order="cycles_first")
    assert as_edges(first, 0) == {(0, 1): (1, 0), (2, 0): (1, 0)}
    faint = Channels(channels.presence / 2, channels.kind, channels.index)  # nothing above the cut
    assert as_edges(repair(faint, motifs, order="cycles_first"), 0) == {
        (0, 1): (1, 0), (1, 0): (1, 0),
    }  # fmt: skip
    assert as_edges(repair(faint, motifs, order="cycles_first", rounds=8), 0) == {
        (0, 1): (1, 0), (2, 0): (1, 0),
    }  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stages", [STAGES, COMPLETE], ids=len)
def test_rounds_end_where_nothing_changes_and_other_graphs_of_the_batch_have_no_say(order, stages):
    channels, motifs = drawn(graphs=60, seed=5)
    found = repair(channels, motifs, stages, order, rounds=40)
    again = repair(channels, motifs, stages, order, rounds=41)
    some = np.array([7, 3, 50, 11])
    alone = repair(some_of(channels, some), motifs[some], stages, order, rounds=40)
    for part in ("presence", "kind", "index"):
        assert (getattr(found, part) == getattr(again, part)).all()
        assert (getattr(found, part)[some] == getattr(alone, part)).all()


def test_rounds_of_the_documented_stages_hold_but_may_run_out_of_inputs():
    channels, motifs = drawn(seed=6, fewest=3)
    unmet = []
    for rounds in (1, 40):
        execution, data = flows(found := repair(channels, motifs, rounds=rounds))
        assert (execution.sum(2) <= MOST_OUTPUTS[motifs]).all() and clashes(found) == 0
        assert not np.linalg.matrix_power(data.astype(float), SIDE).any()
        needs = np.isin(motifs, (Motif.CONDITION, Motif.LOOP))
        needs |= (motifs == Motif.STATE) & execution.any(2)
        unmet.append((needs & ~data.any(1)).sum())
    assert 0 < unmet[1] < unmet[0] / 2


@pytest.mark.parametrize("cut", [0.5, 0.0])
@pytest.mark.parametrize("order", ORDERS)
def test_the_complete_solver_keeps_all_six_laws_exactly_where_there_is_a_boundary(order, cut):
    channels, motifs = drawn(seed=8)
    found = repair(channels, motifs, COMPLETE, order, rounds=40, cut=cut)
    laws = check(found.graphs())
    boundary = (motifs == Motif.BOUNDARY).any(1)
    assert 0.2 < boundary.mean() < 0.9
    assert (np.logical_and.reduce(list(laws.values())) == boundary).all()
    without = check(repair(channels, motifs, rounds=40, cut=cut).graphs())
    assert not without["spine"][boundary].all() and not without["orphan"][boundary].all()


@pytest.mark.parametrize("stages", [STAGES, COMPLETE], ids=len)
def test_unlike_logits_give_the_same_graph_whatever_the_order_of_nodes(stages):
    channels, motifs = drawn(seed=7)
    uneven = np.arange(1, len(motifs), 2)  # the others are full of equal values
    motifs, channels = motifs[uneven], some_of(channels, uneven)
    moved, moved_motifs, cells = shuffled(channels, motifs)
    found, again = (
        repair(given, of, stages, rounds=30)
        for given, of in ((channels, motifs), (moved, moved_motifs))
    )
    assert (found.presence[cells] == again.presence).all()
    assert (found.kind[cells] == again.kind).all()


def test_equal_logits_leave_the_lowest_node_numbers():
    side = 4
    ones, logits = np.ones((1, side, side)), np.zeros((1, side, side, 4))
    motifs = np.array([[3, 5, 6, 2]])
    execution = repair(Channels(ones, 0 * ones, logits), motifs, ("arity", "clash"))
    assert as_edges(execution, 0) == {
        (0, 1): (0, 0), (0, 2): (0, 1), (1, 0): (0, 0), (2, 0): (0, 0), (3, 0): (0, 0),
    }  # fmt: skip
    data = repair(Channels(ones, ones, logits), motifs)
    assert as_edges(data, 0) == {
        (0, 1): (1, 0), (0, 2): (1, 0), (0, 3): (1, 0),
        (1, 2): (1, 1), (1, 3): (1, 1), (2, 3): (1, 2),
    }  # fmt: skip
    rescued = repair(Channels(0 * ones, 0 * ones, logits), motifs)
    assert as_edges(rescued, 0) == {(1, 0): (1, 0)}


@pytest.mark.parametrize("stages", [STAGES, COMPLETE], ids=len)
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize(("graphs", "side"), [(0, 4), (2, 0), (0, 0), (2, 1), (3, 2)])
def test_batches_without_graphs_and_graphs_of_few_nodes_are_solved(graphs, side, value, stages):
    flat = np.full((graphs, side, side), value)
    channels = Channels(flat, flat, np.zeros((*flat.shape, 4)))
    motifs = np.full((graphs, side), 4)
    found = repair(channels, motifs, stages, rounds=9)
    assert found.presence.shape == flat.shape
    assert found.presence.sum() == graphs * (side == 2)  # of two Loops one can have an input


def test_what_is_no_number_stage_order_or_round_is_refused():
    channels, motifs = drawn(graphs=3, fewest=SIDE)
    with pytest.raises(ValueError, match="stages must be among"):
        repair(channels, motifs, ("arity", "acyclic"))
    with pytest.raises(ValueError, match="at least one round"):
        repair(channels, motifs, rounds=0)
    channels.index[2, 0, 1, 3] = np.nan
    with pytest.raises(ValueError, match="must be finite.*number 2"):
        repair(channels, motifs)
