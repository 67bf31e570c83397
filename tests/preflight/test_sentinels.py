"""Fields that belong to what None, -1, "" or "none" switches off are asleep, and no arm's fault."""

from dataclasses import dataclass
from typing import Any

import pytest
from test_preflight import Knobs, Sound, complaints, told

from infra.preflight.switches import is_off, listening, switches


@dataclass(frozen=True, kw_only=True, slots=True)
class Off(Knobs):
    clip: float | None = None
    clip_kind: str = "none"
    layer: int = -1
    prior: str = ""
    strength: float = 0.5  # read only where one of them is on


def reading(on: Any) -> type:
    """A run that asks for the strength where its config is `on`."""

    class Reading(Sound):
        def advance(self, steps: int) -> dict[str, float]:
            for _ in range(steps):
                if on(self.cfg):
                    self.weight = self.weight + 1e-3 * self.cfg.strength
                told = super().advance(1)
            return told

    return Reading


ALL = {
    "None": lambda c: c.clip is not None,
    "-1": lambda c: c.layer >= 0,
    "a text that is compared": lambda c: c.clip_kind == "norm",
    "an empty text": lambda c: c.prior in ("ridge", "lasso"),
    "two of them": lambda c: c.clip_kind == "norm" and c.layer != -1,
}
READ = {"clip": "clip", "clip_kind": "clip_kind", "layer": "layer", "prior": "prior"}


def dead(texts: list[str], name: str = "strength") -> list[str]:
    return [text for text in texts if repr(name) in text]


@pytest.mark.parametrize("why", ALL)
def test_what_belongs_to_a_feature_that_is_off_is_asleep_and_not_dead(why):
    assert dead(complaints({"more": {"rate": 0.2}}, run=reading(ALL[why]), base=Off())) == []


def test_a_field_that_nothing_wakes_is_refused_still():
    texts = complaints(
        {"more": {"rate": 0.2}}, run=reading(lambda c: c.clip == "never"), base=Off()
    )
    assert dead(texts) == [
        "field 'strength': must be read by some arm, and no arm's run asks for it; use it in "
        "Reading or delete it"
    ]


def test_where_it_is_not_known_what_turns_a_feature_on_its_fields_are_a_note():
    table = {"none": False, "ridge": True}
    run = reading(lambda c: table[c.clip_kind])
    found = told({"more": {"rate": 0.2}}, run=run, base=Off())
    assert dead([one.text for one in found if one.fatal]) == []
    [note] = dead([one.text for one in found])
    assert "delete it, unless it belongs to" in note and "clip_kind" in note


CLIPPED = Off(clip=1.0, clip_kind="norm", layer=1, prior="ridge")
WITHOUT = {
    "None": ({"clip": None, "strength": -1}, lambda c: c.clip is not None),
    "none": ({"clip_kind": "none", "strength": 0.0}, lambda c: c.clip_kind != "none"),
    "-1": ({"layer": -1, "strength": None}, lambda c: c.layer != -1),
    "no text": ({"prior": "", "strength": "none"}, lambda c: c.prior != ""),
}


@pytest.mark.parametrize("why", WITHOUT)
def test_an_arm_that_switches_a_feature_off_with_all_that_belongs_to_it_passes(why):
    arm, on = WITHOUT[why]
    texts = complaints({"without": arm}, run=reading(on), base=CLIPPED)
    assert dead(texts) == dead(texts, "without") == []


def test_an_arm_that_sets_another_value_in_vain_is_refused_though_the_feature_is_off():
    arm, on = {"clip": None, "strength": 0.7}, WITHOUT["None"][1]
    [text] = dead(complaints({"without": arm}, run=reading(on), base=CLIPPED))
    assert text.startswith("arm 'without': must read what it overrides")


def test_an_arm_that_sets_a_field_off_that_no_run_ever_reads_is_refused():
    texts = complaints({"more": {"strength": 0.0, "rate": 0.2}}, base=Off())
    assert any(text.startswith("arm 'more': must read what it overrides") for text in texts)


@pytest.mark.parametrize("value", [None, -1, "", "none", "None", "off", 0, 0.0, False, ()])
def test_what_commonly_says_off_is_off(value):
    assert is_off(value) and not any(map(is_off, (1, 0.5, -2, "norm", True, (0,), "n")))


def test_a_text_is_heard_what_it_is_compared_with_also_by_checks_of_the_config():
    @dataclass(frozen=True, kw_only=True)
    class Checked(Knobs):
        kind: str = "none"

        def __post_init__(self) -> None:
            if self.kind not in ("none", "lion", "muon"):
                raise ValueError(f"kind must be one of three, got {self.kind!r}")

    heard, texts = listening(Checked())
    assert {"lion", "muon"} <= {value for name, value in switches(heard, texts) if name == "kind"}
