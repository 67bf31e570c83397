"""Laps of a run that is made up: what they count, what they refuse, and the loss of their steps."""

from types import SimpleNamespace

import pytest
import torch

from trainables.loop import Lap, autocast, steps_left, weighted


def run_of(step: int = 0, steps: int = 7, precision: str = "fp32") -> SimpleNamespace:
    cfg = SimpleNamespace(steps=steps, precision=precision)
    return SimpleNamespace(cfg=cfg, step=step, device=torch.device("cpu"))


def taken(run: SimpleNamespace, steps: int, losses: list[list[float]]) -> Lap:
    """A lap with as many micro-batches to a step as there are losses, all steps alike."""
    lap = Lap(run, "made-up run", steps, ["train/own", "train/other"])
    for _ in range(lap.steps):
        for of_micro_batch in losses:
            lap.sums += torch.tensor(of_micro_batch)
        run.step += 1
    return lap


@pytest.mark.parametrize(("step", "asked", "left"), [(0, 3, 3), (5, 3, 2), (6, 99, 1)])
def test_a_lap_is_as_long_as_asked_and_no_longer_than_the_budget(step, asked, left):
    assert Lap(run_of(step), "made-up run", asked, []).steps == left


@pytest.mark.parametrize(("step", "asked"), [(7, 1), (3, 0)])
def test_a_run_without_a_step_left_is_refused_by_its_name(step, asked):
    law = f"made-up run: at least one step must be left, got step {step} of 7"
    with pytest.raises(RuntimeError, match=law):
        steps_left(run_of(step), "made-up run", asked)


def test_means_are_over_all_micro_batches_under_the_names_of_the_terms():
    lap = taken(run_of(), 5, [[1.0, 10.0, 0.0], [2.0, 20.0, 0.5]])
    assert list(lap.means(2, "").items()) == [
        ("train/loss", 1.5),
        ("train/own", 15.0),
        ("train/other", 0.25),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_was_not_finite_once_is_told_with_the_step_and_the_remedy(value):
    run = run_of(step=2)
    lap = taken(run, 3, [[1.0, 2.0, 3.0]])
    lap.sums += torch.tensor([value, 0.0, 0.0])
    law = "made-up run: the loss must be finite, got .* over the 3 steps up to step 5; turn it down"
    with pytest.raises(FloatingPointError, match=law):
        lap.means(1, remedy="turn it down")


def test_the_pace_counts_what_every_step_saw():
    pace = taken(run_of(), 4, [[1.0, 1.0, 1.0]]).pace(tokens=24, windows=3)
    assert list(pace) == ["perf/step_ms", "perf/tokens_per_s", "perf/windows_per_s"]
    assert pace["perf/tokens_per_s"] * pace["perf/step_ms"] == pytest.approx(24_000)
    assert pace["perf/tokens_per_s"] == pytest.approx(8 * pace["perf/windows_per_s"])


def test_the_loss_is_the_sum_of_the_terms_by_their_weights_whatever_else_was_computed():
    terms = {"other": torch.tensor(3.0), "own": torch.tensor(5.0), "aside": torch.tensor(99.0)}
    assert weighted(terms, {"own": 2.0, "other": 0.5}).tolist() == [11.5, 5.0, 3.0]


def test_each_term_pulls_by_its_weight_and_one_of_weight_0_is_told_but_does_not_pull():
    terms = {name: torch.tensor(2.0, requires_grad=True) for name in ("own", "other", "waits")}
    losses = weighted(terms, {"own": 1.0, "other": 0.25, "waits": 0.0})
    losses[0].backward()
    assert [float(term.grad) for term in terms.values()] == [1.0, 0.25, 0.0]
    assert losses.tolist() == [2.5, 2.0, 2.0, 2.0]


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", "float32"), ("bf16", "bfloat16")])
def test_products_have_the_precision_that_the_config_asks_for(precision, dtype):
    with autocast(run_of(precision=precision)):
        assert (torch.ones(2, 3) @ torch.ones(3, 5)).dtype == getattr(torch, dtype)
