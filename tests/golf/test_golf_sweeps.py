"""The tiny language-model studies: documented runs are arms, and findings can go both ways."""

import math
from importlib import import_module
from itertools import chain, pairwise

import pytest
from conftest import ROOT

from infra.preflight.fingerprint import moments
from infra.study.study import Study
from search_spaces.golf.shared import DOCUMENTED, FAILED

SWEEPS = ROOT / "sweeps"
STUDIES: dict[str, Study] = {
    path.stem: import_module(f"sweeps.{path.stem}").STUDY
    for path in sorted(SWEEPS.glob("golf_*.py"))
}
CELLS = [(study, arm) for study in STUDIES for arm in STUDIES[study].space.arms()]
FINDINGS = {finding.id: finding for study in STUDIES.values() for finding in study.findings}
WITHOUT_SWEEP = {"math", "record"}
BPB, MS = "val/bpb", "perf/step_ms"


pytestmark = pytest.mark.usefixtures("one_thread")


class Made:
    """A made-up seed view of 200 steps: (arm, metric) to a value or to {step: value}."""

    def __init__(self, values):
        self.values = values

    def curve(self, arm, metric):
        value = self.values[arm, metric]
        return sorted(value.items()) if isinstance(value, dict) else [(200, value)]

    def final(self, arm, metric):
        return self.curve(arm, metric)[-1][1]

    def at(self, arm, metric, step):
        return dict(self.curve(arm, metric))[step]

    def config(self, arm, field):
        return {"steps": 200, "jepa.warmup_fraction": 0.5, "backbone.width": 512}[field]


def bpb(*pairs):
    return Made({(arm, BPB): value for arm, value in pairs})


def ms(*pairs):
    return Made({(arm, MS): value for arm, value in pairs})


def both(*views):
    return Made({key: value for view in views for key, value in view.values.items()})


def jepa(first, last, spread=0.0):
    losses = Made(
        {("JEPA-1 as run", "train/jepa_loss"): {40: 0.0, 120: 0.05, 160: first, 200: last}}
    )
    arms = (f"JEPA-{n} as run" for n in (1, 2, 3))
    return both(losses, bpb(*((arm, 2.0 + spread * i) for i, arm in enumerate(arms))))


def halves(small, large):
    curves = {"SSM-4": {100: 2.5, 200: 2.0}, "SSM-4 as run": {100: large, 200: 9.0},
              "SSM-1 as run": {100: small, 200: 0.0}}  # fmt: skip
    return bpb(*curves.items())


def frozen(score):
    return both(bpb(("RND-1 as run", score)), Made({("RND-1 as run", "val/bpb_chance"): 4.0945}))


def pair(one, two, gap_yes, gap_no):
    """Scores of two arms in which the first is above the second by one gap or the other."""
    return tuple(bpb((one, 2 + gap), (two, 2.0)) for gap in (gap_yes, gap_no))


def three(names, low, high):
    return tuple(bpb(*((arm, 2.0 + gap * i) for i, arm in enumerate(names))) for gap in (low, high))


BOTH_WAYS = {
    "TLM-1": pair("UT-2 as run", "UT-1 as run", 0.0007, 0.01),
    "TLM-1m": pair("UT-2", "UT-1", 0.0007, 0.01),
    "TLM-2": tuple(ms(("UT-2 as run", 100 * k), ("UT-1 as run", 100)) for k in (3.9, 1.0)),
    "TLM-3m": tuple(
        bpb(("UT-1 as run", score), ("UT-1", 2.4), ("plain as run", 2.5)) for score in (3.2, 2.41)
    ),
    "TLM-4": three([f"DIFF-{n} as run" for n in (1, 2, 3)], 4e-5, 1e-3),
    "TLM-4m": three(("DIFF-1", "DIFF-2", "plain"), 4e-5, 1e-3),
    "TLM-5": pair("DIFF-2 as run", "DIFF-3 as run", 0.01, 1e-5),
    "TLM-6": tuple(ms(("DIFF-1 as run", k), ("DIFF-2 as run", 1.0)) for k in (1.39, 1.0)),
    "TLM-7": (frozen(2.55), frozen(3.5)),
    "TLM-8": pair("RND-2 as run", "RND-1 as run", 0.1, -0.1),
    "TLM-8m": pair("RND-2", "RND-1", 0.1, -0.1),
    "TLM-10m": pair("RND-4", "RND-1", -0.001, -0.1),
    "TLM-11": pair("RND-1 as run", "plain as run", 0.95, 0.3),
    "TLM-13": three([f"JEPA-{n} as run" for n in (1, 2, 3)], 4e-5, 1e-3),
    "TLM-13m": three([f"JEPA-{n}" for n in (1, 2, 3)], 4e-5, 1e-3),
    "TLM-14": pair("SSM-1 as run", "plain as run", -0.1, 0.1),
    "TLM-14m": pair("SSM-1", "plain", -0.1, 0.1),
    "TLM-15": tuple(ms(("SSM-1 as run", k), ("plain as run", 1.0)) for k in (50.0, 2.0)),
    "TLM-17": (halves(2.2, 2.1), halves(2.1, 2.2)),
    "TLM-18": tuple(ms(("HNET-1 as run", k), ("plain as run", 1.0)) for k in (0.9, 0.99)),
    "TLM-19m": three([f"HNET-{n}" for n in (1, 2, 3)], 4e-5, 1e-3),
    "TLM-20": tuple(Made({("HNET-1 as run", "val/chunker_change"): v}) for v in (0.01, 1.0)),
    "TLM-21": pair("MEGA-2 as run", "MEGA-3 as run", -0.1, 0.1),
    "TLM-21m": pair("MEGA-2 matched", "MEGA-3", -0.1, 0.1),
    "TLM-28": (jepa(0.5, 0.1), jepa(0.5, 0.1, 0.01)),
}
DEAD = {"TLM-10", "TLM-19"}


def test_every_documented_run_is_an_arm_in_both_readings_or_a_finding_that_says_why_not():
    arms = {arm for _, arm in CELLS}
    plain = {"DIFF-3"}  # as meant, without masked prediction
    assert set(DOCUMENTED) - plain <= arms and {f"{run} as run" for run in DOCUMENTED} <= arms
    assert all("setting" in FINDINGS[run].needs for run in FAILED)
    assert len(DOCUMENTED) + len(FAILED) == 22


def test_every_study_has_the_plain_baseline_in_both_readings_and_five_seeds():
    for study in STUDIES.values():
        arms = study.space.arms()
        assert study.baseline == "plain" and arms["plain"] == {}
        assert set(arms["plain as run"]) == {"optim.lr_warmdown_fraction"}
        assert len(study.seeds) == 5


@pytest.mark.parametrize("study", STUDIES)
def test_arms_differ_only_in_what_their_study_asks_about_and_the_schedule(study):
    asked = {"ut": "universal", "mega": "leaky", "adapters": "adapters"}
    family = study.removeprefix("golf_")
    allowed = {asked.get(family, family), "optim"} | ({"backbone"} if family == "mega" else set())
    for overrides in STUDIES[study].space.arms().values():
        assert {field.partition(".")[0] for field in overrides} <= allowed


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_can_be_configured_at_every_scale(study, arm):
    study = STUDIES[study]
    for scale in study.scales:
        assert study.config(arm, 0, scale).steps_per_report >= 1


@pytest.mark.parametrize(("study", "arm"), CELLS)
def test_every_arm_takes_a_step(study, arm):
    study = STUDIES[study]
    run = study.run(study.config(arm, 0, "smoke"))
    values = {**run.advance(1), **run.evaluate()}
    assert study.metric in values and all(map(math.isfinite, values.values()))


@pytest.mark.parametrize("study", ["golf_hnet", "golf_adapters"])
def test_what_the_preflight_looks_at_shows_the_dead_knobs_of_the_originals_alone(study):
    study, seen = STUDIES[study], {}

    def done(arm):
        if arm not in seen:
            run = study.run(study.config(arm, 0, "smoke"))
            seen[arm] = moments(run, run.cfg.steps, study.metric)
        return seen[arm]

    for one, two in chain.from_iterable(map(pairwise, study.twins)):
        assert done(one) == done(two)
        assert done(one.removesuffix(" as run")) != done(two.removesuffix(" as run"))
    first = study.twins[0][0]
    assert done(first) != done(first.removesuffix(" as run"))


def test_every_documented_finding_is_in_exactly_one_study():
    ids = [finding.id for study in STUDIES.values() for finding in study.findings]
    assert len(ids) == len(set(ids))
    assert {f"TLM-{n}" for n in range(1, 29)} == {i for i in ids if i[-1] != "m"} - set(FAILED)
    assert {i.removesuffix("m") for i in ids if i[-1] == "m"} <= set(ids)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_a_finding_can_hold_and_fail(name):
    yes, no = BOTH_WAYS[name]
    assert FINDINGS[name].holds(yes) > 0
    assert FINDINGS[name].holds(no) <= 0


@pytest.mark.parametrize("name", ["TLM-8", "TLM-8m", "TLM-10m", "TLM-14", "TLM-17", "TLM-21"])
def test_a_finding_that_compares_scores_says_by_how_much(name):
    assert isinstance(FINDINGS[name].holds(BOTH_WAYS[name][0]), float)


def test_every_finding_that_a_sweep_judges_is_shown_both_ways():
    judged = {n for n, f in FINDINGS.items() if f.holds and not set(f.scales) <= WITHOUT_SWEEP}
    assert judged == set(BOTH_WAYS) | DEAD


@pytest.mark.parametrize("name", sorted(DEAD))
def test_a_dead_knob_is_not_judged_and_its_evidence_told(name):
    with pytest.raises(LookupError, match="dead knob in the original: .{30}"):
        FINDINGS[name].holds(bpb())
    assert FINDINGS[f"{name}m"].holds


@pytest.mark.parametrize(
    "name", [n for n, f in FINDINGS.items() if f.holds and set(f.scales) <= WITHOUT_SWEEP]
)
def test_arithmetic_and_record_hold_without_a_sweep(name):
    assert FINDINGS[name].holds(None) is True
