"""A run on portraits: what it trains, what arms share, and that it resumes to the bit."""

import math

import numpy as np
import pytest
import torch
from tiny_portraits import AVERAGES, TINY, exact, same, saved, stems  # noqa: F401

from infra.preflight.leaks import leak
from infra.study.study import replace_fields
from trainables.portrait.portrait import PortraitRun

AS_RUN = {
    "portraits.range": "unit as run",
    "model.adaln_init": "xavier as run",
    "conditions.null_mask": "as run",
    "muon.scope": "ndim2 as run",
    "optim.name": "muon",
    "target.rank": 3,
    "target.as_run": True,
    "target.basis": "first",
    "sample.t_min": 0.05,
    "evaluation.pose": "absent as run",
    "ema.kept": ("as run",),
}
VARIANTS = {
    "healed": {},
    "averages": {"ema.kept": AVERAGES, "optim.accumulation": 2},
    "muon": {"optim.name": "muon", "ema.kept": ("short", "power")},
    "as run": AS_RUN,
    "tread": {"tread.rate": 0.5, "repa.weight": 0.5, "sample.sampler": "self"},
    "each routed": {
        "tread.rate": 0.5, "tread.draw": "per_sample", "repa.weight": 0.5, "repa.on_dropped": False,
        "repa.decay": (0.25, 0.75), "optim.name": "muon",
    },
    "shuffled": {"repa.weight": 0.5, "repa.teacher": "shuffled", "sample.sampler": "dual"},
    "pixels": {"repa.weight": 0.5, "repa.teacher": "pixels", "model.checkpoint": True},
    "shared": {"model.adaln": "shared", "model.adaln_rank": 2, "target.rank": -1},
    "parts": {"parts.face": 2.0, "parts.background": 0.5, "portraits.flip": "remapped"},
    "fewer conditions": {
        "conditions.patches": "none", "conditions.pose": False, "portraits.flip": "naive",
    },
    "pooled": {"conditions.patches": "pooled", "precision": "bf16", "portraits.range": "half"},
}  # fmt: skip
CONTROLS = ("mean", "noise", "another", "blur", "shift")
REPORTED_ONLY = {"perf/stem_s", "perf/stem_own_s", "perf/stem_reused"}

pytestmark = pytest.mark.usefixtures("one_thread", "stems")


def run_of(name="healed", **more):
    return PortraitRun(replace_fields(TINY, VARIANTS[name] | more))


def cloned(run):
    return {key: value.clone() for key, value in run.network.state_dict().items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_stopped_and_resumed_at_any_step_it_is_the_run_that_was_not(name):
    whole = run_of(name)
    whole.advance(2)
    points = [exact(whole.evaluate()), exact(whole.advance(2)), exact(whole.evaluate())]
    half, resumed = run_of(name), run_of(name)
    for _ in range(2):  # and steps are the same in one chunk or many
        half.advance(1)
    resumed.load_state_dict(saved(half))
    again = [exact(resumed.evaluate()), exact(resumed.advance(2)), exact(resumed.evaluate())]
    assert again == points
    assert same(whole.state_dict(), resumed.state_dict())
    assert whole.done() and resumed.done()
    assert all(math.isfinite(value) for point in points for value in point.values())


@pytest.mark.parametrize("name", VARIANTS)
def test_it_trains_all_it_has_and_draws_nothing_from_the_global_stream(name):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    run = run_of(name, steps=8)
    start = cloned(run)
    run.advance(8)
    run.evaluate()
    still = [key for key, value in run.network.state_dict().items() if same(value, start[key])]
    assert not still
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@pytest.mark.parametrize("name", ["averages", "as run", "muon"])
def test_evaluating_and_showing_change_no_bit_of_what_is_trained(name):
    watched, alone = run_of(name), run_of(name)
    for steps in (1, 3):
        for run in (watched, alone):
            run.advance(steps)
        watched.evaluate()
        watched.pictures()
    assert same(watched.state_dict(), alone.state_dict())


def test_pictures_are_of_the_weights_that_are_there_whether_they_were_judged_or_not():
    run, resumed = run_of(), run_of()
    run.advance(2)
    run.evaluate()
    early, state = run.pictures(), saved(run)
    run.advance(2)
    late = run.pictures()
    run.evaluate()
    assert run.pictures() == late != early
    resumed.evaluate()
    resumed.load_state_dict(state)
    assert resumed.pictures() == early


def test_held_out_loss_falls_and_a_second_seed_is_another_run():
    long = {"steps": 45, "optim.lr": 3e-3}
    runs = run_of(**long), run_of(seed=1, **long)
    before = [run.evaluate()["val/flow_loss"] for run in runs]
    for run in runs:
        run.advance(45)
    after = [run.evaluate()["val/flow_loss"] for run in runs]
    assert all(last < 0.5 * first for first, last in zip(before, after, strict=True))
    assert before[0] != before[1] and after[0] != after[1]


def test_fewer_images_are_judged_before_the_end_and_captions_edited_there_alone():
    run = run_of("averages")
    first = run.evaluate()
    run.advance(4)
    last = run.evaluate()
    assert first["val/images"] == 3 and last["val/images"] == 7
    assert "val/edits" not in first and last["val/edits"] <= 4
    assert set(first) >= {f"val/flow_loss@ema_{name.replace(' ', '_')}" for name in AVERAGES}
    assert "val/recon_mse_hf@ema_short" in last and "val/recon_mse_hf@ema_short" not in first


def test_the_other_ways_to_sample_are_told_at_the_end_where_they_are_asked_for():
    ways = {f"val/recon_mse_hf@{way}" for way in ("sampler_none", "sampler_dual", "sampler_self")}
    poses = {f"val/recon_mse_hf@{way}" for way in ("pose_null", "pose_absent")}
    run, plain = run_of("tread", **{"evaluation.samplers": True}), run_of("tread")
    for each in (run, plain):
        each.advance(4)
    told = run.evaluate()
    assert ways | poses <= set(told) and not (ways | poses) & set(plain.evaluate())
    assert told["val/recon_mse_hf@sampler_self"] == told["val/recon_mse_hf"]
    assert told["val/recon_mse_hf@sampler_none"] != told["val/recon_mse_hf"]


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("sample.steps", 3),
        ("sample.sampler", "dual"),
        ("sample.t_min", 0.7),
        ("evaluation.pose", "null"),
        ("evaluation.pose", "absent as run"),
        ("ema.kept", ("short",)),
    ],
)
def test_what_acts_in_evaluation_only_changes_no_weight_and_another_score(knob, value):
    base, arm = run_of(), run_of(**{knob: value})
    for run in (base, arm):
        run.advance(4)
    assert same(base.network.state_dict(), arm.network.state_dict())
    assert exact(base.evaluate()) != exact(arm.evaluate())


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("portraits.range", "unit as run"),
        ("portraits.range", "half"),
        ("portraits.flip", "naive"),
        ("model.adaln", "shared"),
        ("model.adaln_init", "xavier as run"),
        ("target.rank", 8),
        ("target.rank", -1),
        ("target.t_min", 0.4),
        ("time.loc", 1.0),
        ("time.scale", 2.0),
        ("optim.name", "muon"),
        ("optim.warmup", 0.75),
        ("optim.weight_decay", 0.0),
        ("optim.clip", 0.1),
        ("optim.accumulation", 2),
        ("drop.all", 0.4),
        ("conditions.null_mask", "as run"),
        ("conditions.patches", "pooled"),
        ("conditions.pose", False),
        ("tread.rate", 0.5),
        ("repa.weight", 0.5),
        ("parts.face", 2.0),
        ("precision", "bf16"),
    ],
)
def test_every_knob_of_training_acts(knob, value):
    told = run_of().advance(2), run_of(**{knob: value}).advance(2)
    assert told[0]["train/grad_rms@block2"] != told[1]["train/grad_rms@block2"]


@pytest.mark.parametrize(
    ("base", "knob", "value"),
    [
        ("tread", "tread.draw", "per_sample"),
        ("tread", "tread.end", 1),
        ("tread", "repa.on_dropped", False),
        ("tread", "repa.teacher", "pixels"),
        ("tread", "repa.block", 1),
        ("tread", "repa.decay", (0.0, 0.5)),
        ("muon", "muon.scope", "ndim2 as run"),
        ("muon", "muon.momentum", 0.5),
        ("muon", "muon.nesterov", False),
        ("muon", "muon.ns_steps", 2),
        ("shared", "model.adaln_rank", 4),
        ("parts", "parts.normalise", False),
        ("parts", "portraits.flip", "naive"),
        ("as run", "target.basis", "random"),
    ],
)
def test_every_knob_of_a_part_acts_where_the_part_is_on(base, knob, value):
    one, other = run_of(base), run_of(base, **{knob: value})
    assert exact(one.advance(3)) != exact(other.advance(3))


def test_arms_at_one_seed_share_the_draws_that_they_have_in_common():
    routed, plain = run_of("tread"), run_of()
    rows = torch.arange(5)
    one, other = (r.batches.of(rows, r.device, 0, "train", 3, 0) for r in (routed, plain))
    assert torch.equal(one.noise, other.noise) and torch.equal(one.t, other.t)
    assert torch.equal(one.given.text, other.given.text)
    assert one.visible is not None and other.visible is None
    again = routed.batches.of(rows, routed.device, 0, "train", 3, 0)
    further = routed.batches.of(rows, routed.device, 0, "train", 4, 0)
    assert torch.equal(one.visible, again.visible) and not torch.equal(one.t, further.t)


def test_what_training_did_is_told():
    told = run_of("tread").advance(2)
    assert told["train/examples"] == 10 and told["train/portraits"] == 30
    assert told["train/loss"] == pytest.approx(
        told["train/flow_loss"] + 0.5 * told["train/repa_loss"], rel=1e-5
    )
    assert told["train/grad_norm"] > 0 and told["train/flops"] > 0
    blocks = {key for key in told if key.endswith("@block3")}
    assert blocks == {f"train/{what}@block3" for what in ("sqrt_v", "update_rms", "grad_rms")}
    dense = run_of().advance(2)
    assert told["train/flops"] < dense["train/flops"]
    assert "train/repa_loss" not in dense


def test_the_teachers_weight_falls_to_nothing_and_its_loss_is_told_all_along():
    run = run_of("tread", steps=8, **{"repa.decay": (0.25, 0.5)})
    whole, _, none = (run.advance(2) for _ in range(3))
    assert whole["train/loss"] > whole["train/flow_loss"]
    assert none["train/loss"] == none["train/flow_loss"] and none["train/repa_loss"] > 0


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_trains_nothing_and_is_judged_at_once(control):
    run = run_of(control=control)
    assert run.done() and run.step == 0
    told = run.evaluate()
    assert told["val/images"] == 7 and math.isfinite(told["val/recon_mse_hf"])
    assert "val/flow_loss" not in told
    assert set(run.pictures()) == {"samples"}
    with pytest.raises(RuntimeError, match="a control trains nothing"):
        run.advance(1)


def test_too_few_portraits_for_a_step_are_refused():
    with pytest.raises(ValueError, match="must have the 31 of a step at least, got 30"):
        run_of(**{"optim.batch": 31})


def test_a_loss_that_is_no_number_ends_the_run_with_what_to_do():
    run = run_of()
    with torch.no_grad():
        run.network.final.weight.fill_(math.inf)
    with pytest.raises(FloatingPointError, match=r"lower optim\.lr"):
        run.advance(1)


def test_nobody_held_out_is_trained_on():
    assert leak(run_of()) == ""


def test_what_stems_took_is_told_at_the_first_point_alone():
    run = run_of()
    first = run.evaluate()
    assert set(first) >= REPORTED_ONLY
    run.advance(1)
    assert not set(run.evaluate()) & REPORTED_ONLY
