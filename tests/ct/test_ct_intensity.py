"""Jitter and blur of whole batches against torchvision's functions on one image at a time."""

from dataclasses import fields

import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from trainables.ct.intensity import blur, brighten, change_contrast, gaussian_kernels
from trainables.ct.views import ViewDraws, ViewsConfig, draw_views, make_views
from trainables.draws import uniform

V, B, S, TAPS = 2, 3, 17, 7
VIEWS = uniform(-0.05, 1.05, (V, B, 3, S, S), "views")  # a bicubic crop overshoots
FACTORS = uniform(0.5, 1.5, (V, B), "factors")
SETTINGS = {
    "jitter_brightness": 0.2,
    "jitter_contrast": 0.2,
    "blur_fraction": 0.5,
    "blur_kernel_px": 5,
    "blur_sigma_max": 1.5,
}


def one_by_one(function, *numbers):
    images = [
        function(VIEWS[v, b], *(float(n[v, b]) for n in numbers))
        for v in range(V)
        for b in range(B)
    ]
    return torch.stack(images).unflatten(0, (V, B))


def test_brightness_is_torchvisions():
    assert torch.allclose(
        brighten(VIEWS, FACTORS), one_by_one(tv.adjust_brightness, FACTORS), atol=1e-6
    )


def test_contrast_is_torchvisions():
    assert torch.allclose(
        change_contrast(VIEWS, FACTORS), one_by_one(tv.adjust_contrast, FACTORS), atol=1e-6
    )


def test_blur_is_torchvisions():
    sigma = uniform(0.1, 2.0, (V, B), "sigma")
    expected = one_by_one(lambda view, s: tv.gaussian_blur(view, [TAPS, TAPS], [s, s]), sigma)
    assert torch.allclose(blur(VIEWS, gaussian_kernels(sigma, TAPS)), expected, atol=1e-5)


def test_blur_that_reaches_as_far_as_reflection_goes_is_torchvisions():
    sigma, taps = uniform(3.0, 9.0, (V, B), "sigma"), 2 * S - 1
    expected = one_by_one(lambda view, s: tv.gaussian_blur(view, [taps, taps], [s, s]), sigma)
    assert torch.allclose(blur(VIEWS, gaussian_kernels(sigma, taps)), expected, atol=1e-5)


def test_no_sigma_leaves_a_view_as_it_is():
    assert torch.equal(blur(VIEWS, gaussian_kernels(torch.zeros(V, B), TAPS)), VIEWS)


def parts(draws):
    return {field.name: getattr(draws, field.name) for field in fields(ViewDraws)}


@pytest.mark.parametrize("name", ["jitter_brightness", "jitter_contrast", "blur_fraction"])
def test_switching_one_augmentation_on_moves_no_other_draw(name):
    everything = parts(draw_views(ViewsConfig(**SETTINGS), 9, 4, "train", 2))
    others = {key: value for key, value in SETTINGS.items() if key != name}
    rest = parts(draw_views(ViewsConfig(**others), 9, 4, "train", 2))
    lost = [key for key, value in rest.items() if value is None]
    assert lost == [name.removeprefix("jitter_").removesuffix("_fraction")]
    assert all(torch.equal(rest[key], everything[key]) for key in rest if key not in lost)


def test_defaults_draw_and_do_nothing_more():
    draws = draw_views(ViewsConfig(), 9, 4, "train", 2)
    assert (draws.brightness, draws.contrast, draws.blur) == (None, None, None)


def test_views_are_jittered_then_blurred_between_crop_and_normalisation():
    hu = (uniform(-1000.0, 1500.0, (B, 3, 24, 24), "hu")).to(torch.int16)
    size = torch.full((B,), 24)
    draws = draw_views(ViewsConfig(**SETTINGS), B, 4, "train", 2)
    plain = draw_views(ViewsConfig(), B, 4, "train", 2)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    undone = [-m / s for m, s in zip(mean, std, strict=True)], [1 / s for s in std]
    before = tv.normalize(make_views(hu, size, size, plain, 11), *undone)
    after = make_views(hu, size, size, draws, 11)
    kernels = draws.blur.flatten(0, 1)
    assert {bool(kernel.max() == 1) for kernel in kernels} == {True, False}  # some are not blurred
    factors = (draws.brightness.flatten(), draws.contrast.flatten())
    for view, bright, contrast, kernel, got in zip(before, *factors, kernels, after, strict=True):
        view = tv.adjust_contrast(tv.adjust_brightness(view, float(bright)), float(contrast))
        weight = torch.outer(kernel, kernel).expand(3, 1, 5, 5)
        padded = torch.nn.functional.pad(view[None], [2] * 4, mode="reflect")
        view = torch.nn.functional.conv2d(padded, weight, groups=3)[0]
        assert torch.allclose(tv.normalize(view, mean, std), got, atol=2e-5)


def test_draws_stay_in_their_documented_ranges():
    cfg = ViewsConfig(jitter_brightness=0.2, jitter_contrast=0.3, blur_fraction=0.4)
    draws = draw_views(cfg, 800, 0, "test")
    assert 0.8 <= draws.brightness.min() < 0.81 < 1.19 < draws.brightness.max() < 1.2
    assert 0.7 <= draws.contrast.min() < 0.71 < 1.29 < draws.contrast.max() < 1.3
    blurred = draws.blur.amax(-1) < 1
    assert draws.blur.shape == (2, 800, 23)
    assert torch.allclose(draws.blur.sum(-1), torch.ones(2, 800))
    # A sigma of .1 leaves all weight in the middle too, up to the precision of a float.
    assert abs(blurred.float().mean() - 0.4 * 1.83 / 1.9) < 0.05


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        ({"jitter_brightness": 1.1}, r"must be in \[0, 1\], got 1.1, 0.0 and 0.0"),
        ({"blur_fraction": -0.1}, r"must be in \[0, 1\]"),
        ({"blur_kernel_px": 4}, "an odd blur_kernel_px must hold, got 0.1, 2.0 and 4"),
        ({"blur_sigma_min": 3.0}, "blur_sigma_min <= blur_sigma_max"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields, law):
    with pytest.raises(ValueError, match=law):
        ViewsConfig(**fields)
