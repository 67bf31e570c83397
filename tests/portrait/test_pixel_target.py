"""What the network is asked for: ranges, patches, bases, and the velocity that an answer means."""

from dataclasses import replace

import pytest
import torch

from infra.study.study import replace_fields
from trainables.draws import generator
from trainables.portrait.config import PortraitConfig, TargetConfig
from trainables.portrait.training.target import (
    RANGES,
    Target,
    basis,
    from_model,
    patchify,
    projected,
    to_model,
    unpatchify,
)

PATCH = 2
D = 12  # numbers of a patch
BASES = ["pca", "first", "random", "dct"]
# Of another height than width.
IMAGES = torch.randint(0, 256, (5, 3, 6, 8), generator=generator("images")).to(torch.uint8)
X0 = to_model(IMAGES, "signed")
NOISE = torch.randn(5, 3, 6, 8, generator=generator("noise"))
T = torch.tensor([0.1, 0.2, 0.5, 0.9, 1.0])
ANSWER = torch.randn(5, 3, 6, 8, generator=generator("answer"))

pytestmark = pytest.mark.usefixtures("one_thread")


def config(**overrides):
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return replace_fields(PortraitConfig(), {"portraits.size": 8, "model.patch": PATCH, **named})


def target_of(rank, kind="pca", **more):
    cfg = config(target__rank=rank, target__basis=kind, **more)
    return Target(cfg.target, PATCH, basis(cfg, IMAGES))


def mixed(t):
    t = t[:, None, None, None]
    return (1 - t) * X0 + t * NOISE


@pytest.mark.parametrize("kind", BASES)
@pytest.mark.parametrize("rank", [0, 1, 5, D - 1, D, -1])
def test_the_right_answer_means_the_velocity_for_every_rank_and_basis(kind, rank):
    target = target_of(rank, kind)
    velocity = target.velocity(target.truth(X0, NOISE), mixed(T), T, t_min=0.0)
    assert (velocity - (NOISE - X0)).abs().max() < 1e-5
    assert target.loss(target.truth(X0, NOISE), X0, NOISE, T).max() < 1e-10


@pytest.mark.parametrize("kind", BASES)
@pytest.mark.parametrize("rank", [0, 5, D])
def test_the_loss_is_the_error_of_the_velocity_that_the_answer_means(kind, rank):
    target = target_of(rank, kind)
    means = target.velocity(ANSWER, mixed(T), T, t_min=0.05)
    expected = (means - (NOISE - X0)).square().mean((1, 2, 3))
    assert torch.allclose(target.loss(ANSWER, X0, NOISE, T), expected, rtol=1e-4)


def test_rank_none_asks_for_the_picture_and_weighs_its_error_by_time():
    target, t = target_of(0), torch.tensor([0.01, 0.05, 0.3, 0.7, 1.0])
    assert torch.equal(target.truth(X0, NOISE), -X0)
    of_picture = (ANSWER + X0).square().mean((1, 2, 3))
    cut = torch.tensor([0.05, 0.05, 0.3, 0.7, 1.0])
    assert torch.allclose(target.loss(ANSWER, X0, NOISE, t), of_picture / cut**2, rtol=1e-5)


def test_full_rank_asks_for_the_velocity_at_any_time():
    target = target_of(-1)
    assert torch.equal(target.truth(X0, NOISE), NOISE - X0)
    assert torch.allclose(target.velocity(ANSWER, mixed(T), T, 0.05), ANSWER, atol=1e-5)
    of_velocity = (ANSWER - (NOISE - X0)).square().mean((1, 2, 3))
    for t in (T, T / 1000):
        assert torch.allclose(target.loss(ANSWER, X0, NOISE, t), of_velocity, rtol=1e-4)


def test_a_time_below_the_least_is_cut_in_the_answer_and_in_the_truth_alike():
    target, t = target_of(3), torch.full((5,), 0.01)
    right = target.truth(X0, NOISE)
    assert target.loss(right, X0, NOISE, t).max() < 1e-10
    assert (target.velocity(right, mixed(t), t, 0.05) - (NOISE - X0)).abs().max() > 0.5
    still = target.velocity(right, mixed(t * 0), t * 0, 0.0)
    assert still.isfinite().all()


@pytest.mark.parametrize("kind", BASES)
@pytest.mark.parametrize("rank", [1, 5, D])
def test_columns_of_a_basis_are_orthonormal_and_project_once_and_for_all(kind, rank):
    cfg = config(target__rank=rank, target__basis=kind)
    columns = basis(cfg, IMAGES)
    assert columns.shape == (D, rank)
    assert torch.allclose(columns.mT @ columns, torch.eye(rank), atol=1e-5)
    once = projected(ANSWER, columns, PATCH)
    assert torch.allclose(projected(once, columns, PATCH), once, atol=1e-5)
    assert (rank == D) == torch.allclose(once, ANSWER, atol=1e-5)


def test_a_full_basis_may_be_turned_without_a_change():
    cfg = config(target__rank=D, target__basis="random")
    for seed in (1, 2):
        turned = basis(replace(cfg, seed=seed), IMAGES)
        assert torch.allclose(projected(ANSWER, turned, PATCH), ANSWER, atol=1e-5)
        one, other = Target(cfg.target, PATCH, turned), target_of(-1)
        assert torch.equal(one.truth(X0, NOISE), other.truth(X0, NOISE))
    # The turned basis is none that a smaller rank would share.
    assert not torch.allclose(basis(replace(cfg, seed=1), IMAGES), turned, atol=0.1)


def test_a_smaller_basis_may_be_turned_within_itself():
    cfg = config(target__rank=4)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator("turn")))[0]
    columns = basis(cfg, IMAGES)
    one, other = (Target(cfg.target, PATCH, b) for b in (columns, columns @ turn))
    losses = [target.loss(ANSWER, X0, NOISE, T) for target in (one, other)]
    assert torch.allclose(*losses, rtol=1e-4)


def test_the_first_dimensions_are_the_red_pixels_of_the_top_row():
    columns = basis(config(target__rank=2, target__basis="first"), IMAGES)
    kept = projected(ANSWER, columns, PATCH)
    assert torch.equal(kept[:, 0, ::PATCH], ANSWER[:, 0, ::PATCH])
    assert not kept[:, 0, 1::PATCH].any() and not kept[:, 1:].any()


def test_principal_dimensions_hold_more_of_the_pictures_than_any_others():
    smooth = torch.nn.functional.interpolate(X0[:, :, :3, :4], (6, 8), mode="bilinear")
    images = ((smooth + 1) * 127).to(torch.uint8)
    spread = patchify(to_model(images, "signed"), PATCH).flatten(0, 1)
    spread = spread - spread.mean(0)
    held = {}
    for kind in BASES:
        columns = basis(config(target__rank=4, target__basis=kind), images)
        held[kind] = float((spread @ columns).square().sum() / spread.square().sum())
    values = torch.linalg.svdvals(spread).square()
    assert held["pca"] == pytest.approx(float(values[:4].sum() / values.sum()), rel=1e-4)
    assert held["pca"] > held["dct"] > held["random"]


def test_the_lowest_frequencies_are_the_mean_of_each_channel():
    columns = basis(config(target__rank=3, target__basis="dct"), IMAGES)
    kept = projected(ANSWER, columns, PATCH)
    means = torch.nn.functional.avg_pool2d(ANSWER, PATCH)
    assert torch.allclose(kept, means.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-5)


def test_a_basis_follows_the_seed_only_where_it_is_drawn():
    for kind in BASES:
        cfg = config(target__rank=4, target__basis=kind)
        one, again, other = (basis(replace(cfg, seed=s), IMAGES) for s in (1, 1, 2))
        assert torch.equal(one, again)
        assert torch.equal(one, other) == (kind != "random")


def test_more_dimensions_than_patches_are_refused_where_they_are_fitted():
    few = IMAGES[:1, :, :2, :4]
    cfg = config(target__rank=3)
    with pytest.raises(ValueError, match="at least target.rank 3 patches, got 2; take another"):
        basis(cfg, few)
    assert basis(config(target__rank=3, target__basis="dct"), few).shape == (D, 3)


def test_a_rank_beyond_the_patch_and_a_basis_of_other_patches_are_refused():
    with pytest.raises(ValueError, match="target.rank must be at most the 12 dimensions"):
        config(target__rank=13)
    with pytest.raises(ValueError, match="must have the 48 numbers of a patch, got 12"):
        Target(TargetConfig(), 4, torch.eye(12))


def test_as_run_the_low_rank_answer_is_trained_and_then_taken_for_the_velocity():
    target = target_of(4, target__as_run=True)
    right = target.truth(X0, NOISE)
    assert target.loss(right, X0, NOISE, T).max() == 0
    means = target.velocity(right, mixed(T), T, t_min=0.05)
    assert torch.equal(means, right)
    # Off by all the noise that is not in the basis.
    rest = NOISE - projected(NOISE, target.basis, PATCH)
    assert torch.allclose(NOISE - X0 - means, rest, atol=1e-5)
    assert torch.allclose(
        target.loss(ANSWER, X0, NOISE, T), (ANSWER - right).square().mean((1, 2, 3))
    )


def test_errors_count_by_their_weights():
    target, weights = target_of(4), torch.rand(5, 6, 8, generator=generator("weights"))
    plain = target.loss(ANSWER, X0, NOISE, T)
    assert torch.allclose(target.loss(ANSWER, X0, NOISE, T, torch.ones(5, 6, 8)), plain)
    halved = target.loss(ANSWER, X0, NOISE, T, torch.full((5, 6, 8), 0.5))
    assert torch.allclose(halved, plain / 2)
    weights[2] = 0
    assert (target.loss(ANSWER, X0, NOISE, T, weights) > 0).tolist() == [1, 1, 0, 1, 1]


def test_projections_keep_their_precision_under_autocasting():
    target = target_of(4)
    with torch.autocast("cpu", torch.bfloat16):
        cast = target.loss(ANSWER, X0, NOISE, T)
    assert torch.equal(cast, target.loss(ANSWER, X0, NOISE, T))
    assert target.velocity(ANSWER.bfloat16(), mixed(T), T, 0.05).dtype == torch.float32


def test_patches_come_apart_and_together_again():
    patches = patchify(X0, PATCH)
    assert patches.shape == (5, 12, D)
    # The second patch of the first row: channel by channel, row by row.
    assert torch.equal(patches[1, 1], X0[1, :, 0:2, 2:4].reshape(-1))
    assert torch.equal(patches[1, 4], X0[1, :, 2:4, 0:2].reshape(-1))
    assert torch.equal(unpatchify(patches, PATCH, 6), X0)


@pytest.mark.parametrize(
    ("kind", "ends"), [("signed", (-1, 1)), ("unit as run", (0, 1)), ("half", (-0.5, 0.5))]
)
def test_pixels_come_back_from_every_range(kind, ends):
    assert set(RANGES) == {"signed", "unit as run", "half"}
    black_and_white = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert to_model(black_and_white, kind)[:, 0, 0, 0].tolist() == [*ends]
    back = from_model(to_model(IMAGES, kind), kind)
    assert (back - IMAGES / 255).abs().max() < 1e-6
    assert torch.allclose(to_model(IMAGES / 255, kind), to_model(IMAGES, kind), atol=1e-6)


def test_a_drawing_beyond_white_is_cut_and_an_image_beyond_it_refused():
    assert from_model(torch.full((1, 3, 1, 1), 1.5), "signed").max() == 1
    for value, told in ((1.5, "got 0.5 to 1.5"), (-0.1, "got -0.1 to 0.5"), (float("nan"), "nan")):
        images = torch.full((1, 3, 2, 2), 0.5)
        images[0, 1, 0, 1] = value
        with pytest.raises(ValueError, match=told):
            to_model(images, "unit as run")
