"""Preflight of runs that take no step: controls, and arms that only measure otherwise."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest
import torch
from test_preflight import Knobs, Sound, knobs, tried_here

from infra.errors import Refused
from infra.preflight.complaint import Complaint
from infra.preflight.cost import cell_seconds, estimate
from infra.preflight.pace import at_equal_seconds
from infra.preflight.preflight import checked
from infra.study.plan import make_plan, with_steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Guessing(Knobs):
    control: Literal["", "zero", "one"] = ""
    unread: float = 0.0


class Guesser(Sound):
    """Least squares, or a constant answer for which there is nothing to train."""

    def done(self) -> bool:
        return self.cfg.control != "" or super().done()

    def advance(self, steps: int) -> dict[str, float]:
        if self.done():
            raise RuntimeError("a run that is done must not be asked for steps")
        return super().advance(steps)

    def evaluate(self) -> dict[str, float]:
        if self.cfg.control:
            answer = torch.full((4,), float(self.cfg.control == "one"))
            return {"val/error": float((answer - 1).square().mean()) + self.cfg.unread * 0}
        return {**super().evaluate(), "val/unread": self.cfg.unread * 0}


ZERO, ONE = {"control": "zero"}, {"control": "one"}


def guessing(overrides: dict[str, Any], **settings: Any) -> Any:
    return knobs(overrides, **{"run": Guesser, "base": Guessing(), **settings})


def told(study: Any) -> list[Complaint]:
    return tried_here(study, make_plan(study, "lab"))


def test_a_control_is_tried_without_a_step_and_nothing_is_said_of_it():
    arms = {
        "more": {"rate": 0.2},
        "zero": ZERO,
        "one": ONE,
        "again": {"control": "one", "decay": 1.0},
    }
    notes = told(guessing(arms, controls=("zero", "one", "again")))
    assert [n.text for n in notes if n.fatal or n.unproven] == []
    assert not any("zero" in note.text for note in notes)


def test_an_arm_that_does_nothing_is_found_beside_controls():
    arms = {"zero": ZERO, "dead": {"stored": 3.0}}
    [text] = [c.text for c in told(guessing(arms, controls=("zero",))) if c.fatal]
    assert "arms 'base' and 'dead'" in text and "zero" not in text


def test_a_control_that_trains_is_refused():
    study = guessing({"fast": {"rate": 0.2}}, controls=("fast",))
    with pytest.raises(Refused, match="arm 'fast': is a control, so its run must be done"):
        checked(study, make_plan(study, "lab"), ())


def test_a_control_without_the_studys_metric_is_refused():
    class Mute(Guesser):
        def evaluate(self) -> dict[str, float]:
            return {"val/other": 1.0} if self.cfg.control else super().evaluate()

    [text] = [
        c.text for c in told(guessing({"zero": ZERO}, run=Mute, controls=("zero",))) if c.fatal
    ]
    assert text.endswith("must report the study's metric 'val/error', but reports val/other")


def test_controls_take_no_part_of_the_estimate_nor_of_equal_seconds():
    study = guessing({"zero": ZERO}, controls=("zero",), cell_seconds={"lab": 30.0})
    plan = make_plan(study, "lab")
    known = cell_seconds(study, plan, {}, {})
    assert known == {"base": 30.0, "zero": 0.0}
    assert estimate(plan, plan.cells, known, {}, 0) == "about 30 s a cell, 0.025 worker-hours"
    steps = at_equal_seconds(study, plan, {})
    assert steps == {"base": 40}
    assert with_steps(study, plan, steps).cells == plan.cells


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    scale: float = 1.0
    rule: Literal["plain", "strict"] = "plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured(Knobs):
    show: Shown = Shown()


class Measuring(Sound):
    """Least squares whose evaluation has knobs of its own; done at once on request."""

    def done(self) -> bool:
        return self.cfg.fault == "untrained" or super().done()

    def evaluate(self) -> dict[str, float]:
        error = self.cfg.show.scale * super().evaluate()["val/error"]
        return {"val/error": error, "val/strict": error * (2 - (self.cfg.show.rule == "plain"))}


SHOW = {"twice": {"show.scale": 2.0}, "strict": {"show.rule": "strict"}}


def measured(overrides: dict[str, Any], **settings: Any) -> list[Complaint]:
    declared = {"run": Measuring, "base": Measured(), "evaluation_only": ("show",)}
    return [
        c for c in told(knobs(overrides, **{**declared, **settings})) if "(extra)" not in c.text
    ]


def test_declared_knobs_of_the_evaluation_are_told_as_such_and_are_no_warning():
    [note] = measured({**SHOW, "fast": {"rate": 0.2}})
    assert not note.fatal and not note.unproven
    assert note.text == (
        "arms 'base', 'twice' and 'strict': show.rule 'plain' and 'strict', show.scale 1.0 and "
        "2.0: acts in evaluation only, with the same weights and another score"
    )


def test_an_undeclared_knob_that_moves_the_score_alone_is_a_note_that_asks():
    [note] = measured(SHOW, evaluation_only=("show.scale",))
    assert not note.fatal
    assert "the same weights in 3 steps from 0%, 25%, 50%, 75%, 97% of the budget" in note.text
    assert "declare show.rule in Study.evaluation_only if it is meant to" in note.text


def test_a_declared_knob_that_trains_is_refused():
    [text] = [
        c.text for c in measured({"fast": {"rate": 0.2}}, evaluation_only=("rate",)) if c.fatal
    ]
    assert text.startswith("arms 'base' and 'fast': differ only in rate 0.1 and 0.2, which")


def test_a_declared_knob_that_does_nothing_is_dead_like_any_other():
    [text] = [
        c.text for c in measured({"dead": {"stored": 1.0}}, evaluation_only=("stored",)) if c.fatal
    ]
    assert "stored 0.0 and 1.0 move no weight and no evaluation" in text


def test_runs_that_only_evaluate_are_compared_by_that():
    base = Measured(fault="untrained")
    arms = {**SHOW, "dead": {"stored": 1.0}}
    notes = measured(arms, base=base)
    [text] = [c.text for c in notes if c.fatal]
    assert "arms 'base' and 'dead'" in text and "of runs that do not train: a dead knob" in text
    [note] = [c.text for c in notes if not c.fatal]
    assert note.endswith("acts in evaluation only, with the same weights and another score")
