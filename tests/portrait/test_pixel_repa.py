"""REPA: whose features, on which grid, of which tokens and portraits, and for how long."""

import pytest
import torch

from trainables.draws import generator
from trainables.portrait.config import RepaConfig
from trainables.portrait.patch_grid import grid_of
from trainables.portrait.training.repa import (
    others,
    pixel_features,
    repa_loss,
    resized,
    taught,
    weight_at,
)

B, F = 4, 5
FEATURES = torch.randn(B, 24, F, generator=generator("features"))  # a grid of 4 x 6
X0 = torch.randn(B, 3, 8, 12, generator=generator("pictures"))
SAID = torch.randn(B, 24, F, generator=generator("said"))


def test_the_weight_is_whole_then_falls_in_a_line_then_is_nothing():
    cfg = RepaConfig(weight=0.5, decay=(0.2, 0.3))
    weights = [weight_at(cfg, step, 100) for step in (0, 19, 20, 25, 29, 30, 99)]
    assert weights == pytest.approx([0.5, 0.5, 0.5, 0.25, 0.05, 0, 0])
    assert [weight_at(RepaConfig(weight=0.5), step, 100) for step in (0, 99)] == [0.5, 0.5]
    sudden = RepaConfig(weight=0.5, decay=(0.4, 0.4))
    assert [weight_at(sudden, step, 100) for step in (39, 40)] == [0.5, 0]


def test_features_of_the_same_grid_are_themselves():
    assert torch.equal(resized(FEATURES, (4, 6)), FEATURES)


def test_a_coarser_grid_has_the_means_of_a_finer_one_and_no_row_moves():
    squares = FEATURES.unflatten(1, (4, 6))
    means = squares.unflatten(1, (2, 2)).unflatten(3, (3, 2)).mean((2, 4))
    assert torch.allclose(resized(FEATURES, (2, 3)), means.flatten(1, 2), atol=1e-6)


def test_a_finer_grid_is_between_its_neighbours_in_both_directions():
    ramp = torch.arange(4.0)[:, None] * 10 + torch.arange(6.0)
    finer = resized(ramp.reshape(1, 24, 1), (8, 12)).reshape(8, 12)
    place = (torch.arange(8.0) - 0.5)[:, None] / 2 * 10 + (torch.arange(12.0) - 0.5) / 2
    assert torch.allclose(finer[1:-1, 1:-1], place[1:-1, 1:-1], atol=1e-5)


def test_grids_that_rounding_made_unlike_are_resized_and_others_refused():
    """Of 704 x 1344 px are 11 x 21 patches of 64 px and 50 x 96 of 14."""
    assert grid_of(6, (8, 12)) == (2, 3) and grid_of(64, (32, 32)) == (8, 8)
    assert grid_of(50 * 96, (704, 1344)) == grid_of(50 * 96, (11, 21)) == (50, 96)
    assert resized(torch.randn(1, 50 * 96, 2), (11, 21)).shape == (1, 231, 2)
    for patches in (0, 12, 18 * 19, 23):
        with pytest.raises(ValueError, match=f"grid of squares over 4 x 4, got {patches};"):
            resized(torch.randn(1, patches, 2), (4, 4))


def test_each_portrait_gets_the_features_of_another_and_each_is_given_once():
    orders = [others(7, generator("shuffle", draw)) for draw in range(20)]
    for order in orders:
        assert sorted(order.tolist()) == list(range(7))
        assert all(order[place] != place for place in range(7))
    assert len({tuple(order.tolist()) for order in orders}) > 10
    assert others(2, generator("two")).tolist() == [1, 0]
    with pytest.raises(ValueError, match="needs another portrait in the batch, got 1; set optim"):
        others(1, generator("one"))


def test_a_teachers_rows_are_its_own_anothers_or_of_pixels():
    asked = {"features": FEATURES, "x0": X0, "patch": 2, "seed": 1, "step": 3}
    own = taught(RepaConfig(), **asked)
    shuffled = taught(RepaConfig(teacher="shuffled"), **asked)
    pixels = taught(RepaConfig(teacher="pixels"), **asked)
    assert torch.equal(own, FEATURES)
    order = others(B, generator(1, "repa shuffled", 3))
    assert torch.equal(shuffled, FEATURES[order])
    later = taught(RepaConfig(teacher="shuffled"), **{**asked, "step": 4})
    assert not torch.equal(later, shuffled)
    assert torch.equal(pixels, pixel_features(X0, 2, F, 1))
    assert torch.equal(pixels, taught(RepaConfig(teacher="pixels"), **{**asked, "step": 4}))
    assert not torch.equal(pixels, pixel_features(X0, 2, F, 2))


def test_the_features_of_pixels_are_a_linear_map_of_each_patch():
    twice = pixel_features(2 * X0, 2, F, 1)
    assert torch.allclose(twice, 2 * pixel_features(X0, 2, F, 1), atol=1e-5)
    elsewhere = X0.clone()
    elsewhere[:, :, :2, :2] += 1
    changed = (pixel_features(elsewhere, 2, F, 1) != pixel_features(X0, 2, F, 1)).any(2)
    assert changed[:, 0].all() and not changed[:, 1:].any()


def test_the_loss_is_nothing_for_the_same_direction_and_two_for_the_opposite():
    assert float(repa_loss(3 * FEATURES, FEATURES)) == pytest.approx(0, abs=1e-6)
    assert float(repa_loss(-FEATURES, FEATURES)) == pytest.approx(2)
    cosines = torch.cosine_similarity(SAID, FEATURES, dim=-1)
    assert float(repa_loss(SAID, FEATURES)) == pytest.approx(float(1 - cosines.mean()), abs=1e-6)


def test_visible_tokens_are_compared_with_the_features_of_their_own_places():
    shared = torch.tensor([1, 4, 22])
    assert float(repa_loss(FEATURES[:, shared], FEATURES, shared)) == pytest.approx(0, abs=1e-6)
    each = torch.stack([torch.randperm(24, generator=generator(i))[:7].sort()[0] for i in range(B)])
    seen = torch.stack([FEATURES[i, each[i]] for i in range(B)])
    assert float(repa_loss(seen, FEATURES, each)) == pytest.approx(0, abs=1e-6)
    assert float(repa_loss(seen, FEATURES, each.roll(1, 0))) > 0.1


def test_only_portraits_that_count_are_compared():
    counted = torch.tensor([True, False, True, False])
    both = repa_loss(SAID[[0, 2]], FEATURES[[0, 2]])
    assert float(repa_loss(SAID, FEATURES, counted=counted)) == pytest.approx(float(both))
    assert float(repa_loss(SAID, FEATURES, counted=torch.zeros(B, dtype=torch.bool))) == 0
