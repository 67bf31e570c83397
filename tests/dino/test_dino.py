"""A DINO run: what it trains, what it shares between arms, and that it resumes to the bit."""

import io
import math
from dataclasses import replace

import pytest
import torch

from infra.preflight.leaks import TellsExamples, leak
from infra.study.study import replace_fields
from trainables.ct.phantom import PhantomConfig
from trainables.dino.config import (
    CenterConfig,
    DinoConfig,
    EvaluationConfig,
    HeadConfig,
    LossConfig,
    OptimConfig,
)
from trainables.dino.dino import DinoNetwork, DinoRun, new_network
from trainables.vit import VIT_LARGE, VIT_SMALL, ViTConfig

TINY = DinoConfig(
    steps=6,
    steps_per_report=2,
    vit=ViTConfig(image_px=24, patch_px=8, dim=20, depth=2, heads=5, registers=3),
    head=HeadConfig(out_dim=37),
    optim=OptimConfig(batch=7, accumulation=2),
    evaluation=EvaluationConfig(slices=11, batch=4),
    phantom=PhantomConfig(series=4, slices=10, side_px=32, validation_fraction=0.5),
)


pytestmark = pytest.mark.usefixtures("one_thread")


def exact(metrics):
    return {key: value for key, value in metrics.items() if not key.startswith("perf/")}


def weights(run):
    return {**run.student.state_dict(), "center": run.center}


def same(a, b):
    return all(torch.equal(a[key], b[key]) for key in a)


def saved(run):
    file = io.BytesIO()
    torch.save(run.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize(("vit", "millions"), [(VIT_SMALL, 24.9), (VIT_LARGE, 312.6)])
def test_networks_have_the_documented_parameter_counts(vit, millions):
    with torch.device("meta"):
        network = DinoNetwork(replace(TINY, vit=vit, head=HeadConfig(out_dim=8192)))
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == millions


def test_gradient_reaches_every_parameter():
    run = DinoRun(TINY)
    run._losses(run._views(0), 0)[0].backward()
    missing = [n for n, p in run.student.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []
    assert all(p.grad is None for p in run.teacher.parameters())


def test_resumed_run_matches_uninterrupted_run():
    whole = DinoRun(TINY)
    whole.advance(2)
    points = []
    while not whole.done():
        points.append(exact(whole.advance(2) | whole.evaluate()))
    half = DinoRun(TINY)
    half.advance(2)
    resumed = DinoRun(TINY)
    resumed.load_state_dict(saved(half))
    again = []
    while not resumed.done():
        again.append(exact(resumed.advance(2) | resumed.evaluate()))
    assert again == points
    assert same(weights(whole), weights(resumed))


def test_steps_are_the_same_in_one_chunk_or_many():
    one, many = DinoRun(TINY), DinoRun(TINY)
    one.advance(6)
    for _ in range(6):
        many.advance(1)
    assert same(weights(one), weights(many))


def test_evaluation_changes_nothing_and_repeats_itself():
    seen, blind = DinoRun(TINY), DinoRun(TINY)
    first, again = seen.evaluate(), seen.evaluate()
    assert first == again
    assert seen.step == 0
    before = saved(seen)
    seen.evaluate()
    assert str(before) == str(saved(seen))
    seen.advance(2), seen.evaluate(), seen.advance(2)
    blind.advance(2), blind.advance(2)
    assert same(weights(seen), weights(blind))


def test_the_global_stream_is_left_alone():
    before = torch.random.get_rng_state()
    run = DinoRun(TINY)
    run.advance(1)
    run.evaluate()
    assert torch.equal(before, torch.random.get_rng_state())


def test_seed_reaches_initialisation_and_data():
    runs = [DinoRun(replace(TINY, seed=seed)) for seed in (0, 0, 1)]
    first = [next(run.student.parameters()) for run in runs]
    views = [run._views(3) for run in runs]
    assert torch.equal(first[0], first[1])
    assert torch.equal(views[0], views[1])
    assert not torch.equal(first[0], first[2])
    assert not torch.equal(views[0], views[2])


@pytest.mark.parametrize(
    "arm",
    [{"center.momentum": 0.5}, {"loss.koleo_weight": 0.0}, {"head.out_dim": 41}, {"optim.lr": 1.0}],
)
def test_arms_with_one_seed_see_the_same_draws(arm):
    base, other = DinoRun(TINY), DinoRun(replace_fields(TINY, arm))
    base.advance(1), other.advance(1)
    assert torch.equal(base._views(2), other._views(2))
    network = new_network(replace_fields(TINY, arm), base.device)
    assert same(new_network(TINY, base.device).backbone.state_dict(), network.backbone.state_dict())


def test_metrics_are_plain_numbers_under_the_same_keys_at_every_step():
    run = DinoRun(TINY)
    start, first = run.evaluate(), run.advance(2)
    later, end = run.advance(4), run.evaluate()
    assert start.keys() == end.keys()
    assert first.keys() == later.keys()
    for value in (start | first | end).values():
        assert type(value) in (int, float)
        assert math.isfinite(value)
    assert start["val/top1_gain"] == 0
    assert end["val/n"] == 11
    assert math.isclose(end["val/ratio"], end["val/top1"] * 11)
    wall = math.log(37)
    assert math.isclose(
        end["val/wall_distance_nats"], wall - end["val/dino_loss_nats"], abs_tol=1e-5
    )
    assert first["train/examples"] == 2 * 2 * 7


def test_gain_is_measured_against_the_network_at_step_0_also_after_resuming():
    run = DinoRun(TINY)
    start = run.evaluate()["val/top1"]
    run.advance(3)
    resumed = DinoRun(TINY)
    resumed.load_state_dict(saved(run))
    end = resumed.evaluate()
    assert math.isclose(end["val/top1_gain"], end["val/top1"] - start, abs_tol=1e-9)


@pytest.mark.parametrize("term", ["dino", "gram", "koleo"])
def test_a_weight_of_zero_switches_a_term_off(term):
    run = DinoRun(replace_fields(TINY, {f"loss.{term}_weight": 0.0}))
    metrics = run.advance(2)
    assert not any(term in key for key in metrics)
    assert math.isfinite(run.evaluate()["val/dino_loss_nats"])
    assert not same(weights(run), weights(DinoRun(TINY)))


def test_the_loss_is_the_weighted_sum_of_its_terms():
    loss = LossConfig(dino_weight=0.7, gram_weight=3.0, koleo_weight=0.2)
    metrics = DinoRun(replace(TINY, loss=loss)).advance(3)
    parts = (0.7 * metrics["train/dino_loss_nats"], 3.0 * metrics["train/gram_loss"])
    expected = sum(parts) + 0.2 * metrics["train/koleo_loss"]
    assert math.isclose(metrics["train/loss"], expected, rel_tol=1e-5)


def test_the_center_is_the_documented_running_mean():
    cfg = replace(
        TINY, center=CenterConfig(momentum=0.8), optim=OptimConfig(batch=7, accumulation=1)
    )
    run, expected = DinoRun(cfg), torch.zeros(37)
    for step in range(3):
        with torch.no_grad():
            expected = 0.8 * expected + 0.2 * run.teacher(run._views(step))[1].mean(0)
        run.advance(1)
    assert torch.allclose(run.center, expected, atol=1e-6)


@pytest.mark.parametrize("steps", [10, 100])
def test_the_center_has_the_time_constant_of_its_momentum(steps):
    run = DinoRun(replace(TINY, center=CenterConfig(momentum=0.99)))
    center, target = torch.zeros(37), torch.ones(37)
    for _ in range(steps):
        center.lerp_(target, 1 - run.cfg.center_momentum)
    assert torch.allclose(1 - center, torch.full((37,), math.exp(-steps / 100)), atol=2e-3)


def test_the_teacher_moves_once_per_optimizer_step():
    run = DinoRun(TINY)
    before = run.teacher.head[0].weight.clone()
    run.advance(1)
    expected = before.lerp(run.student.head[0].weight, 1 - 0.996)
    assert torch.allclose(run.teacher.head[0].weight, expected, atol=1e-8)


def test_accumulated_gradients_are_those_of_the_micro_batches():
    run = DinoRun(replace_fields(TINY, {"teacher.momentum": 1.0}))
    reference = DinoRun(TINY)
    for micro_step in range(2):
        (reference._losses(reference._views(micro_step), micro_step)[0] / 2).backward()
    expected = [p.grad.clone() for p in reference.student.parameters()]
    seen = []
    run.optimizer.register_step_pre_hook(
        lambda *_: seen.extend(p.grad.clone() for p in run.student.parameters())
    )
    run.advance(1)
    assert all(torch.equal(a, b) for a, b in zip(seen, expected, strict=True))


def test_a_loss_that_is_not_finite_stops_the_run_in_one_line():
    run = DinoRun(replace_fields(TINY, {"optim.lr": 1e38, "optim.warmup_fraction": 0.0}))
    with pytest.raises(
        FloatingPointError, match="loss must be finite, got .* up to step 6"
    ) as error:
        run.advance(6)
    assert "\n" not in str(error.value)


def test_a_slice_that_is_evaluated_and_trained_on_is_found_by_its_content():
    run = DinoRun(TINY)
    assert isinstance(run, TellsExamples)
    assert leak(run) == ""
    rows = [int(run.slices.train[3]), int(run._evaluation_rows()[2])]
    hu = run.slices.hu.clone()  # the set is shared by all runs of the process
    hu[rows[0]] = hu[rows[1]]
    run.slices = replace(run.slices, hu=hu)
    assert "but 1 of 11 are by their content, the first of them number 2" in leak(run)


def test_a_spent_budget_is_refused():
    run = DinoRun(TINY)
    run.advance(99)
    assert run.done()
    assert run.step == 6
    with pytest.raises(RuntimeError, match="at least one step must be left, got step 6 of 6"):
        run.advance(1)


def test_reduced_precision_trains():
    run = DinoRun(replace(TINY, precision="bf16"))
    metrics = run.advance(2)
    assert math.isfinite(metrics["train/loss"])
    assert all(p.dtype is torch.float32 for p in run.student.parameters())


def test_a_batch_larger_than_the_training_split_is_refused():
    with pytest.raises(ValueError, match="at least 99 training slices .* got 20 and 20"):
        DinoRun(replace_fields(TINY, {"optim.batch": 99}))


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        ({"center.momentum": 1.0}, r"must give a momentum in \[0, 1\), got 1 over 12"),
        ({"center.reference_steps": 2000}, "raise steps or lower reference_steps"),
        ({"loss.dino_weight": -1.0}, "at least 0"),
        ({"loss.teacher_temperature": 0.0}, "temperatures must be above 0"),
        ({"optim.batch": 0}, "optim.batch must be at least 1, got 0"),
        ({"evaluation.slices": 1}, "evaluation.slices must be at least 2, got 1"),
        ({"teacher.momentum": 1.5}, r"teacher.momentum must be in \[0, 1\], got 1.5"),
        ({"views.crop_scale_min": 0.0}, "views.crop_scale_min <= views.crop_scale_max"),
        ({"centre.momentum": 0.9}, "has no field 'centre.momentum'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields, law):
    with pytest.raises(ValueError, match=law):
        replace_fields(TINY, fields)
