"""What an arm was seen to move beside its score is on record before the sweep."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from test_preflight import Knobs, Sound, knobs

from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.preflight.preflight import try_arms
from infra.study.plan import Plan, make_plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Moving(Knobs):
    updates: int = 40
    temper: float = 1.0
    half: bool = False
    crop: int = 0
    sampler: str = "plain"
    curtain: float = 1.0  # of the evaluation, whatever its name


class Telling(Sound):
    """Least squares that tells its rate and what it measured on; its end has a name of its own."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        if cfg.half:
            self.weight = self.weight.bfloat16().float()

    def advance(self, steps: int) -> dict[str, float]:
        rate, told = self.cfg.rate * self.cfg.temper, {}
        with torch.autocast("cpu", torch.bfloat16, enabled=self.cfg.half):
            for _ in range(min(steps, self.cfg.updates - self.step)):
                told = super().advance(1)
                self.weight = self.weight * (1 - 1e-4 * rate)
        return {**told, "train/lr_realised": rate, "train/examples": 8 * self.step}

    def evaluate(self) -> dict[str, float]:
        shown = 2.0 if self.cfg.sampler == "guided" else self.cfg.curtain
        return {"val/error": shown * super().evaluate()["val/error"], "val/n": 64 - self.cfg.crop}

    def done(self) -> bool:
        return self.step >= self.cfg.updates


def seen(overrides: dict[str, Any], base: Moving = Moving(), **settings: Any) -> Any:
    study = knobs({"more": overrides}, base=base, run=Telling, **settings)
    return try_arms(study, make_plan(study, "lab"), in_two_processes=False)


@pytest.mark.parametrize(
    ("field", "value", "quantity", "how"),
    [
        ("temper", 2.0, "learning rate", "0.2, baseline 0.1 at 0% of the budget"),
        ("updates", 30, "steps", "30, baseline 40"),
        ("updates", 20, "steps", "20, baseline 40"),
        ("half", True, "autocast", "bfloat16, baseline off"),
        ("crop", 4, "amount of evaluation", "val/n differs (60, baseline 64)"),
    ],
)
def test_what_a_field_moves_is_seen_and_told_whatever_its_name(field, value, quantity, how):
    found = seen({field: value})
    moved = found.seen["more"].moved
    assert moved[quantity].endswith(how) or how in moved[quantity] or quantity == "steps"
    assert moved[quantity]
    [note] = [c.text for c in found.complaints if f"moves the {quantity} (" in c.text]
    assert note.startswith(f"arm 'more': {field} moves the {quantity} (")
    others = {"learning rate", "steps", "autocast", "amount of evaluation"} - {quantity}
    assert {moved[name] for name in others} == {""}


def test_what_is_declared_or_named_so_is_seen_and_not_told():
    declared = seen({"temper": 2.0}, explains={"temper": ("learning rate",)})
    assert declared.seen["more"].moved["learning rate"]
    study = knobs({}, base=Moving(), explains={"temper": ("learning rate",)})
    plan = make_plan(study, "lab")
    assert Plan.from_json(plan.to_json()) == plan and plan.is_explained("learning rate", ["temper"])
    named = seen({"rate": 0.2})
    for found in (declared, named):
        assert not [c.text for c in found.complaints if "moves the" in c.text]


def test_a_field_named_like_the_evaluations_is_tried_on_the_same_weights():
    acts = seen({"sampler": "guided", "decay": 0.1}).seen["more"].moved
    assert acts["way of evaluation"] == "by sampler"
    idle = seen({"sampler": "balanced", "decay": 0.1}).seen["more"].moved
    assert idle["way of evaluation"] == ""
    assert "way of evaluation" not in seen({"decay": 0.1}).seen["more"].moved


def test_the_tensors_that_an_arm_moves_are_named():
    moved = seen({"decay": 0.1}).seen["more"].moved
    assert (moved["weights"], moved["tensors"]) == ("weight", "extra and weight")
    assert seen({"curtain": 2.0}).seen["more"].moved["weights"] == ""


def test_what_was_seen_is_on_record_in_the_sweeps_folder_and_beside_its_cells(tmp_path: Path):
    study = knobs({"more": {"temper": 2.0}}, base=Moving(), run=Telling)
    plan, ledger = make_plan(study, "lab"), Ledger(open_storage(str(tmp_path)), "sweep")
    ledger.write_plan(plan)
    assert {record.seen for record in ledger.records().values()} == {None}
    told = try_arms(study, plan, in_two_processes=False).seen
    ledger.write_preflight(["a note"], told)
    assert ledger.read_preflight() == ["a note"] and ledger.read_seen() == told
    assert [ledger.records()[cell.key].seen for cell in plan.cells] == [
        told[cell.arm] for cell in plan.cells
    ]
