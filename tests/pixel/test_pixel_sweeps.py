"""The studies of the pixel DiT: every arm runs, findings can go both ways."""

import math
from functools import partial
from importlib import import_module

import pytest
from conftest import ROOT

from infra.study.study import Study
from search_spaces.pixel.shared import CONTROLS, METRIC
from trainables.portrait.judge import scoring
from trainables.portrait.judge.reader import ReaderConfig, pose_reader
from trainables.stem import CODE, FOLDER

STUDIES: dict[str, Study] = {
    path.stem: import_module(f"sweeps.{path.stem}").STUDY
    for path in sorted((ROOT / "sweeps").glob("pixel_*.py"))
}
CELLS = [(study, arm) for study in STUDIES for arm in STUDIES[study].arms]
FINDINGS = {finding.id: finding for study in STUDIES.values() for finding in study.findings}
JUDGED = {name: finding for name, finding in FINDINGS.items() if finding.holds}
WITHOUT_SWEEP = {"math", "record"}
# With their own arithmetic or record.
INCONSISTENT = {"PDIT-15", "PDIT-26", "PDIT-32a", "PDIT-33", "PDIT-67"}
ROWS = {
    "stack": 7, "ema": 2, "tread": 6, "repa": 7, "target": 7, "adaln": 5, "fp8": 3, "range": 3,
    "seg": 5, "patches": 3, "eval": 12, "lr": 6, "flip": 3,
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("one_thread", "shared_stems")


@pytest.fixture(scope="module")
def stems(tmp_path_factory):
    return tmp_path_factory.mktemp("stems")


@pytest.fixture
def shared_stems(stems, monkeypatch):
    """What gives features and the network that is read are trained once, the reader hardly."""
    monkeypatch.setattr(scoring, "pose_reader", partial(pose_reader, cfg=ReaderConfig(steps=2)))
    monkeypatch.setenv(FOLDER, str(stems))
    monkeypatch.setenv(CODE, "these tests")


class View:
    """A made-up seed view: one value everywhere, others by arm, by metric or by both."""

    def __init__(self, value, **others):
        self.value, self.others, self.asked = value, others, set()

    def final(self, arm, metric):
        self.asked.add(arm)
        known = self.others
        told = (known.get((arm, metric)), known.get(arm), known.get(metric), self.value)
        return next(value for value in told if value is not None)

    def at(self, arm, metric, step):
        return self.final(arm, metric)

    def curve(self, arm, metric):
        own = self.final(arm, metric)
        return list(enumerate(own)) if isinstance(own, list) else [(0, own), (400, own)]

    def config(self, arm, field):
        self.asked.add(arm)
        return 50


def holds(name, value=0.5, **others):
    return FINDINGS[name].holds(View(value, **others)) > 0


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_can_be_configured_at_every_scale(study, arm):
    for scale in STUDIES[study].scales:
        assert STUDIES[study].config(arm, 0, scale).steps_per_report >= 1


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_takes_a_step(study, arm):
    study = STUDIES[study]
    run = study.run(study.config(arm, 0, "smoke"))
    values = {} if run.done() else dict(run.advance(1))
    values |= run.evaluate()
    assert study.metric in values and all(map(math.isfinite, values.values()))


def test_every_study_has_its_rows_and_the_images_that_no_network_made():
    assert set(STUDIES) == {f"pixel_{name}" for name in ROWS}
    for name, count in ROWS.items():
        study = STUDIES[f"pixel_{name}"]
        assert study.controls == tuple(CONTROLS) == ("mean", "noise", "another", "blur", "shift")
        assert len(study.arms) - len(study.controls) == count <= 24
        assert (study.metric, study.mode, len(study.seeds)) == (METRIC, "min", 3)
        assert {"smoke", "lab", "paper"} <= set(study.scales)
        assert {scale for scale in study.scales if "paper" in scale} == set(study.needs_data)


def test_every_documented_finding_is_in_exactly_one_study():
    ids = [finding.id for study in STUDIES.values() for finding in study.findings]
    assert len(ids) == len(set(ids))
    assert {f"PDIT-{n}" for n in range(1, 69)} <= set(ids)


def test_every_finding_says_what_it_is_judged_on_or_what_it_needs():
    for finding in FINDINGS.values():
        assert finding.documented or finding.other_data
        assert bool(finding.holds) == bool(finding.scales)
        if finding.scales and set(finding.scales) <= WITHOUT_SWEEP:
            assert not finding.other_data


@pytest.mark.parametrize("name", [n for n, f in JUDGED.items() if set(f.scales) <= WITHOUT_SWEEP])
def test_arithmetic_and_record_are_judged_without_a_sweep(name):
    assert FINDINGS[name].holds(None) is (name not in INCONSISTENT)


@pytest.mark.parametrize(
    "name", [n for n, f in JUDGED.items() if not set(f.scales) <= WITHOUT_SWEEP]
)
def test_a_finding_asks_for_arms_of_its_study_alone(name):
    [study] = [s for s in STUDIES.values() if name in {f.id for f in s.findings}]
    view = View(0.5)
    assert isinstance(FINDINGS[name].holds(view), bool | float | int)
    assert view.asked and view.asked <= set(study.arms)


def test_documented_arms_differ_from_each_other_in_one_thing_at_a_time():
    arms = {arm: STUDIES["pixel_stack"].config(arm, 0, "paper") for arm in "ABCD"}
    told = {
        arm: (cfg.optim.name, cfg.tread.rate, cfg.repa.weight, cfg.optim.lr)
        for arm, cfg in arms.items()
    }
    assert told == {
        "A": ("adamw", 0, 0, 3e-4),
        "B": ("adamw", 0.5, 0, 3e-4),
        "C": ("muon", 0.5, 0, 3e-4),
        "D": ("muon", 0.5, 0.5, 3e-4),
    }
    a = arms["A"]
    assert (a.model.hidden, a.model.depth, a.model.heads, a.model.patch) == (768, 18, 12, 16)
    assert (a.portraits.size, a.steps, a.optim.examples_per_step) == (1024, 5000, 256)
    assert (a.tread.start, a.tread.last(18), arms["D"].repa_block) == (1, 16, 9)


@pytest.mark.parametrize("scale", ["lab", "paper"])
def test_later_arms_are_arm_d_but_for_what_they_ask(scale):
    d = STUDIES["pixel_stack"].config("D", 0, scale)
    for name, arm in {
        "repa": "D", "target": "D", "adaln": "D", "fp8": "none", "range": "-1 to 1", "seg": "D",
        "patches": "K full",
    }.items():  # fmt: skip
        own = STUDIES[f"pixel_{name}"].config(arm, 0, scale)
        for part in ("model", "target", "optim", "muon", "tread", "repa", "parts", "portraits"):
            assert getattr(own, part) == getattr(d, part), (name, part)


def test_only_the_study_of_rates_has_other_rates():
    for name, study in STUDIES.items():
        for scale in ("lab", "paper"):
            configs = (study.config(arm, 0, scale) for arm in set(study.arms) - set(CONTROLS))
            rates = {(c.optim.name, c.optim.lr) for c in configs if hasattr(c, "optim")}
            assert len(rates) <= (6 if name == "pixel_lr" else 2)


def test_arm_j_is_one_of_paper_alone():
    study = STUDIES["pixel_fp8"]
    j = study.config("within blocks", 0, "paper-long")
    assert (j.steps, j.portraits.train, j.fp8.emulate, j.compile) == (40_000, 70_000, False, True)
    assert j.repa.decay == (0.0, 1.0) and round(j.optim.warmup * j.steps) == 500
    assert study.config("within blocks", 0, "lab").fp8.emulate


def test_a_network_without_sharing_has_about_the_parameters_of_the_shared_one():
    """By its blocks: 22 squares of the width, of which 6 are shared but for the low rank."""
    study = STUDIES["pixel_adaln"]
    for scale in ("lab", "paper"):
        h, narrow = (study.config(a, 0, scale).model for a in ("H", "as many parameters as H"))
        rank = h.adaln_rank * 7 * h.hidden
        shared = h.depth * (16 * h.hidden**2 + rank) + 6 * h.hidden**2
        assert 22 * narrow.depth * narrow.hidden**2 == pytest.approx(shared, rel=0.03)


@pytest.mark.parametrize(
    ("arms", "confirmed"),
    [
        ({"D": 0.1, "A": 0.2, "C": 0.3, "B": 0.4}, True),
        ({"D": 0.1, "A": 0.3, "C": 0.2, "B": 0.4}, False),
    ],
)
def test_a_ranking_holds_where_every_pair_does(arms, confirmed):
    assert holds("PDIT-1", **arms) is confirmed


@pytest.mark.parametrize(("curve", "confirmed"), [
    ([0.5, 0.1, 0.3], True), ([0.5, 0.3, 0.1], False), ([0.5, 0.1, 0.1002], False),
])  # fmt: skip
def test_an_arm_gets_worse_where_it_ends_above_its_best_by_more_than_the_margin(curve, confirmed):
    class Ends(View):
        def final(self, arm, metric):
            return curve[-1]

        def curve(self, arm, metric):
            return list(enumerate(curve))

    assert (FINDINGS["PDIT-6m"].holds(Ends(0)) > 0) is confirmed


def test_a_mean_colour_above_one_is_what_makes_above_one_no_failure():
    assert holds("PDIT-8c", mean=1.16)
    assert not holds("PDIT-8c", mean=0.9)


@pytest.mark.parametrize(("raw", "average", "confirmed"), [(0.1, 0.2, True), (0.2, 0.1, False)])
def test_an_average_hides_progress_where_it_is_behind_the_last_weights(raw, average, confirmed):
    view = {METRIC: raw, f"{METRIC}@ema_as_run": average}
    assert holds("PDIT-C1e", **view) is confirmed


@pytest.mark.parametrize(("fp8", "confirmed"), [(0.5002, True), (0.501, False), (0.499, False)])
def test_quality_in_8_bits_is_the_same_within_the_margin_on_both_sides(fp8, confirmed):
    assert holds("PDIT-50", **{"within blocks": fp8}) is confirmed


@pytest.mark.parametrize(("ms", "confirmed"), [(80.0, True), (90.0, False)])
def test_time_is_spared_where_a_routed_step_takes_less_than_87_percent(ms, confirmed):
    assert holds("PDIT-4", 100.0, **{"adamw 0.5": ms}) is confirmed
