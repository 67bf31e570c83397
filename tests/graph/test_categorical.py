"""Discrete flow: where it begins, its way to the data, and chains that end in what was learned."""

from math import log

import pytest
import torch
from random_graphs import random_graphs
from torch.nn import functional as F

from trainables.graph.config import CategoricalConfig, GraphConfig, SampleConfig
from trainables.graph.network.buckets import Group, batch_of
from trainables.graph.network.categorical import MASKED, STATE_CE, STATES, CategoricalFlow
from trainables.graph.network.flow import INDEX_HITS

CPU = torch.device("cpu")
PRIORS = ("mask", "uniform")

pytestmark = pytest.mark.usefixtures("one_thread")


def flow_of(prior, steps=20):
    sampling = SampleConfig(steps=steps)
    return CategoricalFlow(
        GraphConfig(
            state="categorical", categorical=CategoricalConfig(prior=prior), sample=sampling
        )
    )


def pairs(count):
    """So many graphs of two nodes, whose two cells between them are what is looked at."""
    motifs = torch.full((count, 2), 6)
    cells = torch.arange(count * 4).view(count, 2, 2)
    rows = torch.arange(count).numpy()
    return Group(rows, motifs, torch.zeros(count, 2, 2, dtype=torch.int64), cells, False)


def chain(flow, group, network):
    """The states at the end, and the last word of the network."""
    steps, count = flow.cfg.sample.steps, group.cells.numel()
    held = flow.start(group, flow.draws(count, 1, 0)[group.cells])
    output = torch.empty(0)
    for step in range(steps):
        output = network(held)
        drawn = flow.draws(count, 1, step + 1)[group.cells]
        held = flow.moved(held, output, steps - step, drawn)
    return held, output


@pytest.mark.parametrize("prior", PRIORS)
def test_who_knows_the_data_draws_them_from_any_start(prior):
    flow, graphs = flow_of(prior), random_graphs(30, 2, most_nodes=7)
    for group in batch_of(graphs, CPU, 8).groups:
        sure = 50.0 * F.one_hot(group.states, STATES)
        held, output = chain(flow, group, lambda held, sure=sure: sure)
        assert torch.equal(held, group.states)
        presence, kind, index = flow.decoded(held, output)
        assert torch.equal(presence > 0.5, group.edges)
        assert torch.equal((kind > 0.5)[group.edges], (group.states > 4)[group.edges])
        assert torch.equal(index.argmax(-1)[group.edges], (group.states[group.edges] - 1) % 4)


@pytest.mark.parametrize("prior", PRIORS)
def test_independent_cells_are_drawn_as_often_as_was_learned(prior):
    flow, group = flow_of(prior, steps=6), pairs(3000)
    odds = torch.tensor([0.5, 0.02, 0.08, 0.0, 0.1, 0.2, 0.04, 0.05, 0.01])
    held, _ = chain(flow, group, lambda held: odds.log().expand(*held.shape, STATES))
    share = torch.bincount(held.flatten(), minlength=STATES) / held.numel()
    spread = (odds * (1 - odds) / held.numel()).sqrt()
    assert ((share - odds).abs() <= 4 * spread).all()


@pytest.mark.parametrize(("prior", "agreement"), [("mask", 0.97), ("uniform", 0.94)])
def test_cells_that_go_together_are_drawn_together(prior, agreement):
    # In the data the two cells of a pair are both without an edge or both in state 6, at evens.
    flow, group = flow_of(prior, steps=60), pairs(1500)
    step = [0]

    def posterior(held):
        """What the data are, given both cells at this time, by Bayes' rule."""
        time = step[0] / 60
        step[0] += 1
        count = STATES if prior == "uniform" else 1
        likelihood = []
        for state in (0, 6):
            start = (1 - time) / count * ((held == MASKED) if prior == "mask" else 1.0)
            likelihood.append((time * (held == state) + start).log())
        both = torch.stack(likelihood, -1)
        logs = both[:, [0, 1], [1, 0]].sum(1)[:, None, None].expand_as(both)
        answer = torch.full((*held.shape, STATES), -60.0)
        answer[..., 0], answer[..., 6] = logs[..., 0], logs[..., 1]
        return answer

    held, _ = chain(flow, group, posterior)
    one, other = held[:, 0, 1], held[:, 1, 0]
    assert set(one.tolist()) == {0, 6}
    assert (one == other).float().mean() > agreement
    assert 0.45 < (one == 6).float().mean() < 0.55


@pytest.mark.parametrize("prior", PRIORS)
def test_on_the_way_a_cell_holds_its_own_state_as_often_as_the_time_says(prior):
    flow, graphs = flow_of(prior), random_graphs(200, 3, most_nodes=7)
    batch = batch_of(graphs, CPU, 8, 7)
    (group,) = batch.groups
    seen = {}

    def network(cells, time, motifs, padded):
        seen["states"] = cells.argmax(-1)
        return torch.zeros(*cells.shape[:-1], STATES)

    drawn = batch.drawn(flow.draws, CPU, 0)[group.cells]
    time = torch.full((len(group.rows),), 0.3)
    sums = flow.sums(network, group, time, drawn)
    kept = (seen["states"] == group.states)[group.real].float().mean()
    own = 0.3 if prior == "mask" else 0.3 + 0.7 / STATES
    assert kept == pytest.approx(own, abs=0.03)
    if prior == "mask":
        assert set(seen["states"][seen["states"] != group.states].tolist()) == {MASKED}
    assert float(sums[STATE_CE]) == pytest.approx(batch.cells * log(9), rel=1e-4)
    assert flow.counts(batch.cells, batch.edges) == {STATE_CE: batch.cells, INDEX_HITS: batch.edges}


def test_the_last_word_ranks_and_the_sample_decides():
    flow = flow_of("mask")
    output = torch.tensor([0.1, 0.0, 0.2, 0.0, 0.0, 0.6, 0.1, 0.0, 0.0]).log().expand(1, 2, 2, 9)
    held = torch.tensor([[[0, 2], [3, 6]]])
    presence, kind, index = flow.decoded(held, output)
    assert torch.allclose(presence, torch.tensor([[[0.45, 0.95], [0.95, 0.95]]]))
    assert ((kind > 0.5) == torch.tensor([[[True, False], [False, True]]])).all()
    assert index.argmax(-1).tolist() == [[[0, 1], [2, 1]]]
