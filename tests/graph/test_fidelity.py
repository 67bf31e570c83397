from itertools import permutations, product

import numpy as np
import pytest
from random_graphs import any_order, batch_of, cells_of, random_graphs

from trainables.graph.graphs import Graphs
from trainables.graph.judge.controls import empty, random_like
from trainables.graph.judge.fidelity import (
    jaccard,
    scores,
    typed_f1,
    typed_f1_at_random,
    typed_f1_dealt,
)
from trainables.graph.judge.matching import best_match, matched_scores

MOTIFS = np.array([1, 5, 5, 6, 6])
TRUTH = {(0, 1): (0, 0), (3, 1): (1, 0), (3, 2): (1, 1), (1, 2): (0, 0)}
DRAWN = {(0, 1): (0, 0), (3, 1): (1, 3), (3, 2): (0, 1), (4, 2): (1, 0), (2, 1): (0, 0)}


def one(cells: dict) -> Graphs:
    return batch_of([(MOTIFS, cells)])


def redrawn(truth: Graphs, seed: int) -> Graphs:
    """Other graphs with the same motifs: some edges are true, some are not."""
    rng = np.random.default_rng(seed)
    pairs = []
    for mine, theirs in zip(cells_of(truth), cells_of(random_like(truth, seed)), strict=True):
        pairs.append({c: e for c, e in {**theirs, **mine}.items() if rng.random() < 0.6})
    starts = truth.starts
    motifs = [truth.motifs[a : a + n] for a, n in zip(starts, truth.sizes, strict=True)]
    return batch_of(list(zip(motifs, pairs, strict=True)))


def dealt_anew(graphs: Graphs, seed: int) -> Graphs:
    """Nodes of one motif exchanged at random: motifs stay where they are, edges move along."""
    order = any_order(graphs, seed)
    graph = graphs.graph_of_nodes
    to = np.empty_like(order)
    to[np.lexsort((graphs.motifs, graph))] = order[np.lexsort((graphs.motifs[order], graph[order]))]
    ends = to[graphs.source], to[graphs.target]
    return Graphs(graphs.motifs, graphs.sizes, *ends, graphs.kind, graphs.index)


def plain_f1(drawn: dict, truth: dict) -> float:
    hits = sum(cell in drawn and drawn[cell][0] == kind for cell, (kind, _) in truth.items())
    return 2 * hits / (len(drawn) + len(truth)) if drawn or truth else 1.0


def test_the_scores_of_a_graph_are_those_worked_out_by_hand():
    told = scores(one(DRAWN), one(TRUTH))
    assert told["val/edges_per_node"] == 5 / 5
    assert told["val/edges_ratio"] == 5 / 4
    assert told["val/jaccard"] == 3 / 6
    assert told["val/typed_f1"] == pytest.approx(2 * 2 / 9)
    # 3 execution and 2 data edges among 20 cells that hold 2 and 2.
    assert told["val/typed_f1_random"] == pytest.approx(2 * (3 * 2 + 2 * 2) / 20 / 9)
    assert told["val/typed_f1_gain"] == pytest.approx(4 / 9 - 1 / 9)
    assert told["val/typed_f1_ratio"] == pytest.approx(4)
    assert told["val/index_accuracy"] == told["val/index_majority"] - 0.5 == 0.5
    # Boundary to a State: 1 of 1 and 1 on 2 cells. Message to State: 2 and 2 on 4. State to State:
    # 1 and 1 on 2; of execution from Message to State the truth has none.
    assert told["val/typed_f1_dealt"] == pytest.approx(2 * (1 / 2 + 2 * 2 / 4 + 1 / 2) / 9)
    assert told["val/typed_f1_ceiling"] == pytest.approx((1 / 2 + 2 * 2 / 4 + 1 / 2) / 4)


def test_typed_f1_agrees_with_sets_of_cells():
    truth = random_graphs(300, seed=1)
    drawn = redrawn(truth, 2)
    pairs = zip(cells_of(drawn), cells_of(truth), strict=True)
    assert typed_f1(drawn, truth).tolist() == pytest.approx([plain_f1(*pair) for pair in pairs])


def test_jaccard_agrees_with_sets_of_cells_also_of_graphs_of_unlike_size():
    left, right = random_graphs(200, seed=3), random_graphs(200, seed=4, most_nodes=7)
    pairs = [(set(a), set(b)) for a, b in zip(cells_of(left), cells_of(right), strict=True)]
    plain = [len(a & b) / len(a | b) if a | b else 1.0 for a, b in pairs]
    assert jaccard(left, right).tolist() == pytest.approx(plain)


def test_the_truth_scores_one_and_no_edges_gain_nothing():
    truth = random_graphs(100, seed=5)
    told = scores(truth, truth)
    assert {told[f"val/{n}"] for n in ("typed_f1", "jaccard", "edges_ratio", "index_accuracy")} == {
        1
    }
    assert scores(empty(truth), truth)["val/typed_f1_gain"] == 0


def test_what_a_random_graph_scores_is_the_mean_over_draws():
    truth = random_graphs(40, seed=6)
    drawn = redrawn(truth, 7)
    draws = [typed_f1(random_like(drawn, seed), truth) for seed in range(400)]
    spread = np.std(draws, 0) / 20
    off = np.abs(np.mean(draws, 0) - typed_f1_at_random(drawn, truth))
    assert (off <= 4.5 * spread + 1e-12).all()
    assert abs(np.mean(draws) - typed_f1_at_random(drawn, truth).mean()) < 0.005


@pytest.mark.parametrize("what", ["drawn", "truth"])
def test_what_dealing_nodes_anew_scores_is_the_mean_over_deals(what: str):
    truth = random_graphs(40, seed=8)
    drawn = truth if what == "truth" else redrawn(truth, 9)
    draws = [typed_f1(dealt_anew(drawn, seed), truth) for seed in range(400)]
    spread = np.std(draws, 0) / 20
    off = np.abs(np.mean(draws, 0) - typed_f1_dealt(drawn, truth))
    assert (off <= 4.5 * spread + 1e-12).all()


def test_no_random_graph_gains_on_average():
    truth = random_graphs(2000, seed=10)
    assert abs(scores(random_like(truth, 11), truth)["val/typed_f1_gain"]) < 0.01


def test_where_nothing_is_hit_nothing_is_said_of_indices():
    told = scores(one({}), one(TRUTH))
    assert not {"val/index_accuracy", "val/index_majority", "val/typed_f1_ratio"} & set(told)


def test_other_motifs_and_a_truth_without_edges_are_refused():
    with pytest.raises(ValueError, match="the same motifs"):
        scores(one(DRAWN), batch_of([(MOTIFS[::-1], TRUTH)]))
    with pytest.raises(ValueError, match="the same motifs"):
        best_match(batch_of([(MOTIFS, {}), (MOTIFS[:2], {})]), batch_of([(MOTIFS, {})]))
    with pytest.raises(ValueError, match="must have an edge"):
        scores(one(DRAWN), one({}))
    with pytest.raises(ValueError, match="in pairs"):
        jaccard(one(DRAWN), batch_of([]))


def best_by_trying_all(motifs: list[int], drawn: dict, truth: dict) -> float:
    classes = [[n for n, m in enumerate(motifs) if m == motif] for motif in sorted(set(motifs))]
    best = 0.0
    for deal in product(*(permutations(nodes) for nodes in classes)):
        to = {
            a: b
            for nodes, moved in zip(classes, deal, strict=True)
            for a, b in zip(nodes, moved, strict=True)
        }
        best = max(best, plain_f1({(to[a], to[b]): e for (a, b), e in drawn.items()}, truth))
    return best


def test_the_best_match_is_the_best_of_all_assignments():
    truth = random_graphs(120, seed=12, most_nodes=7)
    drawn = dealt_anew(redrawn(truth, 13), 14)
    found = best_match(drawn, truth)
    parts = zip(truth.starts, truth.sizes, cells_of(drawn), cells_of(truth), strict=True)
    plain = [best_by_trying_all(truth.motifs[a : a + n].tolist(), d, t) for a, n, d, t in parts]
    assert found.exact.all()
    assert found.typed_f1.tolist() == pytest.approx(plain)
    assert (found.typed_f1 > typed_f1(drawn, truth) + 0.01).mean() > 0.1


def test_dealing_like_nodes_anew_loses_nothing_of_the_best_match():
    truth = random_graphs(150, seed=14)
    found = best_match(dealt_anew(truth, 15), truth)
    assert found.exact.all()
    assert found.typed_f1.tolist() == pytest.approx([1] * len(truth))


def test_a_search_cut_short_gives_a_lower_bound_and_says_so():
    truth = random_graphs(150, seed=16)
    drawn = redrawn(truth, 17)
    short, whole = (best_match(drawn, truth, most_visits=n) for n in (3, 20_000))
    assert (short.typed_f1 <= whole.typed_f1).all()
    assert (short.typed_f1 >= typed_f1(drawn, truth)).all()
    assert (short.typed_f1[short.exact] == whole.typed_f1[short.exact]).all()
    assert not short.exact.all()


def test_large_graphs_are_left_out_of_matching_and_their_share_is_told():
    sizes = (4, 13)
    graphs = batch_of([(np.full(n, 6), {(0, 1): (1, 0)}) for n in sizes])
    told = matched_scores(graphs, graphs, seed=18)
    assert told["val/matched_fraction"] == 0.5 and told["val/typed_f1_matched"] == 1
    # One edge between alike nodes is always matched, so that a random graph does as well.
    assert told["val/typed_f1_matched_gain"] == 0
    assert matched_scores(graphs.take([1]), graphs.take([1]), 19) == {"val/matched_fraction": 0}
