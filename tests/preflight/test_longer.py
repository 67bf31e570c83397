"""Knobs that act once, late or at a larger size alone are found by looking for longer."""

from dataclasses import dataclass
from typing import Any

import pytest
from test_preflight import Knobs, Sound, complaints

from infra.preflight import longer


@dataclass(frozen=True, kw_only=True, slots=True)
class Late(Knobs):
    steps: int = 200
    at: int = 130
    jump: float = 0.0
    size: int = 64
    window: int = 64


class Jumping(Sound):
    """Least squares that is moved once, at a step that it counts itself, and by a window."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.counted = 0

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(min(steps, self.cfg.steps - self.step)):
            told = super().advance(1)
            self.counted += 1
            if self.counted == self.cfg.at:
                self.weight = self.weight + self.cfg.jump
            if self.cfg.size > self.cfg.window:
                self.weight = self.weight + 0.01
        return told

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "counted": self.counted}

    def load_state_dict(self, state: Any) -> None:
        super().load_state_dict(state)
        self.counted = state["counted"]


JUMP = {"jump": {"jump": 1.0}}


def jumping(overrides: dict[str, Any], **settings: Any) -> list[str]:
    return complaints(overrides, **{"run": Jumping, "base": Late(), **settings})


def test_a_knob_that_acts_once_beyond_a_hundred_steps_passes():
    assert jumping(JUMP) == []
    assert jumping({"later": {"at": 150}}, base=Late(jump=1.0)) == []


def test_a_knob_that_acts_at_the_last_step_passes_and_one_that_acts_after_it_does_not():
    assert jumping(JUMP, base=Late(at=200)) == []
    text = next(text for text in jumping(JUMP, base=Late(at=201)) if "must differ" in text)
    assert "nor in a whole run of 200 steps at the smallest size: a dead knob there" in text


def test_where_a_whole_run_takes_too_long_it_is_said_how_far_it_was_looked(monkeypatch):
    monkeypatch.setattr(longer, "PATIENCE_S", 0.0)
    [text] = jumping(JUMP)
    assert "nor in 100 steps at the smallest size (200 would take" in text and ", over 0)" in text
    assert text.endswith("give --allow-identical base,jump")


SMALL = {"smoke": {"size": 16}, "lab": {"size": 128}}


def test_a_window_that_the_smallest_size_never_fills_passes():
    assert jumping({"wide": {"window": 256}}, scales=SMALL) == []


def test_a_dead_knob_is_dead_at_its_own_size_too():
    [text] = jumping({"dead": {"stored": 2.0}}, scales=SMALL)
    assert "smallest size, nor at scale lab: a dead knob there" in text


@dataclass(frozen=True, kw_only=True, slots=True)
class Unnamed(Knobs):
    updates: int = 150  # the config does not tell its steps by that name
    drop: int = 140


class Dropping(Sound):
    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.counted = 0

    def advance(self, steps: int) -> dict[str, float]:
        told = {}
        for _ in range(min(steps, self.cfg.updates - self.step)):
            told = self._step()
        return told

    def _step(self) -> dict[str, float]:
        before, step = self.weight, self.step
        self.cfg.steps  # noqa: B018 which this run does not obey
        loss = float((before - 1).square().mean())
        rate = self.cfg.rate * (0.1 if self.counted >= self.cfg.drop else 1.0)
        self.weight = before - rate * (before - 1)
        self.step, self.counted = step + 1, self.counted + 1
        return {"train/loss": loss}

    def done(self) -> bool:
        return self.step >= self.cfg.updates

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "counted": self.counted}

    def load_state_dict(self, state: Any) -> None:
        super().load_state_dict(state)
        self.counted = state["counted"]


def test_a_run_that_does_not_tell_its_steps_is_followed_to_its_end_too():
    texts = jumping({"later": {"drop": 145}}, run=Dropping, base=Unnamed(steps=400))
    assert not [text for text in texts if "'later'" in text]


@pytest.mark.parametrize("at", [130, 200])
def test_a_field_that_is_read_once_and_late_passes(at):
    class ReadsLate(Jumping):
        def advance(self, steps: int) -> dict[str, float]:
            for _ in range(min(steps, self.cfg.steps - self.step)):
                told = Sound.advance(self, 1)
                self.counted += 1
                if self.counted == at:
                    self.weight = self.weight + self.cfg.jump
            return told

    base = Late(window=0, size=0)
    texts = jumping(JUMP, run=ReadsLate, base=base)
    assert not [text for text in texts if "'jump'" in text], texts


def test_a_field_that_is_never_read_is_refused_with_how_far_the_run_was_followed():
    [text] = jumping({"more": {"jump": 1.0, "rate": 0.2}}, run=Sound)[:1]
    assert "never asks for 'jump' in a whole run of 200 steps" in text
