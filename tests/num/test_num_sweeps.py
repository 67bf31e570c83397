"""The studies of the Neural Universal Machine: every arm runs, findings can go both ways."""

import math
from importlib import import_module

import pytest
from conftest import ROOT

from infra.study.study import Study
from search_spaces.num.grid import RECORDED_IN, RECORDED_OUT, epochs
from search_spaces.num.shared import CONTROLS, METRIC
from search_spaces.num.tables import GRID

STUDIES: dict[str, Study] = {
    path.stem: import_module(f"sweeps.{path.stem}").STUDY
    for path in sorted((ROOT / "sweeps").glob("num_*.py"))
}
CELLS = [(study, arm) for study in STUDIES for arm in STUDIES[study].arms]
FINDINGS = {finding.id: finding for study in STUDIES.values() for finding in study.findings}
WITHOUT_SWEEP = {"math", "record"}
INCONSISTENT = {"NUM-14m", "NUM-16", "NUM-35"}  # with their own record

pytestmark = pytest.mark.usefixtures("one_thread")


class Flat:
    """A made-up seed view in which every arm has the same value, but for some that are named."""

    def __init__(self, value, **named):
        self.value, self.named = value, named

    def final(self, arm, metric):
        values = {**dict.fromkeys((arm,), self.value), **self.named.get("arms", {})}
        return self.named.get("metrics", {}).get(metric, values[arm])


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_can_be_configured_at_every_scale(study, arm):
    for scale in STUDIES[study].scales:
        assert STUDIES[study].config(arm, 0, scale).steps_per_report >= 1


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_takes_a_step(study, arm):
    study = STUDIES[study]
    run = study.run(study.config(arm, 0, "smoke"))
    values = {} if run.done() else run.advance(1)
    values |= run.evaluate()
    assert study.metric in values and all(map(math.isfinite, values.values()))


def test_every_study_has_the_rows_that_no_network_made_as_controls():
    for study in STUDIES.values():
        assert set(CONTROLS) <= set(study.controls)
        assert study.metric == METRIC and len(study.seeds) == 3
        assert len(study.arms) - len(study.controls) <= 24


def test_every_documented_finding_is_in_exactly_one_study():
    ids = [finding.id for study in STUDIES.values() for finding in study.findings]
    assert len(ids) == len(set(ids))
    assert {f"NUM-{n}" for n in range(1, 36)} <= set(ids)


def test_the_eight_documented_points_are_arms_and_three_of_them_again_at_equal_steps():
    study = STUDIES["num_grid"]
    again = {f"{n} at equal steps" for n in (4, 32, 64)}
    assert set(study.arms) - set(CONTROLS) == {*GRID.arms, *again}
    for scale in ("lab", "paper"):
        seen = {arm: study.config(arm, 0, scale) for arm in GRID.arms}
        examples = {a: c.steps * c.optim.examples_per_step for a, c in seen.items()}
        assert max(examples.values()) - min(examples.values()) < 64
        assert {study.config(arm, 0, scale).steps for arm in again} == {seen["16"].steps}


@pytest.mark.parametrize(
    "name", [n for n, f in FINDINGS.items() if f.holds and set(f.scales) <= WITHOUT_SWEEP]
)
def test_arithmetic_and_record_are_judged_without_a_sweep(name):
    assert FINDINGS[name].holds(None) is (name not in INCONSISTENT)


@pytest.mark.parametrize(
    "name", [n for n, f in FINDINGS.items() if f.holds and not set(f.scales) <= WITHOUT_SWEEP]
)
def test_a_finding_asks_for_arms_of_its_study_alone(name):
    [study] = [s for s in STUDIES.values() if name in {f.id for f in s.findings}]
    asked = set()

    class Asks(Flat):
        def final(self, arm, metric):
            asked.add(arm)
            return 0.5

    holds = FINDINGS[name].holds(Asks(0.5))
    assert asked and asked <= set(study.arms)
    assert isinstance(holds, bool | float | int)


@pytest.mark.parametrize("metric", [RECORDED_IN, RECORDED_OUT])
def test_the_record_of_the_first_run_has_the_documented_mean(metric):
    told = epochs(metric)
    assert len(told) == 11
    assert sum(told) / len(told) == pytest.approx(GRID.final("16", metric), abs=0.011)


@pytest.mark.parametrize(("loss", "confirmed"), [(0.14, True), (0.02, False), (0.9, False)])
def test_a_loss_is_near_the_documented_one_from_both_sides(loss, confirmed):
    assert (FINDINGS["NUM-28"].holds(Flat(loss)) > 0) is confirmed


@pytest.mark.parametrize(("left", "confirmed"), [(75.6, True), (300.0, False)])
def test_most_edges_are_gone_where_less_than_half_are_left(left, confirmed):
    capped = "cut=0.0 feed=logits as run solver=+arity"
    view = Flat(352.0, arms={capped: left})
    assert (FINDINGS["NUM-24"].holds(view) > 0) is confirmed


@pytest.mark.parametrize(
    ("ratio", "svr", "confirmed"), [(6.5, 0.0, True), (6.5, 0.2, False), (1.5, 0.0, False)]
)
def test_many_edges_alone_do_not_make_every_graph_invalid(ratio, svr, confirmed):
    view = Flat(0, metrics={"val/edges_ratio": ratio, "val/svr@corrected5": svr})
    assert (FINDINGS["NUM-22"].holds(view) > 0) is confirmed
