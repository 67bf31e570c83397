"""The probe run: two phases, a backbone that stays frozen, exact resume, and its metrics."""

import io
import math
from dataclasses import replace

import pytest
import torch
from sklearn.metrics import roc_auc_score

from trainables.ct.nodules import NodulesConfig
from trainables.ct.phantom import PhantomConfig
from trainables.dino.config import DinoConfig, EvaluationConfig, HeadConfig, OptimConfig
from trainables.dino.metrics import mean_cosine
from trainables.dino.probe import ProbeRun, auroc, auroc_se
from trainables.dino.probe_config import FitConfig, ProbeConfig
from trainables.dino.probe_features import FeaturesConfig, class_separation, features
from trainables.vit import ViTConfig

TINY = ProbeConfig(
    steps_per_report=2,
    dino=DinoConfig(
        steps=3,
        vit=ViTConfig(image_px=24, patch_px=8, dim=20, depth=2, heads=5, registers=3),
        head=HeadConfig(out_dim=37),
        optim=OptimConfig(batch=7),
        evaluation=EvaluationConfig(slices=11, batch=4),
        phantom=PhantomConfig(series=16, slices=18, side_px=40, validation_fraction=0.25),
    ),
    nodules=NodulesConfig(crop_px=8),
    features=FeaturesConfig(token="both", reach=1, batch=10),
    fit=FitConfig(epochs=4, batch=6, lrs=(0.01, 0.1, 1.0)),
    shape_nodules=13,
)


pytestmark = pytest.mark.usefixtures("one_thread")


def exact(metrics):
    return {key: value for key, value in metrics.items() if not key.startswith("perf/")}


def saved(run):
    file = io.BytesIO()
    torch.save(run.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def weights(run):
    return {key: value.clone() for key, value in run.state_dict()["model"].items()}


@pytest.mark.parametrize("at", [2, 5], ids=["while pretraining", "while probing"])
def test_resumed_run_matches_uninterrupted_run(at):
    whole = ProbeRun(TINY)
    points = []
    while not whole.done():
        points.append((exact(whole.advance(1)), exact(whole.evaluate())))
    half = ProbeRun(TINY)
    half.advance(at)
    resumed = ProbeRun(TINY)
    resumed.load_state_dict(saved(half))
    assert resumed.step == at
    again = []
    while not resumed.done():
        again.append((exact(resumed.advance(1)), exact(resumed.evaluate())))
    assert again == points[at:]
    assert len(points) == TINY.steps == 7
    one, two = weights(whole), weights(resumed)
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_one_call_crosses_from_pretraining_to_probing():
    split, crossing = ProbeRun(TINY), ProbeRun(TINY)
    split.advance(3)
    split.advance(2)
    metrics = crossing.advance(5)
    assert {"train/loss", "train/probe_loss_nats"} <= set(metrics)
    assert metrics["train/examples"] == 3 * 7 + 2 * len(crossing.sides[0])
    assert exact(split.evaluate()) == exact(crossing.evaluate())


def test_probing_moves_the_probes_and_not_the_backbone():
    run = ProbeRun(TINY)
    run.advance(3)
    before = weights(run)
    run.advance(4)
    after = weights(run)
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved == {"probes.weight", "probes.bias"}
    assert all(p.grad is None or not p.grad.any() for p in run.dino.student.parameters())
    assert all(p.grad is not None for p in run.probes.parameters())
    assert after["probes.weight"].abs().amin(1).gt(0).all()  # of each learning rate


def test_pretraining_is_that_of_the_dino_run():
    run = ProbeRun(replace(TINY, seed=4))
    alone = type(run.dino)(replace(TINY.dino, seed=4))
    assert run.advance(3)["train/loss"] == alone.advance(3)["train/loss"]
    ours, theirs = run.dino.student.state_dict(), alone.student.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_without_pretraining_the_backbone_is_the_initial_one():
    run = ProbeRun(replace(TINY, pretrained=False))
    start = weights(run)
    run.advance(4)
    assert run.done()
    end = weights(run)
    assert all(torch.equal(start[key], end[key]) for key in start if "student" in key)


def test_evaluation_changes_nothing():
    one, two = ProbeRun(TINY), ProbeRun(TINY)
    for run, look in ((one, True), (two, False)):
        while not run.done():
            if look:
                run.evaluate()
            run.advance(2)
    assert exact(one.evaluate()) == exact(two.evaluate())


def test_before_its_first_epoch_the_probe_is_at_chance():
    run = ProbeRun(TINY)
    assert run.evaluate()["test/auroc"] == 0.5
    run.advance(3)
    assert run.evaluate()["val/auroc"] == 0.5


def test_all_learning_rates_at_once_are_one_after_the_other():
    together = ProbeRun(replace(TINY, pretrained=False))
    together.advance(4)
    for index, lr in enumerate(TINY.fit.lrs):
        fit = replace(TINY.fit, lrs=(lr,))
        alone = ProbeRun(replace(TINY, pretrained=False, fit=fit))
        alone.advance(4)
        ours = together.probes.weight[index]
        torch.testing.assert_close(ours, alone.probes.weight[0], rtol=1e-4, atol=1e-6)


def test_the_loss_weighs_positives_by_their_rarity():
    run = ProbeRun(replace(TINY, pretrained=False, fit=replace(TINY.fit, batch=10**6)))
    positive = run.labels[0]
    weight = (~positive).sum() / positive.sum()
    each = math.log(2)
    expected = each * (weight * positive.sum() + (~positive).sum()) / len(positive)
    assert run.advance(1)["train/probe_loss_nats"] == pytest.approx(float(expected), rel=1e-5)


def test_the_tested_learning_rate_is_chosen_on_validation():
    run = ProbeRun(replace(TINY, pretrained=False))
    run.advance(4)
    metrics = run.evaluate()
    with torch.no_grad():
        _, val, test = run._scores()
    best = int(auroc(val, run.labels[1]).argmax())
    assert metrics["probe/lr"] == TINY.fit.lrs[best]
    assert metrics["test/auroc"] == pytest.approx(float(auroc(test, run.labels[2])[best]))


def test_brightness_is_judged_without_a_network():
    run = ProbeRun(TINY)
    which, (hu, found) = run.sides[2], (run.slices.hu.float(), run.candidates)
    places = zip(found.row[which], found.y[which], found.x[which], strict=True)
    means = [hu[row, y - 1 : y + 1, x - 1 : x + 1].mean() for row, y, x in places]
    expected = roc_auc_score(run.labels[2], torch.stack(means))
    assert run.evaluate()["test/auroc_center_hu"] == pytest.approx(expected, abs=1e-3)


def test_auroc_is_that_of_sklearn_with_ties():
    draws = torch.Generator().manual_seed(3)
    scores = (4 * torch.randn(31, 5, generator=draws)).round()
    positive = torch.rand(31, generator=draws) < 0.3
    expected = [roc_auc_score(positive, column) for column in scores.T]
    torch.testing.assert_close(auroc(scores, positive), torch.tensor(expected).float())


def test_standard_error_is_that_of_hanley_and_mcneil():
    # their Table II: area .893 of 58 normal and 51 abnormal images has .032 (SE of the area)
    assert auroc_se(0.893, 51, 58) == pytest.approx(0.032, abs=0.0015)
    assert auroc_se(1.0, 7, 9) == 0.0


def test_class_separation_is_that_of_a_loop_over_pairs():
    draws = torch.Generator().manual_seed(5)
    unit = torch.nn.functional.normalize(torch.randn(11, 7, generator=draws), dim=-1)
    positive = torch.arange(11) % 3 == 0
    cosines = unit @ unit.T
    pairs = [(i, j) for i in range(11) for j in range(11) if i != j]
    within = [cosines[i, j] for i, j in pairs if positive[i] == positive[j]]
    between = [cosines[i, j] for i, j in pairs if positive[i] != positive[j]]
    expected = torch.stack(within).mean() - torch.stack(between).mean()
    torch.testing.assert_close(class_separation(unit, positive), expected)
    assert mean_cosine(unit) == pytest.approx(float(torch.stack(within + between).mean()), abs=1e-6)


@pytest.mark.parametrize("token", ["cls", "patch", "both"])
@pytest.mark.parametrize("pool", ["mean", "max"])
def test_features_pool_tokens_of_the_slices_around(token, pool):
    run = ProbeRun(TINY)
    which, backbone = run.sides[1][:5], run.dino.student.backbone
    single = replace(TINY.features, token=token, reach=0)
    wide = replace(single, reach=1, pool=pool)
    got, gram = features(backbone, run.slices, run.candidates, which, 8, wide)
    assert got.shape == (5, 40 if token == "both" else 20)
    parts = []
    for shift in (run.slices.below, None, run.slices.above):
        row = run.candidates.row if shift is None else shift[run.candidates.row]
        moved = replace(run.candidates, row=row)
        parts.append(features(backbone, run.slices, moved, which, 8, single)[0])
    stacked = torch.stack(parts)
    expected = stacked.mean(0) if pool == "mean" else stacked.amax(0)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert 0 < float(gram) <= 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: FeaturesConfig(reach=-1), "reach >= 0, .* got -1, 1200.0 and 64"),
        (lambda: FeaturesConfig(width_hu=0.0), r"width_hu > 0 .* got 0, 0.0 and 64"),
        (lambda: FitConfig(lrs=()), "lrs at least one"),
        (lambda: NodulesConfig(crop_px=0), "at least 1, got 0 and 2"),
        (lambda: replace(TINY, dino=replace(TINY.dino, seed=3)), "must be left alone"),
    ],
)
def test_a_config_that_cannot_be_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        change()


def test_a_finished_run_is_not_advanced():
    run = ProbeRun(replace(TINY, pretrained=False))
    run.advance(99)
    with pytest.raises(RuntimeError, match="got step 4 of 4"):
        run.advance(1)
