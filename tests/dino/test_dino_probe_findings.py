"""The probe study: documented arms and numbers, findings as predicates, every arm takes a step."""

import math

import pytest

from search_spaces.dino.probe import (
    PRETRAINED,
    PROBE,
    PROBE_FINDINGS,
    PROBE_RESULTS,
    chance_tolerance,
)
from sweeps.dino_probe import STUDY
from trainables.dino.probe import auroc_se

FINDINGS = {finding.id: finding for finding in PROBE_FINDINGS}
SWEPT = ["DINO-30", "DINO-33", "DINO-34", "DINO-35", "DINO-37", "DINO-38"]


pytestmark = pytest.mark.usefixtures("one_thread")


class Results:
    """A seed view over an AUROC per arm and the shape of the CLS features."""

    def __init__(self, aurocs, dims=384.0, cosine=0.887, separation=0.003):
        self.aurocs = aurocs
        self.shape = {
            "val/active_dims": dims,
            "val/mean_cosine": cosine,
            "val/class_separation": separation,
            "test/positives": 86,  # malignant, a fifth of 430
            "test/n": 419,  # and benign ones, a fifth of 1,665
        }

    def final(self, arm, metric):
        return self.aurocs[arm] if metric == "test/auroc" else self.shape[metric]

    def config(self, arm, field):
        return {"dino.vit.dim": 384}[field]


AS_DOCUMENTED = Results(PROBE_RESULTS)
REVERSED = Results({arm: 1 - area for arm, area in PROBE_RESULTS.items()} | {"random": 0.8},
                   dims=383.0, cosine=0.79)  # fmt: skip


def test_arms_are_the_documented_ten():
    arms = PROBE.arms()
    assert list(arms) == list(PROBE_RESULTS)
    assert len(arms) == 10 and len(PRETRAINED) == 9
    windows = {(a.get("features.level_hu", 0), a.get("features.width_hu", 1200))
               for a in arms.values()}  # fmt: skip
    assert windows == {(0, 1200), (-500, 1500), (40, 350)}
    assert STUDY.config("random", 0).pretrain_steps == 0


def test_findings_are_the_documented_thirteen():
    assert list(FINDINGS) == [
        f"DINO-{n}" for n in (*(30, 31, 32, 33, 34, 35, 37, 38), *range(54, 59))
    ]


@pytest.mark.parametrize("name", ["DINO-32", "DINO-56", "DINO-57"])
def test_records_hold_without_a_sweep(name):
    assert FINDINGS[name].scales == ("record",)
    assert FINDINGS[name].holds(None)


@pytest.mark.parametrize("name", SWEPT)
def test_findings_hold_in_results_as_documented(name):
    assert FINDINGS[name].holds(AS_DOCUMENTED) > 0


@pytest.mark.parametrize("name", SWEPT)
def test_findings_fail_in_reversed_results(name):
    assert FINDINGS[name].holds(REVERSED) <= 0


def test_a_coin_is_within_two_standard_errors():
    expected = 2 * auroc_se(0.5, 86, 333)
    assert chance_tolerance(86, 333) == pytest.approx(expected)
    assert expected == pytest.approx(0.07, abs=0.005)


@pytest.mark.parametrize("arm", STUDY.space.arms())
def test_every_arm_pretrains_and_probes(arm):
    cfg = STUDY.config(arm, 1, "smoke")
    run = STUDY.run(cfg)
    first = run.advance(1)
    assert math.isfinite(first["train/probe_loss_nats" if arm == "random" else "train/loss"])
    assert math.isfinite(
        run.advance(3 if arm == "random" else cfg.dino.steps)["train/probe_loss_nats"]
    )
    assert STUDY.metric in run.evaluate()


@pytest.mark.parametrize("scale", ["smoke", "lab", "paper"])
def test_arms_share_one_pretraining(scale):
    configs = [STUDY.config(arm, 2, scale) for arm in STUDY.space.arms()]
    assert all(cfg.dino == configs[0].dino for cfg in configs)
    assert configs[0].dino.center.momentum == 0.999


def test_paper_has_the_documented_sizes():
    dino = STUDY.config("cls", 0, "paper").dino
    assert dino.micro_steps == 100_000
    assert (dino.vit.dim, dino.vit.depth, dino.vit.heads, dino.head.out_dim) == (384, 12, 6, 8192)
