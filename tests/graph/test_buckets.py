"""Groups of like size: cheapest cuts, and the same numbers as one padded batch gives."""

from itertools import combinations

import numpy as np
import pytest
import torch
from random_graphs import random_graphs

from trainables.graph.config import GraphConfig, ModelConfig
from trainables.graph.network.buckets import batch_of, cheapest_cuts, state_of
from trainables.graph.network.dit import new_network
from trainables.graph.network.flow import ContinuousFlow
from trainables.graph.network.sampling import new_flow

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("one_thread")


def cost(sides, cuts, width, group):
    parts = np.split(np.array(sides), cuts)
    return sum(len(p) * p[-1] ** 2 * (32 * width**2 + 8 * p[-1] * width) + group for p in parts)


@pytest.mark.parametrize("group", [0.0, 2e6, 3e7, 1e12])
def test_no_other_cuts_are_cheaper(group):
    rng = np.random.default_rng(1)
    for width in (8, 40):
        sides = sorted(rng.integers(3, 30, 9).tolist())
        found = cost(sides, cheapest_cuts(sides, width, group), width, group)
        ways = (cuts for n in range(9) for cuts in combinations(range(1, 9), n))
        assert found <= min(cost(sides, list(cuts), width, group) for cuts in ways) * (1 + 1e-12)


def test_dear_groups_are_few_and_free_ones_are_never_padded():
    sides = [3, 3, 4, 9, 9, 20]
    assert cheapest_cuts(sides, 16, 1e15) == []
    assert cheapest_cuts(sides, 16, 0.0) == [2, 3, 5]
    assert cheapest_cuts([], 16, 0.0) == []


def test_groups_have_no_more_cells_than_allowed_unless_one_graph_has():
    sides = sorted(np.random.default_rng(2).integers(2, 14, 60).tolist()) + [40]
    parts = np.split(np.array(sides), cheapest_cuts(sides, 24, 1e9, 300))
    assert all(len(p) * p[-1] ** 2 <= 300 for p in parts[:-1])
    assert parts[-1].tolist() == [40]


@pytest.mark.parametrize("pad", [0, 13])
def test_every_graph_with_nodes_is_in_one_group_with_its_motifs_edges_and_own_draws(pad):
    graphs = random_graphs(50, 3, most_nodes=11)
    batch = batch_of(graphs, CPU, 4, pad)
    seen, draws = [], []
    for group in batch.groups:
        real = group.real.numpy()
        for place, row in enumerate(group.rows):
            alone = graphs.take([int(row)]).squares(group.motifs.shape[1])
            assert np.array_equal(group.motifs[place], alone.motifs[0])
            states = np.where(alone.presence, state_of(alone.kind, alone.index), 0)[0]
            assert np.array_equal(group.states[place], states)
            assert np.array_equal(group.real[place], alone.mask.T & alone.mask)
        seen += group.rows.tolist()
        draws += group.cells.numpy()[real if not pad else np.ones_like(real)].tolist()
        assert group.padded == (not real.all())
        assert group.motifs.shape[1] == (pad or graphs.sizes[group.rows].max())
    assert sorted(seen) == np.flatnonzero(graphs.sizes).tolist()
    assert sorted(draws) == list(range(batch.cells + batch.padding))
    assert batch.cells == (graphs.sizes**2).sum() and batch.edges == len(graphs.source)
    assert batch.padding == (len(seen) * pad**2 - batch.cells if pad else 0)
    assert batch.graphs == 50


def test_a_graph_has_the_same_draws_whatever_it_is_padded_to():
    graphs = random_graphs(30, 4, most_nodes=9)
    flow = ContinuousFlow(GraphConfig())
    found = []
    for pad in (0, 12):
        batch = batch_of(graphs, CPU, 4, pad)
        drawn = batch.drawn(flow.draws, CPU, 5, "test")
        own = {row: (g, place) for g in batch.groups for place, row in enumerate(g.rows.tolist())}
        sizes = graphs.sizes
        found.append([drawn[own[row][0].cells][own[row][1]][: sizes[row], : sizes[row]]
                      for row in sorted(own)])  # fmt: skip
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_states_are_counted_from_execution_to_data_and_high_indices_share_the_last():
    kind, index = np.array([0, 0, 1, 1, 1]), np.array([0, 3, 0, 3, 7])
    assert state_of(kind, index).tolist() == [1, 4, 5, 8, 8]


@pytest.mark.parametrize("state", ["continuous", "categorical"])
def test_groups_give_the_loss_and_gradients_of_one_batch_padded_to_its_largest_graph(state):
    cfg = GraphConfig(state=state, model=ModelConfig(hidden=12, depth=2, heads=3, embed=4))
    flow = new_flow(cfg)
    graphs = random_graphs(24, 6, most_nodes=11)
    time = torch.rand(24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = []
    for width in (400, 1):  # to a wide network padding is dear, to a narrow one groups are
        network = new_network(cfg.model, cfg.axial, flow.channels, 0).double()
        batch = batch_of(graphs, CPU, width)
        drawn = batch.drawn(flow.draws, CPU, 7).double()
        totals = [flow.sums(as_double(network), group, time[group.rows], drawn[group.cells])
                  for group in batch.groups]  # fmt: skip
        terms = torch.stack([torch.stack(list(sums.values())) for sums in totals]).sum(0)
        terms.sum().backward()
        found.append((len(batch.groups), terms, [p.grad for p in network.parameters()]))
    (many, terms, gradients), (one, padded_terms, padded_gradients) = found
    assert many > 5 and one == 1
    assert torch.allclose(terms, padded_terms, rtol=1e-12)
    for own, padded in zip(gradients, padded_gradients, strict=True):
        assert torch.allclose(own, padded, rtol=1e-9, atol=1e-11)


def as_double(network):
    return lambda cells, *others: network(cells.double(), *others)
