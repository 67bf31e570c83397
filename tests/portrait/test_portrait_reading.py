"""Runs that read one stem: who trains it, what arms share, and what a cell of it holds."""

from dataclasses import asdict

import pytest
from tiny_portraits import TINY, exact, same, saved, stems  # noqa: F401

from infra.study.study import flatten, replace_fields
from trainables.portrait.config import EmaConfig
from trainables.portrait.portrait import PortraitRun
from trainables.portrait.reading import ReadConfig, ReadRun, StemConfig

STEM = StemConfig(
    steps=3,
    portraits=TINY.portraits,
    model=TINY.model,
    optim=TINY.optim,
    ema=EmaConfig(kept=("short",)),
)
BASE = ReadConfig(stem=STEM, sample=TINY.sample, evaluation=TINY.evaluation)

pytestmark = pytest.mark.usefixtures("one_thread", "stems")


def read(**fields):
    return ReadRun(replace_fields(BASE, fields))


def test_it_tells_what_the_whole_run_would_have_told():
    trained = PortraitRun(BASE.trained)
    trained.advance(3)
    whole = PortraitRun(BASE.read)
    whole.load_state_dict(trained.state_dict())
    reading = read()
    assert reading.done() and reading.step == 0
    assert exact(reading.evaluate()) == exact(whole.evaluate())
    assert "val/recon_mse_hf@ema_short" in reading.evaluate()


def test_arms_share_a_stem_and_read_it_in_their_own_way():
    base = read()
    scores = exact(base.evaluate())
    for knob, value in {
        "sample.steps": 3,
        "sample.sampler": "dual",
        "sample.t_min": 0.7,
        "conditions.null_mask": "as run",
        "evaluation.pose": "null",
    }.items():
        fields = {knob: value}
        if knob.startswith("conditions"):  # which acts where something is not given
            fields |= {"sample.sampler": "dual"}
        arm = read(**fields)
        told = arm.evaluate()
        assert told["perf/stem_reused"] == 1
        assert same(arm.state_dict(), base.state_dict())
        assert exact(told) != scores


def test_another_seed_or_stem_is_another_network():
    first = read()
    weights = first.state_dict()["model"]
    for fields in ({"seed": 1}, {"stem.optim.lr": 2e-3}):
        assert not same(read(**fields).state_dict()["model"], weights)


def test_a_state_brings_its_stem_along(monkeypatch):
    first = read()
    scores = exact(first.evaluate())
    again = read()
    monkeypatch.setattr(again, "_trained", None)
    again.load_state_dict(saved(first))
    assert exact(again.evaluate()) == scores


def test_a_control_has_no_stem(monkeypatch):
    run = read(control="blur")
    monkeypatch.setattr(run, "_trained", None)
    assert run.evaluate()["val/recon_mse_hf"] > 0 and run.state_dict()["step"] == 0


def test_nothing_is_trained_beyond_the_stem():
    with pytest.raises(RuntimeError, match="must be read alone, got 1 steps"):
        read().advance(1)


def test_what_cannot_be_read_is_refused_when_the_config_is_built():
    with pytest.raises(ValueError, match=r"sample.sampler 'self' needs tread.rate"):
        replace_fields(BASE, {"sample.sampler": "self"})
    assert "stem.tread.rate" in flatten(asdict(BASE))
