"""SimCLR, masked autoencoding and new augmentations as arms: what they train, share and resume."""

import io
import math

import pytest
import torch

from infra.study.study import replace_fields
from trainables.ct.phantom import PhantomConfig
from trainables.dino.config import DinoConfig, EvaluationConfig, HeadConfig, OptimConfig
from trainables.dino.dino import DinoRun
from trainables.dino.mae import MaeConfig
from trainables.vit import ViTConfig

TINY = DinoConfig(
    steps=4,
    steps_per_report=2,
    vit=ViTConfig(image_px=24, patch_px=6, dim=20, depth=2, heads=5, registers=3),
    head=HeadConfig(out_dim=37),
    optim=OptimConfig(batch=7, accumulation=2),
    evaluation=EvaluationConfig(slices=11, batch=4),
    phantom=PhantomConfig(series=4, slices=10, side_px=32, validation_fraction=0.5),
    mae=MaeConfig(dim=16, depth=2, heads=2),
)
NO_DINO = {"loss.dino_weight": 0.0, "loss.gram_weight": 0.0, "loss.koleo_weight": 0.0}
JITTER = {"views.jitter_brightness": 0.2, "views.jitter_contrast": 0.2}
BLUR = {"views.blur_fraction": 0.5, "views.blur_kernel_px": 9}
VARIED = {"phantom.spacing_spread": 0.5}
ARMS = {
    "simclr": NO_DINO | {"loss.simclr_weight": 1.0},
    "mae": NO_DINO | {"loss.mae_weight": 1.0},
    "all terms": {"loss.simclr_weight": 0.3, "loss.mae_weight": 0.2},
    "simclr and gram": {"loss.dino_weight": 0.0, "loss.simclr_weight": 1.0},
    "jitter": JITTER,
    "blur": BLUR,
    "all views": JITTER | BLUR | {"views.crop_scale_min": 0.08, "views.crop_scale_max": 0.5},
    "spacing": VARIED | {"vit.spacing_embedding": True},
    "spacing in mae": NO_DINO | VARIED | {"vit.spacing_embedding": True, "loss.mae_weight": 1.0},
}
RESTING = {"simclr", "mae", "spacing in mae"}  # no term asks the teacher


pytestmark = pytest.mark.usefixtures("one_thread")


def run_of(arm, **fields):
    return DinoRun(replace_fields(TINY, ARMS[arm] | fields))


def exact(metrics):
    return {key: value for key, value in metrics.items() if not key.startswith("perf/")}


def weights(run):
    decoder = run.decoder.state_dict() if run.decoder else {}
    return {**run.student.state_dict(), **run.teacher.state_dict(), "center": run.center, **decoder}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def saved(run):
    file = io.BytesIO()
    torch.save(run.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("arm", ARMS)
def test_resumed_run_matches_uninterrupted_run(arm):
    whole, half, resumed = run_of(arm), run_of(arm), run_of(arm)
    whole.advance(2)
    expected = exact(whole.advance(2) | whole.evaluate())
    half.advance(2)
    resumed.load_state_dict(saved(half))
    assert exact(resumed.advance(2) | resumed.evaluate()) == expected
    assert same(weights(whole), weights(resumed))
    assert str(saved(whole)["optimizer"]) == str(saved(resumed)["optimizer"])


@pytest.mark.parametrize("arm", ARMS)
def test_metrics_are_finite_numbers_under_the_same_keys_and_the_loss_is_the_sum_of_its_terms(arm):
    run = run_of(arm)
    start, trained, end = run.evaluate(), run.advance(3), run.evaluate()
    assert start.keys() == end.keys()
    for value in (start | trained | end).values():
        assert type(value) in (int, float)
        assert math.isfinite(value)
    expected = sum(weight * trained[name] for name, weight in run._terms().items())
    assert math.isclose(trained["train/loss"], expected, rel_tol=1e-5)
    assert 0 <= end["val/top1"] <= end["val/top5"] <= 1
    assert 0 < end["val/embedding_std"] <= 20**-0.5 * 1.1


@pytest.mark.parametrize("arm", ["simclr", "mae", "all terms", "spacing in mae"])
def test_checkpointing_changes_no_gradient(arm):
    gradients = []
    for checkpointing in (False, True):
        run = run_of(arm, **{"vit.checkpointing": checkpointing})
        run._losses(run._views(0), 0)[0].backward()
        gradients.append([p.grad for p in run._parameters()])
    for a, b in zip(*gradients, strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


def test_gradient_of_all_terms_reaches_every_parameter_of_student_and_decoder():
    run = run_of("all terms", **VARIED, **{"vit.spacing_embedding": True})
    run.advance(2)  # the first step moves the last layer of the embedding, which starts from zero
    run._losses(run._views(4), 4)[0].backward()
    assert all(p.grad is not None and p.grad.any() for p in run._parameters())
    assert all(p.grad is None for p in run.teacher.parameters())


@pytest.mark.parametrize("arm", ARMS)
def test_the_teacher_rests_where_no_term_asks_it_but_follows_the_student(arm):
    run, calls = run_of(arm), []
    run.teacher.register_forward_hook(lambda *_: calls.append(1))
    before = run.teacher.backbone.cls.clone()
    metrics = run.advance(1)
    assert len(calls) == (0 if arm in RESTING else 2)
    assert metrics["train/center_momentum"] == (1.0 if arm in RESTING else 0.9)
    assert bool(run.center.any()) == (arm not in RESTING)
    expected = before.lerp(run.student.backbone.cls, 1 - 0.996)
    assert torch.allclose(run.teacher.backbone.cls, expected, atol=1e-8)
    assert not torch.equal(run.teacher.backbone.cls, before)


def test_objectives_share_backbone_batches_and_views():
    base = DinoRun(TINY)
    for arm in ("simclr", "mae", "all terms"):
        other = run_of(arm)
        assert same(base.student.state_dict(), other.student.state_dict())
        assert torch.equal(base._views(3), other._views(3))


def test_masked_autoencoding_never_runs_the_student_on_whole_views():
    run, calls = run_of("mae"), []
    run.student.register_forward_hook(lambda *_: calls.append(1))
    assert run.advance(1)["train/mae_loss"] > 0
    assert calls == []


def test_masks_differ_between_steps_and_repeat_in_a_second_run():
    first, again = (run_of("mae") for _ in range(2))
    views = first._views(0)
    losses = [run._losses(views, step)[0].item() for run in (first, again) for step in (0, 1)]
    assert losses[:2] == losses[2:]
    assert losses[0] != losses[1]


def test_only_masked_autoencoding_has_a_decoder_and_counts_it():
    plain, painting = DinoRun(TINY), run_of("mae")
    assert "decoder" not in plain.state_dict()
    counts = [run.advance(1)["train/parameters"] for run in (plain, painting)]
    assert counts[1] - counts[0] == sum(p.numel() for p in painting.decoder.parameters())


def test_reduced_precision_trains_all_terms():
    metrics = run_of("all terms", precision="bf16").advance(2)
    assert math.isfinite(metrics["train/loss"])


@pytest.mark.parametrize("arm", ["simclr", "mae"])
def test_the_loss_falls(arm):
    run = run_of(arm, **{"steps": 60, "optim.lr": 3e-4})
    first = run.advance(5)["train/loss"]
    run.advance(50)
    assert run.advance(5)["train/loss"] < first - 0.05


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        ({"loss.simclr_weight": -1.0}, "'simclr_weight': -1.0"),
        (NO_DINO, "one of them above"),
        ({"loss.simclr_temperature": 0.0}, "'simclr_temperature': 0.0"),
        ({"loss.mae_weight": 1.0, "mae.mask_fraction": 0.99}, "leave one of 16 patches visible"),
        ({"views.blur_fraction": 1.0, "views.blur_kernel_px": 49}, "make it at most 47"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields, law):
    with pytest.raises(ValueError, match=law):
        replace_fields(TINY, fields)
