"""A run on motif graphs: what it trains, what arms share, and that it resumes to the bit."""

import io
import math

import numpy as np
import pytest
import torch

from infra.preflight.leaks import leak
from infra.study.study import replace_fields
from trainables.graph.config import (
    CurriculumConfig,
    EvaluationConfig,
    GraphConfig,
    ModelConfig,
    OptimConfig,
    ProgramsConfig,
    SampleConfig,
)
from trainables.graph.graph_dit import GraphRun

TINY = GraphConfig(
    steps=4,
    steps_per_report=2,
    programs=ProgramsConfig(train=60, held_out=12, fewest_nodes=4, most_nodes=7),
    model=ModelConfig(hidden=12, depth=2, heads=3, embed=4),
    optim=OptimConfig(batch=5),
    sample=SampleConfig(steps=3),
    evaluation=EvaluationConfig(graphs=11, graphs_between=6),
)
AS_RUN = {
    "programs.pad": 8,
    "axial.norm": "first_only as run",
    "axial.mask": "none as run",
    "loss.cells": "all as run",
    "sample.feed": "logits as run",
    "decode.cut": 0.0,
    "decode.solver": "judicial",
}
VARIANTS = {
    "healed": {"optim.accumulation": 2},
    "as run": AS_RUN,
    "without the loss's mask": {"programs.pad": 9, "loss.mask": False},
    "first version": {"loss.index": "mse"},
    "rows": {"axial.axes": "row"},
    "columns": {"axial.axes": "column"},
    "full": {"axial.axes": "full"},
    "places": {"model.pos": "sin", "programs.permute": False, "evaluation.permute": False},
    "zeros": {"sample.feed": "zeros", "decode.solver": "complete"},
    "masked states": {"state": "categorical"},
    "uniform states": {"state": "categorical", "categorical.prior": "uniform"},
    "curriculum": {"curriculum": CurriculumConfig(preset="run", first_nodes=5, second_nodes=6)},
    "broken programs": {"programs.valid": 0.5, "decode.solver": "raw"},
}
CONTROLS = ("empty", "chain", "constructive", "random", "table", "data")

pytestmark = pytest.mark.usefixtures("one_thread")


def run_of(name="healed", **more):
    return GraphRun(replace_fields(TINY, VARIANTS[name] | more))


def exact(metrics):
    return {key: value for key, value in metrics.items() if not key.startswith("perf/")}


def saved(run):
    file = io.BytesIO()
    torch.save(run.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("name", VARIANTS)
def test_stopped_and_resumed_at_any_step_it_is_the_run_that_was_not(name):
    whole = run_of(name)
    whole.advance(2)
    points = [exact(whole.evaluate()), exact(whole.advance(2)), exact(whole.evaluate())]
    half, resumed = run_of(name), run_of(name)
    for _ in range(2):  # and steps are the same in one chunk or many
        half.advance(1)
    resumed.load_state_dict(saved(half))
    again = [exact(resumed.evaluate()), exact(resumed.advance(2)), exact(resumed.evaluate())]
    assert again == points
    assert same(whole.network.state_dict(), resumed.network.state_dict())
    assert whole.done() and resumed.done()
    assert all(math.isfinite(value) for point in points for value in point.values())


@pytest.mark.parametrize("name", VARIANTS)
def test_every_parameter_moves_and_nothing_draws_from_the_global_stream(name):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    run = run_of(name)
    start = {key: value.clone() for key, value in run.network.state_dict().items()}
    run.advance(3)
    run.evaluate()
    still = [
        key for key, value in run.network.state_dict().items() if torch.equal(value, start[key])
    ]
    assert not still
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


def test_the_loss_falls_and_a_second_seed_is_another_run():
    long = {"steps": 60, "optim.lr": 3e-3}
    one, other = run_of(**long), run_of(seed=1, **long)
    losses = [[run.advance(20)["train/loss"] for _ in range(3)] for run in (one, other)]
    assert all(first > second > third for first, second, third in losses)
    assert losses[0] != losses[1]


def test_what_acts_in_evaluation_only_changes_no_weight_and_another_score():
    base = run_of()
    base.advance(4)
    for only, names in {
        "decode.cut": (0.0,), "decode.solver": ("raw", "judicial"), "sample.steps": (2,),
        "sample.feed": ("logits as run",), "evaluation.permute": (False,),
    }.items():  # fmt: skip
        for value in names:
            arm = run_of(**{only: value})
            arm.advance(4)
            assert same(base.network.state_dict(), arm.network.state_dict())
            assert exact(base.evaluate()) != exact(arm.evaluate())


def test_fewer_graphs_are_evaluated_before_the_end_and_evaluating_changes_nothing():
    watched, alone = run_of(), run_of()
    assert watched.evaluate()["val/graphs"] == 6
    for run in (watched, alone):
        run.advance(4)
    assert watched.evaluate()["val/graphs"] == 11
    assert same(watched.network.state_dict(), alone.network.state_dict())


def test_losses_of_velocity_and_index_are_told_apart_in_training_and_on_held_out_graphs():
    run = run_of("healed", **{"loss.index_weight": 0.5})
    trained, held_out = run.advance(2), run.evaluate()
    for split, told in (("train", trained), ("val", held_out)):
        parts = told[f"{split}/velocity_mse"] + 0.5 * told[f"{split}/index_ce_nats"]
        assert told[f"{split}/loss"] == pytest.approx(parts, rel=1e-5)
        assert 0 <= told[f"{split}/edge_index_accuracy"] <= 1
    assert "val/state_ce_nats" in run_of("masked states").evaluate()


def test_what_training_did_is_accounted_for():
    run = run_of()
    first, second = run.advance(2), run.advance(2)
    assert second["train/examples"] == 4 * 2 * 5
    assert second["train/lr_realised"] == 1e-3
    assert second["train/parameters"] == sum(p.numel() for p in run.network.parameters())
    assert second["train/graphs"] + second["train/graphs_left_out"] == 60
    assert second["train/flops"] > first["train/flops"] > 0
    assert second["perf/examples_per_s"] > 0


def test_cost_grows_with_the_nodes_that_are_there_and_not_with_those_that_may_be():
    flops = {}
    for name, change in {
        "small": {},
        "may": {"programs.most_nodes": 40},
        "pad": {"programs.pad": 40},
    }.items():
        run = run_of("healed", **{"curriculum": CurriculumConfig(preset="run", first_nodes=7),
                                  "optim.batch": 2} | change)  # fmt: skip
        flops[name] = run.advance(1)["train/flops"] / run.cfg.optim.examples_per_step
    assert flops["may"] < 2 * flops["small"]
    assert flops["pad"] > 20 * flops["small"]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_trains_nothing_and_tells_of_graphs_that_no_model_made(control):
    run = run_of("healed", control=control)
    assert run.done() and run.step == 0
    start = {key: value.clone() for key, value in run.state_dict()["model"].items()}
    told = run.evaluate()
    assert told == run.evaluate() and told["val/graphs"] == 11
    expected = {"empty": 0.0, "data": 1.0, "random": 1.0}
    assert told["val/edges_ratio"] == expected.get(control, told["val/edges_ratio"])
    assert (told["val/svr_corrected"] == 1) == (control in ("constructive", "data"))
    assert (told["val/typed_f1"] == 1) == (control == "data")
    assert same(start, run.state_dict()["model"])
    with pytest.raises(RuntimeError, match="at least one step must be left|trains nothing"):
        run.advance(1)


def test_no_graph_of_the_evaluation_is_trained_on():
    run = run_of()
    assert leak(run) == ""
    held_out = torch.cat(list(run.examples("evaluation")))
    assert held_out.shape == (6, 8, 7) and held_out[:, 0].max() <= 6
    assert sum(len(part) for part in run.examples("train")) == len(run.data.train)


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy():
    run = run_of("healed", **{"optim.lr": 1e30})
    with pytest.raises(FloatingPointError, match=r"graph run: the loss must be finite.*optim\.lr"):
        run.advance(4)


@pytest.mark.parametrize("control", ["", "chain"])
def test_a_few_samples_are_painted_and_the_same_each_time(control):
    run = run_of("healed", control=control)
    pictures = run.pictures()
    assert set(pictures) == {"samples"}
    assert pictures["samples"].startswith(b"\x89PNG") and len(pictures["samples"]) > 10_000
    assert run.pictures() == pictures


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"programs.pad": 5}, "programs.pad must be 0 or at least most_nodes 7, got 5"),
        ({"loss.mask": False}, "programs.pad must be set .* set it to 7 or more"),
        ({"axial.mask": "none as run"}, "programs.pad must be set"),
        ({"model.heads": 5}, "hidden must be a multiple of heads"),
        ({"programs.fewest_nodes": 9}, "1 <= fewest_nodes <= most_nodes <= 128, got 9 and 7"),
        ({"sample.steps": 0}, "sample.steps must be at least 1, got 0"),
        ({"decode.cut": 0.3}, "decode.cut must be 0.5, or 0 as run, got 0.3"),
        ({"state": "categorical", "decode.cut": 0.0}, "decode.cut must be 0.5 where states"),
        ({"state": "categorical", "loss.index": "mse"}, "loss.index must be 'ce' where states"),
        ({"state": "categorical", "sample.feed": "zeros"}, "sample.feed must be 'noise' where"),
        ({"categorical.prior": "uniform"}, "categorical.prior must be 'mask' where states are con"),
        ({"loss.index": "mse", "loss.cells": "all as run"}, "loss.cells must be 'edges' where the"),
        ({"optim.lr": 0.0}, "optim.lr must be above 0, got 0.0"),
        ({"optim.clip": -1.0}, "optim.clip must be above 0, got -1.0"),  # would climb the loss
        ({"optim.weight_decay": float("nan")}, "optim.weight_decay must be at least 0, got nan"),
        ({"loss.index_weight": -1.0}, "loss.index_weight must be at least 0, got -1.0"),
        ({"evaluation.matched_nodes": -1}, "evaluation.matched_nodes must be at least 0"),
        ({"curriculum.first_nodes": 31}, "first_nodes <= second_nodes, got 31 and 30"),
        ({"optim.batch": 0}, "optim.batch must be at least 1, got 0"),
        ({"model.embed": 3, "model.pos": "sin"}, "model.embed must be even"),
    ],
)
def test_a_config_that_says_nothing_sensible_is_refused_in_one_line(overrides, told):
    with pytest.raises(ValueError, match=told):
        replace_fields(TINY, overrides)


@pytest.mark.parametrize("field", ["control", "axial.axes", "decode.solver", "curriculum.preset"])
def test_a_value_that_is_not_listed_is_refused(field):
    with pytest.raises((ValueError, TypeError), match=field.split(".")[-1]):  # pytest checks types
        replace_fields(TINY, {field: "none such"})
