from inspect import unwrap

import numpy as np
import pytest
from laws_reference import by_lists, by_networkx, one_by_one
from random_graphs import any_order, batch_of, random_graphs

from trainables.graph.graphs import Graphs, Kind, Motif
from trainables.graph.judge.laws import LAWS, check, rates, svr

B, Q, C, L, S, M = (
    Motif[n] for n in ("BOUNDARY", "SEQUENCE", "CONDITION", "LOOP", "STATE", "MESSAGE")
)
X, D = int(Kind.EXECUTION), int(Kind.DATA)
RULES = ("published", "corrected")
NO_NODES = batch_of([(np.zeros(0, int), {})])

# A loop that counts: entry, a write, its constant, the loop, its test, a write in it, the exit.
MOTIFS = np.array([B, S, M, L, M, S, B])
CELLS = {
    (0, 1): (X, 0), (1, 3): (X, 0), (3, 5): (X, 0), (3, 6): (X, 1), (5, 3): (X, 0),
    (2, 1): (D, 0), (4, 3): (D, 0), (2, 4): (D, 0), (1, 4): (D, 1), (4, 5): (D, 0),
}  # fmt: skip
BOTH, AS_PUBLISHED = set(RULES), {"published"}


def kept(graphs: Graphs, rules: str = "corrected", acyclic: str = "right") -> list[set[str]]:
    """The laws that each graph keeps."""
    laws = check(graphs, rules, acyclic)  # type: ignore[arg-type]
    return [{name for name in LAWS if laws[name][n]} for n in range(len(graphs))]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("acyclic", ["right", "inverted"])
def test_a_thousand_graphs_keep_the_laws_that_networkx_finds_kept(rules: str, acyclic: str):
    graphs = random_graphs(1000, seed=3)
    plain = [by_networkx(one, rules, acyclic) for one in one_by_one(graphs)]
    assert kept(graphs, rules, acyclic) == [
        {n for n, holds in one.items() if holds} for one in plain
    ]
    for name in LAWS:
        assert 50 < sum(one[name] for one in plain) < 950, f"{name} is hardly tested"
    assert any(all(one.values()) for one in plain)


@pytest.mark.parametrize("rules", RULES)
def test_lists_and_networkx_agree_so_that_a_benchmark_may_take_either(rules: str):
    graphs = one_by_one(random_graphs(300, seed=4))
    assert [by_lists(one, rules) for one in graphs] == [by_networkx(one, rules) for one in graphs]


@pytest.mark.parametrize("rules", RULES)
def test_the_order_of_nodes_and_of_edges_changes_nothing(rules: str):
    graphs = random_graphs(200, seed=5)
    order = np.random.default_rng(6).permutation(len(graphs.source))
    edges = (part[order] for part in (graphs.source, graphs.target, graphs.kind, graphs.index))
    assert kept(graphs.permuted(any_order(graphs, 7)), rules) == kept(graphs, rules)
    assert kept(Graphs(graphs.motifs, graphs.sizes, *edges), rules) == kept(graphs, rules)


def test_a_graph_keeps_the_same_laws_alone_and_among_others():
    graphs = random_graphs(60, seed=8)
    assert [kept(graphs.take([n]))[0] for n in range(60)] == kept(graphs)


@pytest.mark.parametrize("rules", RULES)
def test_a_loop_that_counts_keeps_all_laws(rules: str):
    assert kept(batch_of([(MOTIFS, CELLS)]), rules) == [set(LAWS)]


@pytest.mark.parametrize(
    ("edit", "broken", "under"),
    [
        ({(0, 5): (X, 0)}, "out_degree", BOTH),  # an entry that starts two things
        ({(3, 6): (X, 0)}, "out_degree", BOTH),  # both branches of the loop are the same one
        ({(3, 1): (X, 2)}, "out_degree", BOTH),  # a third branch
        ({(3, 5): None, (5, 3): None, (6, 5): (X, 0)}, "out_degree", AS_PUBLISHED),  # one branch
        ({(4, 3): None}, "in_degree", BOTH),  # a loop without a test
        ({(4, 5): None}, "in_degree", BOTH),  # a write of nothing
        ({(2, 3): (D, 1)}, "in_degree", AS_PUBLISHED),  # a loop with two tests
        ({(2, 5): (D, 1)}, "in_degree", AS_PUBLISHED),  # a write of two things
        ({(1, 4): (D, 0)}, "in_degree", BOTH),  # two first arguments
        ({(2, 1): None, (2, 4): None, (6, 1): (D, 0)}, "orphan", BOTH),  # a constant unused
        ({(4, 2): (D, 0)}, "acyclic", BOTH),  # a constant of its own result
        ({(6, 1): (X, 0)}, "terminal", BOTH),  # an exit that leads back
        ({(2, 3): (X, 0)}, "spine", BOTH),  # something runs that nothing starts
    ],
)
def test_one_edit_breaks_one_law_and_no_other(edit: dict, broken: str, under: set[str]):
    cells = {cell: edge for cell, edge in {**CELLS, **edit}.items() if edge}
    for rules in RULES:
        lost = {broken} if rules in under else set()
        assert set(LAWS) - kept(batch_of([(MOTIFS, cells)]), rules)[0] == lost


def test_a_second_entry_breaks_the_spine_alone():
    motifs, cells = np.append(MOTIFS, B), {**CELLS, (7, 4): (D, 2)}
    assert set(LAWS) - kept(batch_of([(motifs, cells)]))[0] == {"spine"}


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("acyclic", ["right", "inverted"])
def test_a_graph_without_nodes_keeps_no_law_and_counts(rules: str, acyclic: str):
    assert kept(NO_NODES, rules, acyclic) == [set()]
    pair = batch_of([(np.zeros(0, int), {}), (MOTIFS, CELLS)])
    assert svr(check(pair)) == 0.5


def test_without_edges_two_nodes_are_orphans_and_one_boundary_keeps_all_laws():
    graphs = batch_of([(np.array([B, M]), {}), (np.array([B]), {}), (np.array([S]), {})])
    assert kept(graphs) == [set(LAWS) - {"orphan"}, set(LAWS), set(LAWS) - {"spine"}]


def test_no_execution_edge_is_needed_to_come_to_an_end():
    data_only = batch_of([(np.array([M, M]), {(0, 1): (D, 0)})])
    assert "terminal" in kept(data_only)[0]


def test_the_validator_as_run_passes_cycles_and_fails_the_rest():
    cyclic = {**CELLS, (4, 2): (D, 0)}
    graphs = batch_of([(MOTIFS, CELLS), (MOTIFS, cyclic)])
    assert check(graphs, acyclic="inverted")["acyclic"].tolist() == [False, True]


def test_indices_beyond_three_are_told_apart():
    graphs = batch_of([(np.array([M, M, M]), {(0, 2): (D, 9), (1, 2): (D, i)}) for i in (9, 1005)])
    assert check(graphs)["in_degree"].tolist() == [False, True]


def test_rates_are_shares_of_graphs_for_each_law_and_for_five_and_six():
    no_boundary = (np.array([Q, M]), {(0, 1): (X, 0)})
    told = rates(check(batch_of([(MOTIFS, CELLS), no_boundary, (MOTIFS, {}), (MOTIFS[:0], {})])))
    assert list(told) == [*LAWS, "svr_5", "svr_6"]
    assert (told["spine"], told["svr_5"], told["svr_6"], told["acyclic"]) == (0.25, 0.5, 0.25, 0.75)


def test_a_share_of_no_graphs_is_refused():
    with pytest.raises(ValueError, match="at least one graph"):
        rates(check(random_graphs(0, seed=0)))


def test_unknown_rules_are_refused_before_anything_is_checked():
    with pytest.raises(ValueError, match="rules must be one of"):
        unwrap(check)(NO_NODES, "strict")  # as outside of tests, where no type is checked
