"""Channels read as edges: at which cut, and what can be no edge."""

import numpy as np
import pytest

from trainables.graph.solver.decode import CUT_AS_RUN, Channels, Odds, decode, log_probability

SIDE, FULL = 5, 4  # nodes of a graph with padding


def channels(presence, kind=0.0, graphs=3, side=SIDE):
    shape = (graphs, side, side)
    index = np.zeros((*shape, 4))
    index[..., 2] = 1
    return Channels(np.full(shape, presence), np.full(shape, kind), index)


def motifs(graphs=3, side=SIDE, nodes=FULL):
    return np.where(np.arange(side) < nodes, 5, 0)[None].repeat(graphs, 0)


@pytest.mark.parametrize(
    ("value", "right", "as_run"),
    [(0.0, False, False), (0.01, False, True), (0.49, False, True), (0.5, False, True)]
    + [(0.51, True, True), (1.0, True, True), (-0.01, False, False)],
)
def test_the_cut_lies_between_the_targets_or_as_run_at_that_of_no_edge(value, right, as_run):
    edges = FULL * (FULL - 1)
    for cut, expected in ((0.5, right), (CUT_AS_RUN, as_run)):
        found = decode(channels(value), motifs(), cut)
        assert (found.presence.sum((1, 2)) == edges * expected).all()
        assert (
            decode(channels(1.0, value), motifs(), cut).kind.sum((1, 2)) == edges * expected
        ).all()


def test_targets_are_read_as_they_are_at_the_right_cut_only():
    draws = np.random.default_rng(0)
    presence = draws.random((3, SIDE, SIDE)) < 0.3
    kind = presence & (draws.random(presence.shape) < 0.5)
    index = np.where(presence, draws.integers(0, 4, presence.shape), 0)
    target = Channels(1.0 * presence, 1.0 * kind, np.eye(4)[index])
    whole = motifs(nodes=SIDE)
    off = ~np.eye(SIDE, dtype=bool)
    found = decode(target, whole)
    assert (found.presence == presence & off).all()
    assert (found.kind == kind & off).all()
    assert (found.index == index * off).all()
    noisy = Channels(target.presence + 1e-3, target.kind, target.index)
    assert decode(noisy, whole, CUT_AS_RUN).presence.sum() == 3 * off.sum()


def test_nothing_leads_to_padding_or_from_a_node_to_itself_and_absent_edges_are_zero():
    found = decode(channels(1.0, 1.0), motifs())
    assert (found.presence == found.cells).all()
    assert found.presence.any() and not found.presence.all()
    assert not found.kind[~found.presence].any() and not found.index[~found.presence].any()
    assert (found.index[found.presence] == 2).all()


def test_equal_index_logits_give_the_lowest_index():
    given = channels(1.0)
    given.index[..., [1, 2]] = 7.0
    assert (decode(given, motifs()).index[decode(given, motifs()).presence] == 1).all()


def test_the_networks_order_of_channels_is_presence_kind_and_four_logits():
    values = np.random.default_rng(0).normal(size=(2, 6, 3, 3))
    made = Channels.of(values)
    assert (made.presence == values[:, 0]).all() and (made.kind == values[:, 1]).all()
    assert (made.index[..., 3] == values[:, 5]).all()


@pytest.mark.parametrize("part", ["presence", "kind", "index"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_in_one_line_that_counts_the_graphs(part, value):
    given = channels(1.0)
    getattr(given, part)[1, 2, 3] = value
    assert given.finite(motifs()).tolist() == [True, False, True]
    with pytest.raises(ValueError, match="1 of 3 graphs.*number 1; leave them out") as raised:
        decode(given, motifs())
    assert "\n" not in str(raised.value)


def test_what_is_not_finite_where_no_edge_may_be_does_not_matter():
    given = channels(1.0)
    for part in (given.presence, given.kind, given.index):
        part[:, FULL:] = np.nan
        part[:, np.arange(SIDE), np.arange(SIDE)] = np.nan
    expected = decode(channels(1.0), motifs())
    assert given.finite(motifs()).all()
    assert (decode(given, motifs()).presence == expected.presence).all()


@pytest.mark.parametrize(("graphs", "side"), [(0, 4), (2, 0), (0, 0), (2, 1), (3, 2)])
def test_batches_without_graphs_and_graphs_of_few_nodes_are_read(graphs, side):
    found = decode(channels(1.0, graphs=graphs, side=side), motifs(graphs, side, side))
    assert found.presence.shape == (graphs, side, side)
    assert found.presence.sum() == graphs * side * max(side - 1, 0)


def test_motifs_of_another_batch_unknown_motifs_and_cuts_are_refused():
    with pytest.raises(ValueError, match="must be of"):
        decode(channels(1.0), motifs(graphs=2))
    with pytest.raises(ValueError, match="motifs must be 0"):
        decode(channels(1.0), motifs() + 2)
    with pytest.raises(ValueError, match="cut must be one of"):
        decode(channels(1.0), motifs(), 0.4)


def test_odds_are_even_at_the_cut_and_keep_the_order_of_raw_values_however_large():
    values = np.array([-1e4, -1.0, 0.0, 0.4, 0.5, 1.0, 40.0, 41.0, 1e4])
    given = channels(0.0, graphs=9, side=2)
    given.presence[:] = values[:, None, None]
    for cut in (0.5, CUT_AS_RUN):
        odds = Odds.of(given, motifs(9, 2, 2), cut).edge[:, 0, 1]
        assert odds[values == cut] == 0
        assert (np.diff(odds) > 0).all()
        assert np.isfinite(log_probability(odds)).all()
