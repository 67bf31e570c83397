"""Samplers against networks whose answers are known, and noise that is a portrait's own."""

import pytest
import torch
from judged_portraits import given
from torch import Tensor

from trainables.portrait.config import SampleConfig
from trainables.portrait.network.given import Given
from trainables.portrait.sampling import guided, noise_for, sample

SHAPE = (3, 6, 5)


def exact(x0: Tensor, floor: float):
    """The velocity of a network that knows the image, its time cut at a floor."""

    def velocity(z: Tensor, t: Tensor, given: Given, routed: bool) -> Tensor:
        return (z - x0) / t.clamp(min=floor)[:, None, None, None]

    return velocity


def passes(z: Tensor, t: Tensor, given: Given, routed: bool) -> Tensor:
    """A velocity that says what it was given, in numbers that can be told apart in any sum."""
    seen = given.text * 1.0 + (given.whole & given.patches) * 10 + given.pose * 100 + routed * 1000
    return seen[:, None, None, None].expand(z.shape)


@pytest.mark.parametrize("sampler", ["none", "self", "dual"])
@pytest.mark.parametrize("steps", [1, 7, 35])
def test_without_a_floor_an_exact_network_lands_on_the_image(sampler, steps):
    x0, noise = torch.rand(2, *SHAPE), noise_for(range(2), SHAPE, "test")
    made = sample(exact(x0, 0.0), noise, given(2), SampleConfig(sampler=sampler, steps=steps))
    torch.testing.assert_close(made, x0, atol=2e-5, rtol=0)


def test_with_the_floor_as_run_the_last_of_35_steps_falls_short_by_as_much_as_computed():
    x0, noise = torch.rand(2, *SHAPE), noise_for(range(2), SHAPE, "test")
    made = sample(exact(x0, 0.05), noise, given(2), SampleConfig(steps=35))
    left = (made - x0) / (noise - x0)
    last = 1 / 35
    expected = last * (1 - last / 0.05)  # 43 % of the last step's way
    torch.testing.assert_close(left, torch.full_like(left, expected), atol=1e-4, rtol=0)
    assert expected == pytest.approx(0.0122, abs=1e-4)


def test_dual_guidance_adds_what_text_and_features_change_and_never_shows_the_joints():
    z, t = torch.zeros(2, *SHAPE), torch.ones(2)
    cfg = SampleConfig(sampler="dual", text=3.0, features=2.5)
    assert (guided(passes, z, t, given(2), cfg) == 3.0 * 1 + 2.5 * 10).all()


def test_dual_guidance_of_the_caption_alone_leaves_the_features_out():
    z, t = torch.zeros(2, *SHAPE), torch.ones(2)
    alone = given(2).but(whole=False, patches=False)
    assert (guided(passes, z, t, alone, SampleConfig(sampler="dual")) == 3.0).all()


def test_self_guidance_goes_beyond_the_dense_pass_away_from_the_routed_one():
    z, t = torch.zeros(2, *SHAPE), torch.ones(2)
    cfg = SampleConfig(sampler="self", scale=3.0)
    assert (guided(passes, z, t, given(2), cfg) == 1111 + 3 * (111 - 1111)).all()


def test_to_mix_velocities_is_to_mix_images():
    z, t = torch.rand(2, *SHAPE), torch.tensor([0.3, 0.02])
    one, two = torch.rand(2, *SHAPE), torch.rand(2, *SHAPE)
    for floor in (0.0, 0.05):
        mixed = exact(two + 3 * (one - two), floor)(z, t, given(2), False)
        apart = [exact(x, floor)(z, t, given(2), False) for x in (one, two)]
        torch.testing.assert_close(
            mixed, apart[1] + 3 * (apart[0] - apart[1]), rtol=1e-3, atol=1e-3
        )


def test_noise_is_a_portraits_own_whoever_else_is_drawn():
    many = noise_for(range(5), SHAPE, "evaluation")
    assert torch.equal(noise_for([3, 1], SHAPE, "evaluation"), many[[3, 1]])
    assert not torch.equal(noise_for([3], SHAPE, "evaluation anew"), many[[3]])
    assert many.flatten(1).unique(dim=0).shape[0] == 5


def test_sampling_draws_nothing_from_torchs_own_stream():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    noise = noise_for(range(2), SHAPE, "test")
    sample(exact(torch.zeros(2, *SHAPE), 0.0), noise, given(2), SampleConfig(steps=2))
    assert torch.equal(torch.get_rng_state(), before)
