"""Arms whose difference no evaluation reads, and arms of the same weights with another score."""

from dataclasses import dataclass
from typing import Any

import torch
from test_preflight import Knobs, Sound, told

from infra.preflight.complaint import Complaint


@dataclass(frozen=True, kw_only=True, slots=True)
class Averaging(Knobs):
    ema: float = 0.5
    shown_from: float = 2.0  # share of the run from which the average is evaluated
    coarse: bool = False


class Averaged(Sound):
    """Least squares with an average of its weights, which the evaluation reads on request."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.average = self.weight.clone()

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(steps):
            reported = super().advance(1)
            self.average = self.cfg.ema * self.average + (1 - self.cfg.ema) * self.weight
        return reported

    def evaluate(self) -> dict[str, float]:
        shown = self.step >= self.cfg.shown_from * self.cfg.steps
        error = float(((self.average if shown else self.weight) - 1).square().mean())
        error = self.cfg.shown * error
        return {"val/error": float(error > 1e9) if self.cfg.coarse else error}

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        return {**state, "model": {**state["model"], "average": self.average}}

    def load_state_dict(self, state: Any) -> None:
        super().load_state_dict(state)
        self.average = state["model"]["average"]


class Beside(Averaged):
    """Keeps its average in the state, and not in the model."""

    def state_dict(self) -> dict[str, Any]:
        return {**Sound.state_dict(self), "kept": {"average": self.average}}

    def load_state_dict(self, state: Any) -> None:
        Sound.load_state_dict(self, state)
        self.average = state["kept"]["average"]


def averaged(overrides: dict[str, Any], base: Averaging, run: type = Averaged) -> list[Complaint]:
    found = told(overrides, base=base, run=run)
    return [one for one in found if "stay as they were" not in one.text]


SLOW = {"slow": {"ema": 0.9}}


def test_an_average_that_no_evaluation_reads_is_refused_with_field_and_tensor():
    [found] = averaged(SLOW, Averaging())
    assert found.fatal and found.text.startswith(
        "arms 'base' and 'slow': must differ in what is evaluated, but ema 0.5 and 0.9 moves "
        "average and no metric in a whole run of 40 steps at the smallest size"
    )
    assert found.text.endswith("give --allow-identical base,slow")


def test_an_average_that_is_read_passes_also_where_that_is_at_the_very_end():
    assert averaged(SLOW, Averaging(shown_from=0.0)) == []
    assert averaged(SLOW, Averaging(shown_from=1.0)) == []


def test_a_coarse_metric_that_does_not_tell_arms_apart_yet_reads_them_all_the_same():
    """As a share of right answers before anything is learnt: lost tensors it would notice."""
    assert averaged({"fast": {"rate": 0.101}}, Averaging(coarse=True)) == []


def test_what_is_kept_beside_the_model_and_read_is_no_knob_of_the_evaluation():
    [note] = averaged(SLOW, Averaging(shown_from=0.0), run=Beside)
    assert not note.fatal
    assert "ema 0.5 and 0.9 moves kept.average of the state beside the model" in note.text


def test_what_is_kept_beside_the_model_and_not_read_is_dead_with_its_tensor():
    [found] = averaged(SLOW, Averaging(), run=Beside)
    assert found.fatal and "a dead knob" in found.text
    assert "of the state they move kept.average, which no evaluation reads" in found.text


def test_another_score_of_the_same_weights_names_field_and_tensors():
    [note] = averaged({"twice": {"shown": 2.0}}, Averaging())
    assert not note.fatal and "(average, extra and weight), and another score" in note.text
    assert "declare shown in Study.evaluation_only if it is meant to" in note.text


def test_declared_twins_that_no_evaluation_tells_apart_pass_and_stay_on_the_record():
    found = told(SLOW, base=Averaging(), run=Averaged, twins=(("base", "slow"),))
    [twins] = [one for one in found if "must differ in what is evaluated" in one.text]
    assert not twins.fatal and twins.text.endswith("declared twins")


def test_masks_and_tables_that_stay_as_they_were_are_not_told_and_weights_are():
    class Masked(Sound):
        def __init__(self, cfg: Any) -> None:
            super().__init__(cfg)
            self.net = torch.nn.Linear(3, 2)
            self.net.register_buffer("mask", torch.ones(5, 5).tril())
            torch.nn.init.zeros_(self.net.weight), torch.nn.init.zeros_(self.net.bias)
            self.norm = torch.nn.BatchNorm1d(3)

        def state_dict(self) -> dict[str, Any]:
            state = super().state_dict()
            nets = {f"net.{name}": tensor for name, tensor in self.net.state_dict().items()}
            nets["norm.running_mean"] = self.norm.running_mean
            return {**state, "model": {**state["model"], **nets}}

    [note] = told({"more": {"rate": 0.2}}, run=Masked)
    assert "(extra, net.bias, net.weight, norm.running_mean)" in note.text
