from itertools import combinations_with_replacement

import numpy as np
import pytest
from random_graphs import batch_of, cells_of, random_graphs
from scipy.stats import chisquare

from trainables.graph.graphs import Graphs, Motif
from trainables.graph.judge.controls import by_table, chain, constructive, empty, random_like
from trainables.graph.judge.fidelity import scores
from trainables.graph.judge.laws import LAWS, check

BRANCHES = {Motif.CONDITION, Motif.LOOP}
RULES = ("published", "corrected")


def all_motifs(most: int) -> list[list[int]]:
    """Every bag of motifs of so many nodes at most."""
    motifs = [int(motif) for motif in Motif if motif]
    return [list(b) for n in range(most + 1) for b in combinations_with_replacement(motifs, n)]


def without_edges(bags: list[list[int]]) -> Graphs:
    return batch_of([(np.array(bag, np.int64), {}) for bag in bags])


@pytest.mark.parametrize("rules", RULES)
def test_constructed_graphs_keep_all_laws_wherever_there_is_a_boundary(rules: str):
    bags = [bag for bag in all_motifs(5) if Motif.BOUNDARY in bag]
    assert all(kept.all() for kept in check(constructive(without_edges(bags)), rules).values())


@pytest.mark.parametrize("rules", RULES)
def test_constructed_graphs_keep_five_laws_where_some_node_is_no_branch(rules: str):
    bags = [bag for bag in all_motifs(5) if set(bag) - BRANCHES and Motif.BOUNDARY not in bag]
    laws = check(constructive(without_edges(bags)), rules)
    assert all(laws[name].all() for name in LAWS[:-1])
    assert not laws["spine"].any()


@pytest.mark.parametrize("rules", RULES)
def test_constructed_graphs_of_branches_alone_break_the_second_law_alone_of_five(rules: str):
    bags = [bag for bag in all_motifs(5) if bag and set(bag) <= BRANCHES]
    laws = check(constructive(without_edges(bags)), rules)
    assert not laws["in_degree"].any()
    assert all(laws[name].all() for name in ("out_degree", "orphan", "acyclic", "terminal"))


@pytest.mark.parametrize("bag", [[Motif.LOOP], [Motif.CONDITION, Motif.LOOP], [Motif.LOOP] * 3])
def test_no_edges_at_all_make_a_graph_of_branches_keep_laws_two_and_four(bag: list[int]):
    nodes = len(bag)
    cells = [(a, b) for a in range(nodes) for b in range(nodes) if a != b]
    data = [
        (np.array(bag), {cell: (1, 0) for n, cell in enumerate(cells) if chosen >> n & 1})
        for chosen in range(2 ** len(cells))
    ]
    laws = check(batch_of(data))
    assert not (laws["in_degree"] & laws["acyclic"]).any()


def test_constructed_edges_depend_on_motifs_alone():
    graphs = random_graphs(50, seed=1)
    assert cells_of(constructive(graphs)) == cells_of(constructive(empty(graphs)))


def test_empty_graphs_have_their_nodes_and_no_edge():
    graphs = random_graphs(20, seed=2)
    bare = empty(graphs)
    assert len(bare.source) == 0
    assert (bare.motifs == graphs.motifs).all() and (bare.sizes == graphs.sizes).all()


def test_a_chain_runs_from_each_node_to_the_next_of_its_graph():
    chained = cells_of(chain(without_edges([[1, 6, 5], [], [2], [4, 3]])))
    assert chained == [{(0, 1): (0, 0), (1, 2): (0, 0)}, {}, {}, {(0, 1): (0, 0)}]


def test_a_random_graph_has_as_many_edges_of_each_kind_and_index_as_its_truth():
    truth = random_graphs(300, seed=3)
    drawn = random_like(truth, seed=4)
    for mine, theirs in zip(cells_of(drawn), cells_of(truth), strict=True):
        assert sorted(mine.values()) == sorted(theirs.values())
    assert (drawn.motifs == truth.motifs).all()


def test_random_graphs_are_a_function_of_the_seed():
    truth = random_graphs(50, seed=5)
    assert cells_of(random_like(truth, 6)) == cells_of(random_like(truth, 6))
    assert cells_of(random_like(truth, 6)) != cells_of(random_like(truth, 7))


@pytest.mark.parametrize("edges", [1, 2, 4, 5])  # of 6 cells: less and more than half
def test_every_set_of_cells_and_every_deal_of_kinds_is_as_likely_as_any_other(edges: int):
    cells = [(a, b) for a in range(3) for b in range(3) if a != b][:edges]
    truth = (np.array([1, 5, 6]), {cell: (int(n == 0), 0) for n, cell in enumerate(cells)})
    drawn = cells_of(random_like(batch_of([truth] * 6000), seed=8))
    seen: dict[tuple, int] = {}
    for one in drawn:
        key = tuple(sorted((cell, kind) for cell, (kind, _) in one.items()))
        seen[key] = seen.get(key, 0) + 1
    sets = {1: 6, 2: 15, 4: 15, 5: 6}[edges]
    assert len(seen) == sets * edges
    assert chisquare(list(seen.values())).pvalue > 1e-3


def test_a_full_graph_stays_full():
    full = {(a, b): (0, 0) for a in range(4) for b in range(4) if a != b}
    assert cells_of(random_like(batch_of([(np.array([1, 2, 5, 6]), full)]), 9)) == [full]


def test_a_table_of_motifs_draws_edges_as_often_as_it_has_seen_them():
    # Both Messages give to the State, and one Boundary of two runs one.
    seen = {(0, 1): (0, 0), (2, 1): (1, 0), (3, 1): (1, 1)}
    train = batch_of([(np.array([1, 5, 6, 6]), seen), (np.array([1, 5]), {})])
    graphs = batch_of([(np.array([6, 1, 5, 4]), {})] * 4000)
    drawn = by_table(graphs, train, seed=10)
    count = {(0, 2): 0, (1, 2): 0}
    for cells in cells_of(drawn):
        assert set(cells.items()) <= {((0, 2), (1, 0)), ((1, 2), (0, 0))}
        for cell in cells:
            count[cell] += 1
    assert count[0, 2] == 4000
    assert abs(count[1, 2] - 2000) < 4 * np.sqrt(1000)


def test_a_table_of_motifs_is_nearer_to_the_truth_than_a_random_graph():
    trees = [random_graphs(1500, seed=seed) for seed in (11, 12)]
    train, truth = (graphs.take(range(1, 1500, 3)) for graphs in trees)
    assert scores(by_table(truth, train, 13), truth)["val/typed_f1_gain"] > 0.02
