"""The center-momentum study: documented grid, findings as predicates."""

import math

import pytest

from infra.study.study import replace_fields
from search_spaces.dino.cm import (
    MOMENTA,
    MOMENTA_FINDINGS,
    MOMENTA_RESULTS,
)
from search_spaces.space import Arms
from sweeps.dino_cm import STUDY

FINDINGS = {finding.id: finding for finding in MOMENTA_FINDINGS}
LN_K = math.log(1024)


class Results:
    """A seed view over (dino loss, teacher entropy, mean-prediction entropy, hits) per arm."""

    KEYS = (
        "train/dino_loss_nats",
        "val/teacher_entropy_nats",
        "val/mean_prediction_entropy_nats",
        "val/ratio",
    )

    def __init__(self, **arms):
        self.arms = {name.replace("m", "."): row for name, row in arms.items()}

    def final(self, arm, metric):
        return self.arms[arm][self.KEYS.index(metric)]

    def at(self, arm, metric, step):
        assert step == 0
        return {"val/teacher_entropy_nats": 1.6, "val/mean_prediction_entropy_nats": 2.2}[metric]

    def curve(self, arm, metric):
        return [(600, self.final(arm, metric))]

    def config(self, arm, field):
        return {"head.out_dim": 1024}[field]


WALL, ESCAPED, COLLAPSED = (6.92, 6.7, 6.92, 9), (4.4, 3.0, 6.5, 6), (0.3, 0.1, 0.2, 1)
AS_DOCUMENTED = Results(m9=WALL, m95=WALL, m99=WALL, m999=ESCAPED)
BY_COLLAPSE = Results(m9=WALL, m95=WALL, m99=WALL, m999=COLLAPSED)
ALL_ESCAPED = Results(m9=ESCAPED, m95=ESCAPED, m99=ESCAPED, m999=ESCAPED)


def test_arms_are_the_documented_four():
    arms = MOMENTA.arms()
    assert list(arms) == list(MOMENTA_RESULTS) == [".9", ".95", ".99", ".999"]
    assert all(arm == {"center.momentum": float(name)} for name, arm in arms.items())
    assert "@" in MOMENTA.source


def test_findings_are_the_documented_ten():
    assert list(FINDINGS) == [f"DINO-{n}" for n in (*range(1, 9), 13, 14)]
    assert all(finding.holds or finding.needs for finding in FINDINGS.values())


@pytest.mark.parametrize("name", ["DINO-5", "DINO-8", "DINO-14"])
def test_arithmetic_and_record_hold_without_a_sweep(name):
    assert set(FINDINGS[name].scales) <= {"math", "record"}
    assert FINDINGS[name].holds(Results())


@pytest.mark.parametrize("name", ["DINO-1", "DINO-2", "DINO-3", "DINO-4", "DINO-7", "DINO-13"])
def test_findings_hold_in_results_as_documented(name):
    assert FINDINGS[name].holds(AS_DOCUMENTED)


@pytest.mark.parametrize("name", ["DINO-1", "DINO-2", "DINO-3", "DINO-7", "DINO-13"])
def test_findings_fail_where_every_arm_escapes(name):
    assert not FINDINGS[name].holds(ALL_ESCAPED)


@pytest.mark.parametrize("name", ["DINO-4", "DINO-13"])
def test_a_collapse_is_no_breakthrough(name):
    assert not FINDINGS[name].holds(BY_COLLAPSE)


@pytest.mark.parametrize("scale", ["lab", "paper"])
def test_every_scale_keeps_the_documented_number_of_center_updates(scale):
    for name, arm in STUDY.space.arms().items():
        cfg = STUDY.config(name, 0, scale)
        expected = 2000 * (1 - arm["center.momentum"])
        assert math.isclose(cfg.micro_steps * (1 - cfg.center_momentum), expected, rel_tol=1e-9)


def test_misspelt_field_is_refused_before_launch():
    misspelt = Arms(source="none", overrides={".9": {"center.momentun": 0.9}})
    with pytest.raises(ValueError, match="has no field"):
        replace_fields(STUDY, {"space": misspelt})
