"""What the reinforcement stage rewards, and what earns it without learning."""

from itertools import product

import numpy as np
import pytest

from trainables.graph.graphs import Edge, Graphs, Kind, Motif, Program
from trainables.graph.judge.laws import LAWS, check
from trainables.graph.judge.reward import REWARDS, exploits, reward, reward_of

RUN, USE = Kind.EXECUTION, Kind.DATA
CONDITION, BOUNDARY, STATE, MESSAGE = Motif.CONDITION, Motif.BOUNDARY, Motif.STATE, Motif.MESSAGE

LAWFUL = Program(
    (BOUNDARY, STATE, BOUNDARY, MESSAGE, MESSAGE),
    (Edge(0, 1, RUN), Edge(1, 2, RUN), Edge(3, 1, USE), Edge(4, 3, USE)),
)
CYCLIC = Program(LAWFUL.motifs, (*LAWFUL.edges, Edge(3, 4, USE)))
NO_NODES = Program(())


def test_the_most_that_a_graph_can_earn_is_three_and_a_half_by_keeping_all_five_laws():
    kept = np.array(list(product((False, True), repeat=len(REWARDS))))
    earned = reward_of(dict(zip(REWARDS, kept.T, strict=True)))
    assert earned.max() == pytest.approx(3.5)  # NUM-29
    assert (earned == earned.max()).sum() == 1 and kept[earned.argmax()].all()
    assert earned.min() == pytest.approx(-0.9) and not kept[earned.argmin()].any()
    assert np.sort(earned)[-2] == pytest.approx(1.4 - 0.3)  # without the jackpot
    assert reward(Graphs.of([LAWFUL]))[0] == earned.max()


def test_each_law_is_worth_what_the_record_says():
    none = dict.fromkeys(REWARDS, np.array([False]))
    for law, gain in zip(REWARDS, (0.6, 0.3, 0.3, 0.3, 0.8), strict=True):
        assert reward_of(none | {law: np.array([True])})[0] - reward_of(none)[0] == pytest.approx(
            gain
        )
    assert list(REWARDS) == list(LAWS[:-1])
    with_spine = dict.fromkeys(LAWS, np.array([True]))
    assert reward_of(with_spine | {"spine": np.array([False])}) == reward_of(with_spine)


def test_a_graph_without_nodes_earns_least():
    assert reward(Graphs.of([LAWFUL, NO_NODES, CYCLIC])).tolist() == pytest.approx([3.5, -1, 1.1])
    assert reward(Graphs.of([])).shape == (0,)
    assert reward(Graphs.of([NO_NODES]), "as_run").tolist() == [-1]


def test_as_run_a_data_cycle_is_what_earns_the_jackpot():
    both = Graphs.of([LAWFUL, CYCLIC])
    assert check(both)["acyclic"].tolist() == [True, False]
    assert reward(both).tolist() == pytest.approx([3.5, 1.1])
    assert reward(both, "as_run").tolist() == pytest.approx([1.1, 3.5])


def test_the_published_rules_and_another_jackpot_are_taken():
    two_inputs = Program(
        (BOUNDARY, CONDITION, MESSAGE, MESSAGE),
        (Edge(0, 1, RUN), Edge(2, 1, USE), Edge(3, 1, USE, 1)),
    )
    graphs = Graphs.of([two_inputs])
    assert reward(graphs)[0] == pytest.approx(3.5)
    assert reward(graphs, rules="published")[0] == pytest.approx(1.4 - 0.3)
    assert reward(graphs, jackpot=1.0)[0] == pytest.approx(1.4)


def test_nodes_without_edges_earn_more_than_nothing_and_constructed_graphs_earn_all():
    motifs = [(BOUNDARY, STATE, MESSAGE), (BOUNDARY, MESSAGE, CONDITION, STATE), (STATE,) * 5]
    earned = exploits(Graphs.of([Program(one) for one in motifs]))
    assert earned["constructive"].tolist() == pytest.approx([3.5] * 3)
    assert earned["empty"].tolist() == pytest.approx([1.1, 0.8, 1.1])
    assert earned["own"].tolist() == earned["empty"].tolist()
    assert earned["chain"].tolist() == pytest.approx([1.1, 1.1, 1.1])
    assert (earned["single_edge"] > 0).all()
    lawful = check(Graphs.of([Program(one) for one in motifs]))["orphan"]
    assert not lawful.any()  # a reward above 0 says nothing about the share of lawful graphs


def test_one_node_alone_or_none_has_no_single_edge():
    earned = exploits(Graphs.of([Program((BOUNDARY,)), NO_NODES]))
    assert all(row[1] == -1 for row in earned.values())
    assert earned["single_edge"][0] == earned["empty"][0] == pytest.approx(3.5)
