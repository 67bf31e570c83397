"""Averages of weights: their mass, and the network that they are lent to."""

import copy

import pytest
import torch
from small_blocks import config, small_blocks, train

from trainables.portrait.config import EmaConfig
from trainables.portrait.training.average import DECAYS, Averages, suffix
from trainables.portrait.training.optim import Optimizer

pytestmark = pytest.mark.usefixtures("one_thread")

ALL = tuple(DECAYS)


def averages_of(network, kept=ALL, steps=20, warmup=0.2):
    return Averages(EmaConfig(kept=kept), steps, warmup, network)


def masses(name, steps, warmup=0.1):
    """What the weights of each step count for at the end; before them those of the start."""
    law = averages_of(torch.nn.Linear(1, 1), (name,), steps, warmup)
    counted, left = [], 1.0
    for step in reversed(range(steps)):
        weight = law.weight(name, step)
        counted.append(left * weight)
        left *= 1 - weight
    return [left, *reversed(counted)]


@pytest.mark.parametrize("steps", [50, 400, 5000])
def test_as_run_most_of_the_average_is_from_within_the_warm_up(steps):
    one = averages_of(torch.nn.Linear(1, 1), steps=steps, warmup=0.1)
    assert one.share_within("as run", steps // 10) == pytest.approx(0.638, abs=0.001)


def test_as_run_the_share_falls_with_the_steps_as_documented():
    one = averages_of(torch.nn.Linear(1, 1), steps=5000, warmup=0.1)
    shares = [one.share_within("as run", 500, steps) for steps in (1000, 2000, 3000, 4000, 5000)]
    assert shares == pytest.approx([0.95, 0.86, 0.78, 0.70, 0.638], abs=0.005)
    assert 1 - one.share_within("as run", 4500) == pytest.approx(0.049, abs=0.001)


@pytest.mark.parametrize("name", ALL)
def test_what_all_steps_count_for_is_one_and_the_start_counts_for_nothing(name):
    counted = masses(name, 400)
    assert sum(counted) == pytest.approx(1)
    assert counted[0] < 1e-6
    one = averages_of(torch.nn.Linear(1, 1), (name,), 400, 0.1)
    assert one.share_within(name, 40) == pytest.approx(sum(counted[:41]))


def test_the_memory_of_an_average_is_its_share_of_any_run():
    for steps in (400, 2000):
        within = {name: sum(masses(name, steps)[: 1 + steps // 10]) for name in ALL}
        assert within["short"] < 1e-10
        assert within["middle"] == pytest.approx(0.0044, abs=0.0005)
        assert within["long"] == pytest.approx(0.079, abs=0.002)  # as run .638, by its ramp alone
        assert within["power"] < 1e-6


def test_averages_are_the_sums_that_their_masses_say():
    network = small_blocks()
    averages, optimizer = averages_of(network), Optimizer(config(), network)
    seen = [network.final.weight.detach().clone()]
    for step in range(20):
        train(network, optimizer, [step])
        averages.update(step)
        seen.append(network.final.weight.detach().clone())
    for name in ALL:
        expected = sum(m * w for m, w in zip(masses(name, 20, 0.2), seen, strict=True))
        with averages.swapped(name):
            assert torch.allclose(network.final.weight, expected, atol=1e-5), name
        assert not torch.equal(expected, seen[-1])


def test_a_lent_network_has_its_own_bits_again_even_behind_an_error():
    network = small_blocks()
    averages = averages_of(network, ("long",))
    train(network, Optimizer(config(), network), range(2))
    own = copy.deepcopy(network.state_dict())
    places = [p.data_ptr() for p in network.parameters()]

    def same():
        state = network.state_dict()
        return all(torch.equal(state[key], own[key]) for key in own)

    with averages.swapped("long"):
        assert not same()
    assert same()
    with pytest.raises(KeyError), averages.swapped("long"):
        raise KeyError("in the middle of an evaluation")
    assert same()
    assert [p.data_ptr() for p in network.parameters()] == places


def test_lending_leaves_the_average_and_the_training_as_they_were():
    lent, plain = small_blocks(), small_blocks()
    runs = []
    for network in (lent, plain):
        averages, optimizer = averages_of(network), Optimizer(config(), network)
        for step in range(6):
            train(network, optimizer, [step])
            averages.update(step)
            if network is lent:
                for name in ALL:
                    with averages.swapped(name):
                        network(torch.ones(2, 7))
        runs.append((network.state_dict(), averages.state_dict()))
    (weights, kept), (other_weights, other_kept) = runs
    assert all(torch.equal(weights[k], other_weights[k]) for k in weights)
    assert all(torch.equal(kept[n][k], other_kept[n][k]) for n in ALL for k in weights)


def test_averages_resume_to_the_bit():
    network = small_blocks()
    averages, optimizer = averages_of(network), Optimizer(config(), network)
    train(network, optimizer, range(3))
    averages.update(0)
    state = copy.deepcopy(averages.state_dict())
    resumed = averages_of(small_blocks())
    resumed.load_state_dict(state)
    train(network, optimizer, range(3, 5))
    averages.update(1)
    again = averages_of(network)
    again.load_state_dict(state)
    again.update(1)
    for name in ALL:
        for key, value in averages.state_dict()[name].items():
            assert torch.equal(again.state_dict()[name][key], value)


def test_an_average_that_is_not_kept_is_refused_and_without_any_nothing_is_told():
    averages = averages_of(small_blocks(), ())
    with (
        pytest.raises(ValueError, match="got 'long'; add it to ema.kept"),
        averages.swapped("long"),
    ):
        pass
    assert averages.metrics() == averages.state_dict() == {}


def test_the_share_within_the_warm_up_is_told_by_the_names_of_metrics():
    told = averages_of(small_blocks(), ("as run", "long"), 400, 0.1).metrics()
    assert told["train/share_within_warmup@ema_as_run"] == pytest.approx(0.638, abs=0.001)
    assert told["train/share_within_warmup@ema_long"] < 0.1
    assert [suffix(name) for name in ALL] == [
        "ema_short", "ema_middle", "ema_long", "ema_as_run", "ema_power",
    ]  # fmt: skip


def test_an_average_that_is_mostly_of_the_warm_up_is_warned_of(capsys):
    averages_of(small_blocks(), ("as run", "long"), 400, 0.1)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 1
    assert told[0].startswith("average 'as run': 64% of it will be weights from within the warm-up")
