"""Steps from noise to edges: the sampler's, noisy ones that keep what is drawn, and their odds."""

import pytest
import torch
from random_graphs import random_graphs

from infra.study.study import replace_fields
from trainables.graph.config import GraphConfig
from trainables.graph.network.buckets import batch_of
from trainables.graph.network.dit import new_network
from trainables.graph.network.flow import ContinuousFlow
from trainables.graph.network.sampling import gathered, sample
from trainables.graph.network.walks import FLOWING, Noise, Walk, deciding

CPU = torch.device("cpu")
GRAPHS = random_graphs(30, 1, most_nodes=7)
MEAN, SPREAD = 0.4, 0.25  # of the data that `exact` knows

pytestmark = pytest.mark.usefixtures("one_thread")


def flow_of(steps):
    return ContinuousFlow(replace_fields(GraphConfig(), {"sample.steps": steps}))


def walk_of(steps, noise=None, graphs=GRAPHS):
    flow = flow_of(steps)
    return Walk(flow, batch_of(graphs, CPU, 16), (5, "walk"), noise)


def exact(cells, time, motifs, padded):
    """The velocity to data that are normal in every channel, which is known in closed form."""
    at = time[:, None, None, None]
    variance = (1 - at) ** 2 + at**2 * SPREAD**2
    return MEAN + (at * SPREAD**2 - (1 - at)) / variance * (cells - at * MEAN)


def ends_of(walk, network):
    *_, last = walk.visits(network, walk.start(CPU), range(walk.steps))
    return torch.cat([v.after[..., :FLOWING][deciding(v.group)] for v in last])


def test_a_walk_without_noise_ends_where_the_sampler_does_to_the_bit():
    cfg = replace_fields(GraphConfig(), {"sample.steps": 6, "model.hidden": 12, "model.depth": 2})
    flow = ContinuousFlow(cfg)
    network = new_network(cfg.model, cfg.axial, flow.channels, 3)
    batch = batch_of(GRAPHS, CPU, 12, most_cells=2**13)
    walk = Walk(flow, batch, (5, "walk"))
    with torch.no_grad():
        *_, last = walk.visits(network, walk.start(CPU), range(6))
    ours = gathered(GRAPHS, batch, [flow.decoded(v.after, v.output) for v in last])
    theirs = sample(network, flow, GRAPHS, 5, "walk")
    assert (ours.channels.presence == theirs.channels.presence).all()
    assert (ours.channels.index == theirs.channels.index).all()


def test_marginal_noise_leaves_samples_as_spread_as_data_are_and_noise_as_run_does_not():
    many = random_graphs(120, 2, most_nodes=9)
    still = ends_of(walk_of(200, graphs=many), exact)
    noisy = ends_of(walk_of(200, Noise("marginal", 0.7), many), exact)
    as_run = ends_of(walk_of(200, Noise("velocity as run", 3.0), many), exact)
    assert len(still) > 2000 and not torch.allclose(still, noisy, atol=0.1)
    for ends in (still, noisy):
        assert float(ends.mean()) == pytest.approx(MEAN, abs=0.02)
        assert float(ends.std()) == pytest.approx(SPREAD, rel=0.05)
    assert float(as_run.std()) > 1.1 * SPREAD


@pytest.mark.parametrize("path", ["marginal", "velocity as run"])
def test_odds_of_a_noisy_step_are_those_of_a_normal_distribution(path):
    walk = walk_of(8, Noise(path, 0.6))
    *_, visits = walk.visits(exact, walk.start(CPU), range(4))
    visit = visits[-1]
    other = visit.output + 0.3
    mean, spread = walk.mean(visit.held, visit.output, visit.number)
    moved, _ = walk.mean(visit.held, other, visit.number)
    where = deciding(visit.group)[..., None].expand_as(mean)
    reached = visit.after[..., :FLOWING]
    told = [
        torch.distributions.Normal(center, spread).log_prob(reached).where(where, 0).sum((1, 2, 3))
        for center in (mean, moved)
    ]
    ours = [walk.log_probability(visit, output) for output in (visit.output, other)]
    assert torch.allclose(ours[0] - ours[1], told[0] - told[1], rtol=1e-3, atol=1e-3)
    drawn = ((reached - mean) / spread)[where]
    assert float(drawn.std()) == pytest.approx(1, abs=0.2)


def test_no_step_of_any_walk_depends_on_what_stands_in_padding_or_beside():
    whole = walk_of(5, Noise("marginal", 0.7))
    *_, last = whole.visits(exact, whole.start(CPU), range(5))
    padded = [v for v in last if v.group.padded]
    assert padded
    for visit in padded:
        disturbed = visit.after.clone()
        disturbed[~deciding(visit.group)] += 9
        moved = type(visit)(visit.group, visit.number, visit.held, visit.output, disturbed)
        same = whole.log_probability(moved, visit.output)
        assert torch.equal(same, whole.log_probability(visit, visit.output))


def test_steps_without_noise_have_no_odds():
    walk = walk_of(5)
    (visit, *_) = next(walk.visits(exact, walk.start(CPU), range(1)))
    with pytest.raises(RuntimeError, match="must be noisy"):
        walk.log_probability(visit, visit.output)
