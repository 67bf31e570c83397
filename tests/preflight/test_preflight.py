"""Preflight: planted defects are found and named, and sound studies pass."""

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import torch

from infra.preflight.preflight import Complaint, preflight
from infra.preflight.reads import field_names, recording
from infra.study.plan import Plan, make_plan
from infra.study.study import Study
from search_spaces.space import Arms


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    seed: int = 0
    steps: int = 40
    steps_per_report: int = 4
    rate: float = 0.1
    decay: float = 0.0
    stored: float = 0.0  # kept by the constructor and used by nobody
    late: float = 0.0  # takes part in the last tenth of the run
    auxiliary: float = 0.0  # weight of a term of the loss that has no gradient
    shown: float = 1.0  # takes part in the evaluation alone
    fault: str = ""  # the defect to plant
    data: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignoring(Knobs):
    ignored: int = 0  # asked for by nobody


class Sound:
    """Least squares with a momentum that resumes exactly; one fault at a time on request."""

    def __init__(self, cfg: Knobs) -> None:
        self.cfg, self.step, self.kept = cfg, 0, cfg.stored
        self.stream = torch.Generator().manual_seed(cfg.seed)
        self.weight = torch.randn(4, generator=self.draw("init"))
        self.extra = torch.ones(2)
        self.speed = torch.zeros(4)
        if cfg.fault == "begins anyhow":
            self.weight = torch.tensor([float(byte) for byte in os.urandom(4)])

    def draw(self, purpose: str) -> torch.Generator:
        if self.cfg.fault == "stream":
            return self.stream
        if self.cfg.fault == "inexact":
            torch.zeros(2).put_(torch.tensor([0]), torch.ones(1), accumulate=False)
        if self.cfg.fault in ("of its own", "inexact") and purpose == "batch":
            return torch.Generator().manual_seed(int.from_bytes(os.urandom(4)))
        return torch.Generator().manual_seed(self.cfg.seed * 1000 + len(purpose) * 100 + self.step)

    def advance(self, steps: int) -> dict[str, float]:
        cfg, loss = self.cfg, torch.zeros(())
        if cfg.data and (rows := len(self.examples("train")[0])) < 8:
            raise ValueError(f"a step needs 8 rows, got {rows}")
        for _ in range(min(steps, cfg.steps - self.step)):
            x = torch.randn(8, 4, generator=self.draw("batch"))
            error = x @ self.weight - 1
            loss = error.square().mean()
            self.speed = 0.5 * self.speed + x.T @ error / 8 + cfg.decay * self.weight
            rate = cfg.rate * (1 + cfg.late * (self.step >= 0.9 * cfg.steps))
            self.weight = self.weight - rate * self.speed
            self.step += 1
        loss = loss + cfg.auxiliary * self.weight.square().mean()
        return {"train/loss": float(loss), "train/stored": self.kept}  # told, and not used

    def evaluate(self) -> dict[str, float]:
        if self.cfg.fault == "evaluation moves":
            self.speed = self.speed + 1
        if self.cfg.fault == "evaluates anyhow":
            return {"val/error": float(int.from_bytes(os.urandom(4)))}
        return {"val/error": self.cfg.shown * float((self.weight - 1).square().mean())}

    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def examples(self, split: str) -> list[torch.Tensor]:
        if self.cfg.data:
            return torch.load(f"{self.cfg.data}/{split}.pt")
        rows = torch.arange(60.0).view(12, 5)
        blank = torch.zeros(2, 5)  # in both, and an example of nothing
        held_out = rows[8:] if self.cfg.fault != "leak" else rows[6:]
        return [rows[:5], rows[5:8], blank] if split == "train" else [blank, held_out]

    def state_dict(self) -> dict[str, Any]:
        model = {"weight": self.weight, "extra": self.extra}
        speed = {} if self.cfg.fault == "forgets" else {"speed": self.speed}
        return {"step": self.step, "model": model, **speed}

    def load_state_dict(self, state: Any) -> None:
        self.step, self.weight = state["step"], state["model"]["weight"]
        self.speed = state.get("speed", self.speed)


def knobs(overrides: dict[str, dict[str, Any]], **settings: Any) -> Study:
    return Study(**{
        "name": "knobs", "question": "?", "run": Sound, "base": Knobs(), "metric": "val/error",
        "space": Arms(source="none", overrides={"base": {}, **overrides}), "seeds": (0, 1, 2),
        "mode": "min", "baseline": "base", **settings,
    })  # fmt: skip


def tried_here(study: Study, plan: Plan) -> list[Complaint]:
    """Without the process of its own that tells of hash(), which takes seconds to begin."""
    return preflight(study, plan, in_two_processes=False)


def told(overrides: dict[str, dict[str, Any]], **settings: Any) -> list[Complaint]:
    study = knobs(overrides, **settings)
    return tried_here(study, make_plan(study, "lab"))


def complaints(overrides: dict[str, dict[str, Any]], **settings: Any) -> list[str]:
    return [complaint.text for complaint in told(overrides, **settings) if complaint.fatal]


@pytest.mark.parametrize("knob", ["rate", "decay", "late", "shown"])
def test_a_knob_that_acts_anywhere_in_the_run_passes(knob):
    assert complaints({"more": {knob: 3.0}}) == []


def test_a_knob_that_is_stored_and_not_used_is_named_with_both_arms_and_values():
    [text] = complaints({"more": {"stored": 2.0}})
    assert "'base' and 'more'" in text and "stored 0.0 and 2.0" in text and "dead knob" in text


def test_weight_of_a_term_without_gradient_is_named_though_the_loss_that_is_told_differs():
    [text] = complaints({"more": {"auxiliary": 2.0}})
    assert "auxiliary 0.0 and 2.0 move no weight and no evaluation" in text
    assert "a term of it has no gradient" in text


def test_knob_of_a_loss_that_is_the_metric_itself_passes():
    assert complaints({"more": {"auxiliary": 2.0}}, metric="train/loss") == []


def test_an_override_that_nobody_reads_is_named():
    texts = complaints({"more": {"ignored": 7, "rate": 0.2}}, base=Ignoring())
    assert len(texts) == 1 and "arm 'more'" in texts[0]
    assert "never asks for 'ignored'" in texts[0]


def test_how_often_an_arm_reports_is_read_by_the_sweep_and_not_in_vain():
    longer = {"steps": 80, "steps_per_report": 8, "rate": 0.2}
    assert complaints({"a": longer}) == []


def test_a_field_that_no_arm_reads_is_named():
    [text] = complaints({}, base=Ignoring())
    assert text.startswith("field 'ignored': must be read by some arm")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("stream", "state_dict must hold all that acts later"),
        ("forgets", "state_dict must hold all that acts later"),
        ("of its own", "must give the same weights, and twice they do not"),
        ("evaluation moves", "evaluate() must change no state"),
        ("begins anyhow", "two runs of one config must begin alike"),
        ("evaluates anyhow", "evaluate() must give the same twice on one state"),
    ],
)
def test_what_breaks_a_resume_is_told_before_the_sweep(fault, words):
    texts = complaints({"more": {"rate": 0.2}}, base=Knobs(fault=fault))
    assert texts and all(words in text for text in texts)


def test_steps_that_do_not_repeat_for_want_of_a_kernel_are_told_and_not_refused():
    found = told({"more": {"rate": 0.2}}, base=Knobs(fault="inexact"))
    notes = [one for one in found if "do not repeat to the bit, since put_" in one.text]
    assert len(notes) == 2 and all(not one.fatal and one.unproven for one in notes)
    assert not [one for one in found if one.fatal]


def test_arms_that_all_do_the_same_are_told_in_one_line():
    [text] = complaints({f"stored {i}": {"stored": float(i)} for i in range(1, 9)})
    assert "'base', 'stored 1', 'stored 2', 'stored 3', 'stored 4' and 4 more: must" in text
    named = tuple(f"stored {i}" for i in range(1, 9))
    assert complaints({n: {"stored": float(n[-1])} for n in named}, twins=(("base", *named),)) == []


def test_twins_pass_when_they_are_declared_and_stay_on_the_record():
    found = told({"more": {"stored": 1.0}}, twins=(("base", "more"),))
    [twins] = [complaint for complaint in found if "twins" in complaint.text]
    assert not twins.fatal


def test_tensors_that_never_move_are_told_but_do_not_stop_the_sweep():
    [note] = told({})
    assert not note.fatal
    assert "arm 'base': 1 tensors of the model stay as they were (extra)" in note.text


def test_training_on_what_is_evaluated_is_told_with_how_many():
    texts = complaints({"more": {"rate": 0.2, "fault": "leak"}})
    assert texts == [
        "arm 'more': no evaluation example may be among those of training, but 2 of 6 are by their "
        "content, the first of them number 2; split by what they were taken from, or drop "
        "duplicates first"
    ]


def test_prepared_data_that_no_step_can_be_taken_on_is_refused(tmp_path):
    rows = torch.arange(60.0).view(12, 5)
    study = knobs({"more": {"rate": 0.2}})
    plan = make_plan(study, "lab", data=str(tmp_path))
    torch.save([rows[8:]], tmp_path / "evaluation.pt")
    torch.save([rows[:8]], tmp_path / "train.pt")
    assert not [c.text for c in tried_here(study, plan) if c.fatal]
    torch.save([rows[:5]], tmp_path / "train.pt")
    [text] = [c.text for c in tried_here(study, plan) if c.fatal]
    assert "a run must take it, but it raises ValueError" in text
    assert text.endswith("a step needs 8 rows, got 5")


def test_prepared_data_is_looked_through_for_leaks_too(tmp_path):
    draw = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 9, (30, 3, 4), dtype=torch.int16, generator=draw)
    torch.save([rows[:20]], tmp_path / "train.pt")
    torch.save([rows[20:]], tmp_path / "evaluation.pt")
    study = knobs({"more": {"rate": 0.2}})
    plan = make_plan(study, "lab", data=str(tmp_path))
    assert not [c.text for c in tried_here(study, plan) if c.fatal]
    torch.save([rows[19:]], tmp_path / "evaluation.pt")
    [text] = [c.text for c in tried_here(study, plan) if c.fatal]
    assert text.startswith(f"data {str(tmp_path)!r}: ") and "1 of 11 are" in text


def test_a_metric_off_its_chance_level_is_told():
    [text] = complaints({}, chance=(100.0, 101.0))
    assert "an untrained run must score between 100 and 101" in text


@pytest.mark.parametrize(("times", "fine"), [(2.0, False), (1.05, True), (0.5, True), (0, True)])
def test_an_untrained_run_better_than_the_chance_it_reports_is_refused(times, fine):
    class Told(Sound):
        def evaluate(self) -> dict[str, float]:
            told = super().evaluate()
            return {**told, "val/error_chance": times * told["val/error"]}

    texts = complaints({"more": {"rate": 0.2}}, run=Told)
    assert fine == (not texts)
    assert all("an untrained run must score between" in text for text in texts)


def test_declared_twins_pass_beside_an_arm_that_acts_seldom():
    class Late(Sound):
        def advance(self, steps: int) -> dict[str, float]:
            for _ in range(steps):
                told = super().advance(1)
                if self.step == 27:  # in none of the stretches of three steps
                    self.weight = self.weight + self.cfg.stored // 2
            return told

    overrides = {"twin": {"stored": 1.0}, "seldom": {"stored": 2.0}}
    assert complaints(overrides, run=Late, twins=(("base", "twin"),)) == []
    [text] = complaints(overrides, run=Late)
    assert "arms 'base' and 'twin'" in text


def test_a_dead_knob_of_a_run_that_diverges_later_is_still_one():
    class Diverging(Sound):
        def advance(self, steps: int) -> dict[str, float]:
            if steps > 10:  # as the look over a hundred steps alone asks for
                raise FloatingPointError("loss must be finite, got nan")
            return super().advance(steps)

    [text] = complaints({"more": {"stored": 2.0}}, run=Diverging)
    assert "stored 0.0 and 2.0 move no weight" in text and "a dead knob" in text


def test_an_arm_that_cannot_run_is_named_with_what_it_raised():
    texts = complaints({"more": {"rate": "fast"}})
    here = r"arm 'more': must run, but it raises TypeError at test_preflight.py:\d+: "
    assert any(re.match(here, text) for text in texts)


def test_a_knob_that_acts_seldom_is_not_called_dead():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Shrinking(Knobs):
        shrink: float = 1.0

    class Seldom(Sound):
        def advance(self, steps: int) -> dict[str, float]:
            for _ in range(steps):
                told = super().advance(1)
                if self.step % 9 == 0:  # in none of the stretches of three steps
                    self.weight = self.weight * self.cfg.shrink
            return told

    assert complaints({"more": {"shrink": 0.5}}, run=Seldom, base=Shrinking()) == []
    [text] = complaints({"more": {"shrink": 0.5}, "other": {"stored": 1.0}}, run=Seldom,
                        base=Shrinking())  # fmt: skip
    assert "arms 'base' and 'other'" in text and "'more'" not in text


def test_a_component_looked_up_by_its_very_type_is_no_fault_but_said_to_hide_unread_fields():
    @dataclass(frozen=True, slots=True)
    class Slow:
        rate: float = 0.1

    @dataclass(frozen=True, kw_only=True, slots=True)
    class Composed(Knobs):
        pace: Slow = Slow()

    class ByType(Sound):
        def __init__(self, cfg: Any) -> None:
            super().__init__(cfg)
            self.speed = self.speed + {Slow: 1.0}[type(cfg.pace)] * cfg.pace.rate

    tried = told({"more": {"pace.rate": 0.2}}, run=ByType, base=Composed())
    [note] = [complaint for complaint in tried if complaint.unproven]
    assert not any(complaint.fatal for complaint in tried)
    assert "fields that nothing reads are not looked for" in note.text and "KeyError" in note.text


def test_a_recording_config_is_the_config_but_for_its_memory():
    from dataclasses import FrozenInstanceError, asdict, replace

    seen: set[str] = set()
    copy = recording(Knobs(rate=0.3), seen)
    assert not seen and isinstance(copy, Knobs)
    assert copy.rate == 0.3 and seen == {"rate"}
    assert asdict(copy) == asdict(Knobs(rate=0.3)) and set(field_names(copy)) == seen
    assert replace(copy, steps=3).steps == 3
    assert copy == Knobs(rate=0.3) == copy != Knobs() and hash(copy) == hash(Knobs(rate=0.3))
    assert recording(Knobs(), set()) == recording(Knobs(), set())
    with pytest.raises(FrozenInstanceError):
        copy.steps = 1  # type: ignore[misc]


def test_a_run_that_ignores_its_seed_is_refused():
    class Seedless(Sound):
        def draw(self, purpose: str) -> torch.Generator:
            return torch.Generator().manual_seed(len(purpose) * 100 + self.step)

    [text] = complaints({"more": {"rate": 0.2}}, run=Seedless)
    assert "must depend on its seed, but 0, 1 and 2 give the same" in text


def test_a_run_that_does_not_count_its_steps_is_told_so():
    class Uncounted(Sound):
        def advance(self, steps: int) -> dict[str, float]:
            return {**super().advance(steps), "train/at": (0 * self.take_back(steps))}

        def take_back(self, steps: int) -> int:
            self.step -= steps
            return steps

    [text] = complaints({}, run=Uncounted)
    assert "advance(2) must move `step` on by 2, but moved it by 0" in text


def test_not_a_number_in_a_state_is_no_impure_evaluation():
    class Best(Sound):
        def state_dict(self) -> dict[str, Any]:
            return {**super().state_dict(), "best": float("nan"), "all": torch.tensor(float("nan"))}

    assert complaints({"more": {"rate": 0.2}}, run=Best) == []


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_runs_of_few_steps_pass(steps):
    tried = told({"more": {"rate": 0.2}}, base=Knobs(steps=steps))
    [note] = [complaint for complaint in tried if complaint.unproven]
    assert not any(complaint.fatal for complaint in tried)
    assert "not compared with other arms, since a run has under 4 steps" in note.text


def test_a_law_between_budget_and_cadence_does_not_stop_a_trial():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Even(Knobs):
        def __post_init__(self) -> None:
            if self.steps % self.steps_per_report:
                raise ValueError(f"steps must be a multiple, got {self.steps}")

    scales = {"smoke": {"steps": 8, "steps_per_report": 8}, "lab": {"steps": 20}}
    assert complaints({"more": {"rate": 0.2}}, base=Even(), scales=scales) == []


def test_what_belongs_to_another_choice_is_asleep_and_not_dead():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Choosing(Knobs):
        kind: Literal["plain", "tilted"] = "plain"
        tilt: float = 2.0  # read only where it is tilted

    class Tilted(Sound):
        def advance(self, steps: int) -> dict[str, float]:
            if self.cfg.kind == "tilted":
                self.weight = self.weight + self.cfg.tilt
            return super().advance(steps)

    assert complaints({}, run=Tilted, base=Choosing()) == []


def test_what_belongs_to_a_term_that_is_off_is_asleep_and_not_dead():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Switched(Knobs):
        noise: float = 0.0
        noise_width: float = 2.0  # read only where there is noise

    class Noisy(Sound):
        def advance(self, steps: int) -> dict[str, float]:
            if self.cfg.noise:
                self.weight = self.weight + self.cfg.noise * self.cfg.noise_width
            return super().advance(steps)

    assert complaints({}, run=Noisy, base=Switched()) == []
