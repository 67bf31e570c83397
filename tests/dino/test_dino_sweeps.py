"""The DINO studies: every arm takes a step, every finding is in one study and can go both ways."""

import math
from copy import deepcopy
from importlib import import_module
from itertools import chain

import pytest
import torch
from conftest import ROOT

from infra.study.study import Study

SWEEPS = ROOT / "sweeps"
STUDIES: dict[str, Study] = {
    path.stem: import_module(f"sweeps.{path.stem}").STUDY
    for path in sorted(SWEEPS.glob("dino_*.py"))
}
CELLS = [(study, arm) for study in STUDIES for arm in STUDIES[study].space.arms()]
FINDINGS = {finding.id: finding for study in STUDIES.values() for finding in study.findings}
ARMS = {
    "dino_cm": 4,
    "dino_loss": 6,
    "dino_augment": 5,
    "dino_koleo": 4,
    "dino_lr": 5,
    "dino_scaling": 2,
    "dino_resolution": 2,
    "dino_wall": 13,
}
PROBE_FINDINGS = {*range(30, 36), 37, 38, *range(54, 59)}
WITHOUT_SWEEP = ("math", "record")


pytestmark = pytest.mark.usefixtures("one_thread")


class Made:
    """A made-up seed view: (arm, metric) to a curve of {step: value}, (arm, field) to a value.

    What is not given for an arm is looked up under "".
    """

    def __init__(self, curves, config=None):
        self.curves, self.fields = curves, config or {}

    def points(self, arm, metric):
        for key in ((arm, metric), ("", metric)):
            if key in self.curves:
                value = self.curves[key]
                return value if isinstance(value, dict) else {300: value}
        raise LookupError(f"{arm} has no {metric}")

    def final(self, arm, metric):
        return list(self.points(arm, metric).values())[-1]

    def at(self, arm, metric, step):
        return self.points(arm, metric)[step]

    def curve(self, arm, metric):
        return sorted(self.points(arm, metric).items())

    def config(self, arm, field):
        return self.fields.get((arm, field), self.fields.get(("", field)))


@pytest.mark.parametrize(("study", "arms"), ARMS.items())
def test_arms_are_as_many_as_documented(study, arms):
    assert len(STUDIES[study].space.arms()) == arms


def test_seeds_are_those_documented_or_three():
    assert STUDIES["dino_augment"].seeds == (42, 123, 7)
    assert all(len(study.seeds) >= 3 for study in STUDIES.values())


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_takes_a_step(study, arm):
    study = STUDIES[study]
    run = study.run(study.config(arm, study.seeds[0], "smoke"))
    values = {**run.advance(1), **run.evaluate()}
    assert study.metric in values and all(map(math.isfinite, values.values()))


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_can_be_configured_at_every_scale(study, arm):
    study = STUDIES[study]
    for scale in study.scales:
        assert study.config(arm, study.seeds[0], scale).steps_per_report >= 1


@pytest.mark.parametrize(("study", "arm"), [cell for cell in CELLS if cell[0] in ARMS])
def test_lab_keeps_the_documented_number_of_center_updates(study, arm):
    cfg = STUDIES[study].config(arm, 0, "lab")
    if documented := cfg.center.reference_steps:
        updates = cfg.micro_steps * (1 - cfg.center_momentum)
        assert math.isclose(updates, documented * (1 - cfg.center.momentum), rel_tol=1e-9)


def test_every_finding_is_in_exactly_one_study():
    ids = [finding.id for study in STUDIES.values() for finding in study.findings]
    missing = PROBE_FINDINGS if "dino_probe" not in STUDIES else set()
    assert sorted(ids) == sorted({f"DINO-{n}" for n in range(1, 61) if n not in missing})


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_that_is_judged_names_a_scale_of_its_study(name):
    finding = FINDINGS[name]
    [study] = [s for s in STUDIES.values() if name in {f.id for f in s.findings}]
    assert set(finding.scales) <= {*study.scales, *WITHOUT_SWEEP}


@pytest.mark.parametrize(
    "name", [n for n, f in FINDINGS.items() if f.holds and set(f.scales) <= set(WITHOUT_SWEEP)]
)
def test_arithmetic_and_record_hold_without_a_sweep(name):
    assert FINDINGS[name].holds(None) is True


TOP1, GAIN, LOSS = "val/top1", "val/top1_gain", "train/dino_loss_nats"
K = {("", "head.out_dim"): 1024}
WALL = {("", LOSS): 6.92}


def retrieval(top1):
    """Curves in which arms have these Top-1, .015 of it from the start."""
    gains = {(arm, GAIN): value - 0.015 for arm, value in top1.items()}
    return {(arm, TOP1): value for arm, value in top1.items()} | gains


def growth(*top1):
    """Top-1 of the small ViT after 2, 20 and 100 % of a run of 1,200 steps, with N = 256."""
    curves = {("small", TOP1): dict(zip((24, 240, 1200), top1, strict=True)), ("", "val/n"): 256}
    curves["small", GAIN] = top1[-1]
    return Made(curves, {("small", "steps"): 1200})


def told(loss, top1, early=0.3, late=0.6, shift=0.5):
    """Varied spacing: one network on the wall, one that is told the spacing."""
    spacing = {
        ("varied+told", LOSS): loss,
        ("varied+told", TOP1): top1,
        ("varied", TOP1): 0.02,
        ("varied", "val/spacing_r2"): {60: 0.1, 300: 0.2},
        ("varied+told", "val/spacing_r2"): {60: early, 300: late},
        ("varied+told", "val/spacing_shift"): {60: 0.01, 300: shift},
    }
    batch = {("", "optim.batch"): 32, ("", "optim.accumulation"): 1, ("", "steps"): 300}
    return Made(WALL | spacing, K | batch)


def windows(low, high):
    bounds = {("", f"views.{what}_{end}_hu"): v for what in ("level", "width")
              for end, v in (("min", low), ("max", high))}  # fmt: skip
    return Made({}, bounds)


def sides(small, double, ms):
    speed = {("side", "perf/step_ms"): 10.0, ("double", "perf/step_ms"): ms}
    return Made(retrieval({"side": small, "double": double}) | speed)


BOTH_WAYS = {
    "DINO-9": (told(0.1, 0.04), told(1.1, 0.04)),
    "DINO-10": (told(1.1, 0.04), told(6.9, 0.04)),
    "DINO-11": (Made({("", LOSS): 5.0}, K), Made({("", LOSS): 6.0}, K)),
    "DINO-12": (told(1.1, 0.01), told(1.1, 0.04)),
    "DINO-15": (
        Made(retrieval({"spatial": 0.3, "jitter": 0.2})),
        Made(retrieval({"spatial": 0.1, "jitter": 0.2})),
    ),
    "DINO-18": (windows(-400, 400), windows(0, 0)),
    "DINO-19": (growth(0.01, 0.1, 0.3), growth(0.01, 0.3, 0.3)),
    "DINO-23": (growth(0.01, 0.3, 0.5), growth(0.01, 0.01, 0.5)),
    "DINO-24": (
        Made({("slow", LOSS): 0.0004, ("slow", TOP1): 0.001}),
        Made({("slow", LOSS): 0.0004, ("slow", TOP1): 0.1}),
    ),
    "DINO-25": (Made({("slow+koleo", TOP1): 0.12}), Made({("slow+koleo", TOP1): 0.01})),
    "DINO-26": (
        Made(retrieval({"slow+koleo": 0.3, "slow": 0.29})),
        Made(retrieval({"slow+koleo": 0.3, "slow": 0.2})),
    ),
    "DINO-27": (
        Made(retrieval({"small": 0.3, "large": 0.2})),
        Made(retrieval({"small": 0.1, "large": 0.2})),
    ),
    "DINO-28": (
        Made(retrieval({"5e-5": 0.3, "1e-4": 0.1, "2e-4": 0.2})),
        Made(retrieval({"5e-5": 0.15, "1e-4": 0.1, "2e-4": 0.2})),
    ),
    "DINO-36": (sides(0.3, 0.1, 27.0), sides(0.3, 0.1, 11.0)),
    "DINO-46": (
        Made(WALL | {("", TOP1): 0.02, ("", "val/n"): 256}, K),
        Made(WALL | {("", TOP1): 0.02, ("", "val/n"): 256, ("simclr", TOP1): 0.3}, K),
    ),
    "DINO-59": (told(1.1, 0.04), told(1.1, 0.04, early=0.05)),
    "DINO-60": (told(1.1, 0.04), told(1.1, 0.04, shift=0.05)),
}


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_a_finding_can_hold_and_fail(name):
    yes, no = BOTH_WAYS[name]
    assert FINDINGS[name].holds(yes) > 0
    assert FINDINGS[name].holds(no) <= 0


def test_every_finding_that_a_sweep_judges_is_shown_both_ways():
    elsewhere = {
        f.id for s in ("dino_cm", "dino_probe") if s in STUDIES for f in STUDIES[s].findings
    }
    judged = {n for n, f in FINDINGS.items() if f.holds and not set(f.scales) <= {*WITHOUT_SWEEP}}
    assert judged - elsewhere == set(BOTH_WAYS)


LEARNERS = [f"DINO-{n}" for n in (15, 19, 23, 26, 27, 28, 36)]


@pytest.mark.parametrize("name", LEARNERS)
def test_arms_are_not_ranked_where_none_learned(name):
    unlearned = Made({("", TOP1): 0.02, ("", GAIN): 0.005, ("", "perf/step_ms"): 1.0})
    with pytest.raises(LookupError, match="no arm learned"):
        FINDINGS[name].holds(unlearned)


def test_a_claim_about_other_batches_or_losses_is_left_open():
    other = told(1.1, 0.04)
    other.fields["", "optim.batch"] = 64
    with pytest.raises(LookupError, match="32 slices"):
        FINDINGS["DINO-10"].holds(other)
    with pytest.raises(LookupError, match="not half"):
        FINDINGS["DINO-12"].holds(told(6.9, 0.01))


def test_sources_pin_a_commit_or_name_the_post():
    for finding in chain.from_iterable(STUDIES[name].findings for name in ARMS):
        assert "@" in finding.source or finding.source.startswith(("seed post", "derived"))


def test_the_center_can_start_at_the_untrained_teachers_mean_output():
    study = STUDIES["dino_wall"]
    zero, mean = (study.run(study.config(arm, 1, "smoke")) for arm in ("recipe", "centered"))
    assert not zero.center.any() and mean.center.any()
    entropy = "val/teacher_entropy_nats"
    assert mean.evaluate()[entropy] > zero.evaluate()[entropy]  # nothing sharpens its predictions
    mean.advance(2)
    resumed = study.run(study.config("centered", 1, "smoke"))
    resumed.load_state_dict(deepcopy(mean.state_dict()))
    assert torch.equal(resumed.center, mean.center)
    assert resumed.advance(2)["train/loss"] == mean.advance(2)["train/loss"]
