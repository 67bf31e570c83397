"""Equal seconds: slower arms get fewer steps, which are fixed before the sweep."""

import json
import time
from dataclasses import dataclass, replace

import pytest
from conftest import LINE, ablate
from studies.line import STUDY, LineConfig, LineRun

from infra.errors import Refused
from infra.preflight.pace import at_equal_seconds
from infra.study.plan import extend_plan, make_plan, with_steps
from search_spaces.space import Arms


@dataclass(frozen=True, kw_only=True, slots=True)
class Paced(LineConfig):
    wait_s: float = 0.002
    waits_from: float = 0.0  # share of the run


class PacedRun(LineRun):
    cfg: Paced

    def advance(self, steps: int) -> dict[str, float]:
        if self.step >= self.cfg.waits_from * self.cfg.steps:
            time.sleep(steps * self.cfg.wait_s)
        return super().advance(steps)


ARMS = {"plain": {}, "slow": {"wait_s": 0.02}, "late": {"wait_s": 0.02, "waits_from": 0.5}}
PACED = replace(
    STUDY, run=PacedRun, base=Paced(), scales={}, space=Arms(source="none", overrides=ARMS)
)


def test_a_slower_arm_gets_fewer_steps_and_what_begins_late_counts_by_its_share():
    steps = at_equal_seconds(PACED, make_plan(PACED, "lab"), {})
    assert steps["plain"] == 40
    assert 2 <= steps["slow"] <= 10 and steps["slow"] < steps["late"] <= 20


def test_steps_that_were_told_before_stay_and_stand_in_the_cells_configs():
    plan = make_plan(PACED, "lab")
    plan = with_steps(PACED, plan, at_equal_seconds(PACED, plan, {"slow": 7, "late": 13}))
    with pytest.raises(ValueError, match="--equal-seconds must be given"):
        extend_plan(plan, make_plan(PACED, "lab"))
    assert extend_plan(plan, replace(plan, steps={"plain": 40})).steps["slow"] == 7
    assert {cell.arm: cell.config["steps"] for cell in plan.cells} == {
        "plain": 40, "slow": 7, "late": 13,
    }  # fmt: skip


def test_what_would_make_the_seconds_unequal_is_refused():
    plan = make_plan(PACED, "lab")
    with pytest.raises(Refused, match="baseline's steps must stay 20"):
        at_equal_seconds(PACED, plan, {"plain": 20})
    own = replace(PACED, space=Arms(source="none", overrides={"plain": {}, "own": {"steps": 9}}))
    with pytest.raises(Refused, match="'own': must leave 'steps' to --equal-seconds"):
        at_equal_seconds(own, make_plan(own, "lab"), {})


def test_a_config_without_steps_is_refused():
    @dataclass(frozen=True)
    class Endless:
        seed: int = 0
        steps_per_report: int = 4

    study = replace(PACED, base=Endless(), space=Arms(source="none", overrides={"plain": {}}))
    with pytest.raises(Refused, match="must have a field 'steps' for --equal-seconds"):
        at_equal_seconds(study, make_plan(study, "lab"), {})


def test_a_sweep_at_equal_seconds_goes_on_with_the_steps_it_began_with(tmp_path):
    place = ["--storage", tmp_path, "--seeds", "0"]
    again = ["run", LINE, "--equal-seconds", "--here", "half", *place]
    assert ablate(*again).returncode == 0
    done = ablate(*again)
    assert done.returncode == 0 and "already" in done.stdout, done.stdout + done.stderr
    assert ablate("run", LINE, "--here", "half", *place).returncode == 0
    assert (tmp_path / "line-lab" / "plan.json").exists(), "another sweep"
    shown = ablate("resume", "line-lab-seconds", "--storage", tmp_path, "--arms", "heavy",
                   "--dry-run", "--json")  # fmt: skip
    plan = json.loads(shown.stdout)["plan"]
    old = json.loads((tmp_path / "line-lab-seconds" / "plan.json").read_text())
    assert plan["steps"].keys() == {"plain", "half", "heavy"}
    assert plan["steps"]["half"] == old["steps"]["half"]
