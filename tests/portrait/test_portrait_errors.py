"""Errors of pixels, faces and spectra: exact where they can be, and missing where nothing is."""

import pytest
import torch
from judged_portraits import portraits
from scipy.ndimage import gaussian_filter

from trainables.portrait.judge.controls import control_images
from trainables.portrait.judge.errors import (
    blurred,
    cropped,
    face_boxes,
    pixels,
    squared,
    squared_fine,
    within,
)
from trainables.portrait.judge.nearness import image_scores, main_scores
from trainables.portrait.judge.spectrum import fine_power, spectrum_ratio
from trainables.portrait.portraits import PARTS

HOST = torch.device("cpu")
CONTROLS = ("mean", "noise", "another", "blur", "shift")


def images(count: int = 3) -> torch.Tensor:
    return pixels(portraits(count), HOST)


def test_the_blur_is_that_of_scipy_with_the_edge_going_on():
    x = images()
    expected = gaussian_filter(x.double().numpy(), (0, 0, 2, 2), mode="nearest", truncate=4)
    torch.testing.assert_close(blurred(x, 2.0).double(), torch.tensor(expected), atol=1e-5, rtol=0)


def test_what_is_coarse_alone_is_no_fine_error():
    true = images()
    assert squared_fine(true + 0.3, true).max() < 1e-10
    assert squared(true + 0.3, true).mean() == pytest.approx(0.09, rel=1e-5)
    checks = (torch.arange(24)[:, None] + torch.arange(28)[None]) % 2 * 0.2 - 0.1
    assert squared_fine(true + checks, true).mean() == pytest.approx(0.01, rel=1e-2)


def test_the_fine_error_is_of_both_blurs_taken_off():
    made, true = images().flip(0), images()
    apart = (made - blurred(made, 2.0)) - (true - blurred(true, 2.0))
    torch.testing.assert_close(squared_fine(made, true), apart.square().mean(1))


def test_a_face_box_is_around_its_parts_and_an_image_without_has_none():
    parts = torch.zeros(3, 10, 20, dtype=torch.uint8)
    parts[0, 2:5, 3:13] = PARTS.index("skin")
    parts[0, 6, 7] = PARTS.index("mouth")
    parts[1, 0, :] = PARTS.index("hair")
    parts[2, 9, 19] = PARTS.index("eyes")
    boxes, there = face_boxes(parts)
    assert there.tolist() == [True, False, True]
    torch.testing.assert_close(boxes[0], torch.tensor([3 / 20, 2 / 10, 13 / 20, 7 / 10]))
    torch.testing.assert_close(boxes[2], torch.tensor([0.95, 0.9, 1.0, 1.0]))


def test_an_error_within_a_box_is_the_mean_of_its_pixels_alone():
    error = torch.arange(200.0).reshape(1, 10, 20)
    box = torch.tensor([[3 / 20, 2 / 10, 13 / 20, 7 / 10]])
    assert within(box, error).item() == pytest.approx(error[0, 2:7, 3:13].mean().item())


def test_a_crop_of_a_box_of_as_many_pixels_is_those_pixels():
    x = images(2)
    box = torch.tensor([[4 / 28, 6 / 24, 20 / 28, 22 / 24]]).expand(2, 4)
    torch.testing.assert_close(cropped(x, box, 16), x[:, :, 6:22, 4:20], atol=1e-5, rtol=0)


def test_the_true_spectrum_has_ratio_one_a_blur_less_and_noise_more():
    true = images()
    noise = true + 0.2 * torch.randn(true.shape, generator=torch.Generator().manual_seed(0))
    assert spectrum_ratio(true, true) == 1.0
    blur, more = spectrum_ratio(blurred(true, 2.0), true), spectrum_ratio(noise, true)
    assert blur is not None and blur < 0.1
    assert more is not None and more > 1.5
    assert spectrum_ratio(0.5 * true, true) == pytest.approx(0.25, rel=1e-4)


def test_a_spectrum_against_flat_images_is_missing_and_not_infinite():
    flat = torch.full((2, 3, 24, 28), 0.3)
    assert spectrum_ratio(images(2), flat) is None
    assert "val/spectrum_ratio" not in main_scores(
        torch.zeros(2, 3, 24, 28), with_images(torch.zeros(2, 3, 24, 28)), {}
    )


def with_images(x: torch.Tensor):
    from dataclasses import replace

    return replace(portraits(len(x)), images=(x * 255).to(torch.uint8))


@pytest.mark.parametrize(("side_px", "fine"), [(6, 1.0), (10, 0.0)])
def test_a_wave_is_fine_when_its_period_is_below_eight_pixels(side_px, fine):
    at = torch.arange(120.0)
    wave = torch.sin(2 * torch.pi * at / side_px).expand(1, 3, 120, 120)
    assert fine_power(wave).item() == pytest.approx(0.5 * fine, abs=0.01)


def test_faces_are_told_where_there_are_any():
    truth = portraits(4)
    made = control_images("another", truth, truth, seed=0)
    values = main_scores(made, truth, {})
    expected = squared(made, pixels(truth, HOST)).mean()
    assert values["val/recon_mse"] == pytest.approx(float(expected))
    assert {"val/recon_mse_hf@face", "val/recon_mse@face"} < set(values)
    truth.parts.zero_()
    assert not [name for name in main_scores(made, truth, {}) if "face" in name]


def test_an_error_outside_the_face_is_not_told_of_it():
    truth = portraits(2)
    made = pixels(truth, HOST)
    made[:, :, :2] = 1 - made[:, :, :2]
    values = main_scores(made, truth, {})
    assert values["val/recon_mse@face"] == 0.0 < values["val/recon_mse"]
    assert values["val/images"] == 2


def test_a_distance_is_told_under_its_kind():
    made, true = images(), images().flip(0)
    values = image_scores(
        made, true, {"stalex": lambda a, b: (a - b).abs().mean((1, 2, 3))}, "text"
    )
    assert list(values) == ["val/text_mse_hf", "val/text_mse", "val/text_lpips_stalex"]
    assert values["val/text_lpips_stalex"] == pytest.approx(float((made - true).abs().mean()))


def test_controls_make_images_of_no_model_and_depend_on_the_seed_where_they_draw():
    train, truth = portraits(7, seed=5), portraits(3)
    true = pixels(truth, HOST)
    made = {
        n: control_images(n, train, truth, 0) for n in ("mean", "noise", "another", "blur", "shift")
    }
    assert all(x.shape == true.shape and 0 <= x.min() <= x.max() <= 1 for x in made.values())
    torch.testing.assert_close(made["mean"][1], pixels(train, HOST).mean(0))
    assert torch.equal(made["shift"][..., 1:], true[..., :-1])
    assert torch.equal(made["shift"][..., 0], true[..., 0])
    assert all((pixels(train, HOST) == one).flatten(1).all(1).any() for one in made["another"])
    for name, x in made.items():
        again, other = (control_images(name, train, truth, seed) for seed in (0, 1))
        assert torch.equal(x, again)
        assert torch.equal(x, other) == (name in ("mean", "blur", "shift"))


def test_no_control_at_all_is_refused_in_a_line():
    with pytest.raises(ValueError, match="must be one that makes images, got ''"):
        control_images("", portraits(2), portraits(2), 0)
