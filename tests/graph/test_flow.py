"""Flow matching: its targets, which cells are asked, and steps along a field that is known."""

from math import log

import pytest
import torch
from random_graphs import random_graphs

from infra.study.study import replace_fields
from trainables.graph.config import GraphConfig
from trainables.graph.network.buckets import batch_of
from trainables.graph.network.flow import INDEX_CE, INDEX_HITS, INDEX_MSE, VELOCITY, ContinuousFlow

CPU = torch.device("cpu")
GRAPHS = random_graphs(20, 1, most_nodes=7)
PAD = 9

pytestmark = pytest.mark.usefixtures("one_thread")


def flow_of(**overrides):
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return ContinuousFlow(replace_fields(GraphConfig(), named))


def seen_by(flow, network, pad=0, time=0.3):
    """Sums of each term over all groups, and over how many numbers they are to be means."""
    batch = batch_of(GRAPHS, CPU, 16, pad)
    drawn = batch.drawn(flow.draws, CPU, 0)
    totals = {}
    for group in batch.groups:
        at = torch.full((len(group.rows),), time)
        for name, value in flow.sums(network, group, at, drawn[group.cells]).items():
            totals[name] = totals.get(name, 0) + value
    return totals, flow.counts(batch.cells, batch.edges), batch


def indifferent(channels):
    return lambda cells, time, motifs, padded: torch.zeros(*cells.shape[:-1], channels)


@pytest.mark.parametrize("cells", ["edges", "all as run"])
def test_a_network_that_knows_nothing_pays_the_spread_of_velocity_and_four_classes(cells):
    flow = flow_of(loss__cells=cells)
    totals, counts, batch = seen_by(flow, indifferent(6))
    asked = batch.edges if cells == "edges" else batch.cells
    assert counts == {VELOCITY: 2 * batch.cells, INDEX_CE: asked, INDEX_HITS: batch.edges}
    assert float(totals[INDEX_CE]) == pytest.approx(asked * log(4), rel=1e-5)
    # Each target is data less unit noise.
    data = (batch.edges + (GRAPHS.kind == 1).sum()) / (2 * batch.cells)
    assert float(totals[VELOCITY]) / (2 * batch.cells) == pytest.approx(1 + data, rel=0.15)
    assert float(totals[INDEX_HITS]) == (GRAPHS.index == 0).sum()  # of equals the first


def test_padding_is_asked_only_without_the_mask():
    masked, _, batch = seen_by(flow_of(), indifferent(6), pad=PAD)
    flow = flow_of(programs__pad=PAD, loss__mask=False, loss__cells="all as run")
    whole, _, _ = seen_by(flow, indifferent(6), pad=PAD)
    cells = batch.cells + batch.padding
    assert float(whole[INDEX_CE]) == pytest.approx(cells * log(4), rel=1e-5)
    extra = float(whole[VELOCITY] - masked[VELOCITY]) / (2 * batch.padding)
    assert extra == pytest.approx(1, rel=0.1)  # noise of its own, whose target is no edge
    assert seen_by(flow_of(), indifferent(6))[0][VELOCITY] == pytest.approx(masked[VELOCITY])


@pytest.mark.parametrize("index", ["ce", "mse"])
def test_the_true_velocity_and_index_cost_nothing(index):
    flow = flow_of(loss__index=index)
    batch = batch_of(GRAPHS, CPU, 16)
    drawn = batch.drawn(flow.draws, CPU, 0)
    for group in batch.groups:
        states, noise = group.states, drawn[group.cells]
        classes = (states - 1).clamp(min=0) % 4
        clean = torch.stack((states > 0, states > 4, classes), -1).float()
        channels = 3 if index == "mse" else 2
        velocity = clean[..., :channels] - noise[..., :channels]
        logits = 60 * torch.nn.functional.one_hot(classes, 4).float()
        answer = velocity if index == "mse" else torch.cat((velocity, logits), -1)
        at = torch.rand(len(group.rows))
        sums = flow.sums(lambda *_, answer=answer: answer, group, at, noise)
        assert float(sums[VELOCITY]) == 0
        assert float(sums[INDEX_MSE if index == "mse" else INDEX_CE]) < 1e-6
        assert float(sums[INDEX_HITS]) == group.edges.sum()


def test_the_network_sees_a_blend_of_noise_and_data_and_noise_for_an_index():
    held = {}

    def network(cells, time, motifs, padded):
        held["cells"], held["time"] = cells, time
        return torch.zeros_like(cells)

    for feed in ("noise", "zeros"):
        flow = flow_of(sample__feed=feed)
        batch = batch_of(GRAPHS, CPU, 16, PAD)
        (group,) = batch.groups
        drawn = batch.drawn(flow.draws, CPU, 0)[group.cells]
        flow.sums(network, group, torch.full((len(group.rows),), 0.25), drawn)
        presence = 0.75 * drawn[..., 0] + 0.25 * group.edges
        assert torch.allclose(held["cells"][..., 0], presence, atol=1e-6)
        assert torch.equal(held["cells"][..., 2:], drawn[..., 2:])
        assert bool(drawn[..., 2:].any()) == (feed == "noise")
    assert (held["time"] == 0.25).all()


def test_steps_along_the_lines_to_the_data_end_there():
    flow = flow_of(sample__steps=7)
    batch = batch_of(GRAPHS, CPU, 16, PAD)
    (group,) = batch.groups
    clean = torch.stack((group.states > 0, group.states > 4), -1).float()
    held = flow.start(group, batch.drawn(flow.draws, CPU, 0)[group.cells])
    logits = torch.randn(*clean.shape[:3], 4)
    for left in range(7, 0, -1):
        output = torch.cat(((clean - held[..., :2]) / (left / 7), logits), -1)
        held = flow.moved(held, output, left, batch.drawn(flow.draws, CPU, left)[group.cells])
    presence, kind, index = flow.decoded(held, output)
    assert torch.allclose(presence, clean[..., 0], atol=1e-5)
    assert torch.allclose(kind, clean[..., 1], atol=1e-5)
    assert torch.equal(index, logits)


@pytest.mark.parametrize("feed", ["noise", "logits as run", "zeros"])
def test_what_is_fed_for_the_index_is_as_asked(feed):
    flow = flow_of(sample__feed=feed)
    draws = torch.randn(2, 3, 3, 6)
    output = torch.randn(2, 3, 3, 6)
    drawn = flow.draws(18, 0).view(2, 3, 3, 6)
    fed = flow.moved(draws, output, 4, drawn)[..., 2:]
    expected = {"noise": drawn[..., 2:], "logits as run": output[..., 2:]}
    assert torch.equal(fed, expected.get(feed, torch.zeros_like(fed)))


def test_a_rounded_index_prefers_the_nearest_class():
    flow = flow_of(loss__index="mse")
    held = torch.tensor([0.0, 0.0, 2.4]).expand(1, 2, 2, 3)
    assert flow.decoded(held, held)[2].argsort(-1, descending=True)[0, 0, 0].tolist() == [
        2,
        3,
        1,
        0,
    ]
    assert flow.channels == (3, 3)


def test_arms_share_the_noise_of_presence_and_kind_whatever_else_they_draw():
    flows = flow_of(), flow_of(loss__index="mse"), flow_of(sample__feed="zeros")
    one, *others = (flow.draws(40, 3, "train", 5)[:, :2] for flow in flows)
    assert all(torch.equal(one, other) for other in others)
    assert not torch.equal(one, flows[0].draws(40, 3, "train", 6)[:, :2])
