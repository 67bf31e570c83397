"""Preflight of runs that are saved under way, measured again, and begun where another trained."""

from time import sleep
from typing import Any

import pytest
import torch
from interrupted import KINDS, Config, MicroBatches, Net, Run, Taught, forgetful
from torch.nn.functional import cross_entropy, dropout

from infra.preflight.preflight import preflight
from infra.preflight.walk import Mark, walked
from infra.study.plan import make_plan
from infra.study.study import Study
from search_spaces.space import Arms


def complaints(run: type[Run], fatal: bool = True, **settings: Any) -> list[str]:
    arms = Arms(source="none", overrides={"base": {}} | settings.pop("arms", {}))
    study = Study(**{
        "name": "interrupted", "question": "?", "run": run, "base": Config(), "space": arms,
        "seeds": (0, 1), "metric": "val/loss", "mode": "min", "baseline": "base", **settings,
    })  # fmt: skip
    tried = preflight(study, make_plan(study, "lab"), in_two_processes=False)
    return [c.text for c in tried if c.fatal == fatal]


def test_a_run_that_waits_is_followed_by_the_clock_and_not_to_its_end():
    class Waiting(Run):
        def after(self, steps: int) -> None:
            sleep(0.02)

    run = Waiting(Config())
    first = Mark.of(run, {})
    assert walked(run, first, budget=60, cadence=6, seconds=0.05).end < 30


@pytest.mark.parametrize("kind", [Run, *KINDS])
def test_a_run_that_saves_all_that_acts_later_passes(kind):
    assert complaints(kind) == []


NAMED = {
    "Averaged": "such as `average`", "Taught": "such as `average`",
    "Scheduled": "such as `schedule`", "Late": "such as `schedule`",
    "Plateau": "such as `schedule`", "Lookahead": "such as `slow`",
    "MicroBatches": "such as gradients of `net`", "Epochs": "such as `epoch` and `place`",
    "Curriculum": "such as `level`", "Buffers": "such as `net`", "Best": "such as `best`",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_forgets_what_acts_later_is_told_what_its_state_lacks(kind):
    texts = complaints(forgetful(kind))
    assert texts and all("state_dict must hold all that acts later" in text for text in texts)
    assert all(text.startswith("arm 'base': ") for text in texts)
    assert all(text.endswith(NAMED[kind.__name__]) for text in texts)


def test_a_load_that_leaves_out_what_was_saved_is_told_as_the_load():
    class Leaving(Taught):
        take = Run.take  # it saves the average

    texts = complaints(Leaving)
    assert texts and all("load_state_dict must take back" in text for text in texts)
    assert all("average." in text and "state_dict must hold" not in text for text in texts)


def test_a_load_that_raises_is_told_with_where():
    class Raising(Run):
        def take(self, state: Any) -> None:
            raise KeyError("schedule")

    [text] = complaints(Raising)
    assert "must go on from a save, but it raises KeyError at test_interrupted.py" in text


class BestSoFar(Run):
    best = 1e9

    def evaluate(self) -> dict[str, float]:
        self.best = min(self.best, super().evaluate()["val/loss"])
        return {"val/loss": self.best}


class NowAndThen(Run):
    told: Any = None
    at = -1

    def evaluate(self) -> dict[str, float]:
        if self.told is None or self.step >= self.at + 20:
            self.told, self.at = super().evaluate(), self.step
        return self.told


class ByStep(Run):
    """Its results are kept by what they are of, which is no memory of the way there."""

    def __init__(self, cfg: Config) -> None:
        super().__init__(cfg)
        self.known: dict[tuple[float, ...], dict[str, float]] = {}

    def evaluate(self) -> dict[str, float]:
        key = tuple(torch.cat([p.flatten() for p in self.net.state_dict().values()]).tolist())
        if key not in self.known:
            self.known[key] = super().evaluate()
        return self.known[key]


@pytest.mark.parametrize("run", [BestSoFar, NowAndThen])
@pytest.mark.parametrize("rate", [0.05, 0.0, -0.05])  # better, all the same, worse
def test_an_evaluation_that_remembers_earlier_ones_is_told_as_such(run, rate):
    texts = complaints(run, base=Config(rate=abs(rate)), mode="min")
    assert texts and all("evaluate() must be a function of the state" in text for text in texts)
    assert all("another val/loss is told after others" in text for text in texts)


def test_results_kept_by_the_weights_that_they_are_of_are_no_memory():
    assert complaints(ByStep) == []


NETS: dict[float, Net] = {}


class OneNet(Run):
    def begin(self) -> None:
        self.net.inner = NETS.setdefault(self.cfg.rate, self.net).inner


class OneTeacher(Taught):
    """Which the state does not hold, since it lives as long as the process."""

    teachers: dict[float, Net] = {}

    def begin(self) -> None:
        super().begin()
        self.average = self.teachers.setdefault(self.cfg.rate, self.average)

    more, take = Run.more, Run.take


class OneHistory(Run):
    def begin(self, seen: list[int] = []) -> None:  # noqa: B006
        self.seen = seen

    def after(self, steps: int) -> None:
        self.seen.append(steps)
        self.optimizer.param_groups[0]["lr"] = self.cfg.rate / len(self.seen)


@pytest.mark.parametrize("run", [OneNet, OneTeacher, OneHistory])
def test_what_the_cells_of_a_process_share_is_told_as_such(run):
    texts = complaints(run)
    assert texts and all("a new run must begin and train as the first one" in t for t in texts)
    assert all("make in __init__ what now lives longer" in text for text in texts)


def test_rows_that_all_runs_share_and_none_changes_are_fine():
    rows = torch.randn(120, 5, generator=torch.Generator().manual_seed(1))

    class Reading(Run):
        def begin(self) -> None:
            self.rows = rows

    assert complaints(Reading) == []


class StaysInEvaluation(Run):
    """The usual slip: `.eval()` in the evaluation, and no `.train()` in the step."""

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(min(steps, self.cfg.steps - self.step)):
            torch.default_generator.manual_seed(self.cfg.seed * 1000 + self.step)
            self.learn()
            self.step += 1
        return {"train/steps": self.step}


def test_training_that_stays_in_the_mode_of_evaluation_is_told_as_the_mode():
    [text] = complaints(StaysInEvaluation)
    assert "training must go on in training mode, and after evaluate() it does not" in text


class MeasuredInTraining(Run):
    def evaluate(self) -> dict[str, float]:
        with torch.no_grad():
            return {"val/loss": float(cross_entropy(self.net(self.rows[80:]), self.kinds[80:]))}


def test_an_evaluation_in_training_mode_is_told_as_the_mode():
    [text] = complaints(MeasuredInTraining)
    assert "evaluate() must have the network in evaluation mode" in text
    assert "since it changes model.norm.running_mean" in text


class Unkeyed(Run):
    def loss(self) -> torch.Tensor:
        x, kinds = self.batch()
        return cross_entropy(self.net(dropout(x, 0.2)), kinds)

    def advance(self, steps: int) -> dict[str, float]:
        for _ in range(min(steps, self.cfg.steps - self.step)):
            self.net.train()
            self.learn()
            self.step += 1
        return {"train/steps": self.step}


def test_draws_from_a_global_stream_are_told_as_such_with_the_recipe():
    [text] = complaints(Unkeyed)
    assert "it draws from a global stream, which no save holds" in text
    assert "with keyed(seed, purpose, step):" in text


def test_all_broken_laws_are_told_at_once():
    class Several(forgetful(Taught), Unkeyed):
        best = 1e9

        def evaluate(self) -> dict[str, float]:
            self.best = min(self.best, super().evaluate()["val/loss"])
            return {"val/loss": self.best}

    texts = complaints(Several)
    assert any("global stream" in text for text in texts)
    assert any("state_dict must hold all that acts later" in text for text in texts)
    assert any("evaluate() must be a function of the state" in text for text in texts)


class Overflows(Run):
    """Its weights are lost, and the metrics do not show it."""

    def after(self, steps: int) -> None:
        with torch.no_grad():
            self.net.outer.weight.fill_(float("nan"))

    def measured(self, net: Any) -> dict[str, float]:
        return {"val/loss": 1.0}


def test_weights_that_are_no_numbers_are_told_as_such_and_not_as_seeds_or_arms_that_are_one():
    arms = {"fast": {"rate": 0.1}}
    assert complaints(Overflows, arms=arms) == []
    notes = complaints(Overflows, fatal=False, arms=arms)
    [text] = [note for note in notes if "NaN" in note]
    assert text.startswith("arms 'base' and 'fast': weights must stay numbers, and inner.bias")


def test_a_rate_at_which_a_run_ends_early_is_its_own_result():
    class Diverging(Run):
        def after(self, steps: int) -> None:
            if steps == 26:
                raise FloatingPointError("loss must be finite, got nan")

    assert complaints(Diverging) == []


@pytest.mark.parametrize("steps", [1, 3, 4, 7])
def test_short_runs_are_resumed_too(steps):
    assert complaints(Taught, base=Config(steps=steps)) == []
    told = complaints(forgetful(MicroBatches), base=Config(steps=steps))
    assert bool(told) == (steps >= 4)
