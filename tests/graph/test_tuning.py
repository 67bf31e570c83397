"""A run that begins from a stem: what it shares, what each method trains, and resuming."""

import io

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from infra.preflight.leaks import leak
from infra.preflight.reads import recording
from infra.study.study import replace_fields
from trainables.graph.config import EvaluationConfig, ModelConfig, ProgramsConfig, SampleConfig
from trainables.graph.graph_dit import GraphRun
from trainables.graph.judge.reward import reward
from trainables.graph.network.buckets import batch_of
from trainables.graph.network.flow import ContinuousFlow
from trainables.graph.tuning import TuneRun
from trainables.graph.tuning_config import MethodConfig, PpoConfig, StemConfig, TuneConfig
from trainables.graph.tuning_methods import ANCHOR, LOSSES, RECONSTRUCTION, Anchored, Tuning

TINY = TuneConfig(
    steps=4,
    steps_per_report=2,
    stem=StemConfig(
        steps=3,
        programs=ProgramsConfig(train=60, held_out=12, fewest_nodes=4, most_nodes=7),
        model=ModelConfig(hidden=12, depth=2, heads=3, embed=4),
    ),
    tune=MethodConfig(method="structural", batch=5, grad_steps=2, lr=1e-2),
    ppo=PpoConfig(updates=2, steps_per_update=3),
    sample=SampleConfig(steps=6),
    evaluation=EvaluationConfig(graphs=11, graphs_between=6),
)
VARIANTS = {
    "structural": {},
    "structural as run": {
        "structural.prob": "sigmoid",
        "structural.acyclic_limit": "clamp",
        "tune.reconstruction": "endpoint as run",
        "tune.anchor_limit": 10.0,
        "sample.feed": "logits as run",
        "decode.cut": 0.0,
    },
    "weighted": {"tune.method": "rwr"},
    "weighted, padded": {
        "tune.method": "rwr",
        "stem.programs.pad": 9,
        "stem.loss.mask": False,
        "stem.loss.cells": "all as run",
    },
    "ppo": {"tune.method": "ppo", "tune.reconstruction_weight": 0.0},
    "ppo as run": {
        "tune.method": "ppo",
        "ppo.path": "velocity as run",
        "reward.acyclic_sign": "as_run",
        "reward.rules": "published",
    },
}
READ = {"tune.method": ""}
CONTROLS = ("empty", "chain", "constructive", "random", "table", "data", "noise")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def stems(tmp_path_factory, monkeypatch):
    """A folder where runs of one test file leave their stems to each other."""
    folder = tmp_path_factory.getbasetemp() / "stems"
    monkeypatch.setenv("ABLATE_STEMS", str(folder))
    monkeypatch.setenv("ABLATE_STEMS_CODE", "tests")
    return folder


def run_of(overrides=None, seed=0):
    return TuneRun(replace_fields(TINY, {**(overrides or {}), "seed": seed}))


def saved(run):
    buffer = io.BytesIO()
    torch.save(run.state_dict(), buffer)
    return torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)


def weights(run, which="model"):
    return run.state_dict()[which]


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def told(metrics):
    return {name: value for name, value in metrics.items() if not name.startswith("perf/")}


def test_a_run_begins_at_the_end_of_its_stem_and_books_the_seconds_at_step_0():
    run, plain = run_of(), GraphRun(TINY.graph)
    first = run.evaluate()
    plain.advance(3)
    assert plain.done() and same(weights(run), plain.network.state_dict())
    assert first["perf/stem_s"] > 0
    run.advance(2)
    assert "perf/stem_s" not in run.evaluate()
    assert not same(weights(run), plain.network.state_dict())
    assert same(weights(run, "stem"), plain.network.state_dict())


def test_arms_that_read_alike_trained_stems_share_one_and_others_do_not():
    key = TINY.stem_key
    alike = {"decode.cut": 0.0, "sample.feed": "logits as run", "tune.method": "ppo"}
    assert replace_fields(TINY, alike).stem_key == key
    for other in ({"sample.feed": "zeros"}, {"stem.model.depth": 3}, {"seed": 1}):
        assert replace_fields(TINY, other).stem_key != key
    assert TuneRun(recording(TINY, set())).cfg.stem_key == key


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit_without_its_stem(
    variant, stems, monkeypatch
):
    whole = run_of(VARIANTS[variant])
    whole.advance(4)
    part = run_of(VARIANTS[variant])
    part.advance(1)
    state = saved(part)
    monkeypatch.delenv("ABLATE_STEMS")
    monkeypatch.setattr("trainables.graph.tuning.stem", None)  # whoever asks for one, fails
    resumed = run_of(VARIANTS[variant])
    resumed.load_state_dict(state)
    resumed.advance(3)
    for part in ("model", "stem", "average"):
        assert same(weights(whole, part), weights(resumed, part))
    scores = told(whole.evaluate())
    assert scores == told(resumed.evaluate()) and "val/svr@ema" in scores
    assert whole.state_dict()["flops"] == resumed.state_dict()["flops"] > 0


@pytest.mark.parametrize("method", LOSSES)
def test_operations_of_all_passes_are_counted(method):
    run = run_of({"tune.method": method})
    run.evaluate()  # which trains the stem; its own passes are no tuning
    with FlopCounterMode(display=False) as counter:
        counted = run.advance(1)["train/flops"]
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.05)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_method_moves_all_weights_and_tells_finite_numbers(variant):
    run = run_of(VARIANTS[variant])
    before = {name: value.clone() for name, value in weights(run).items()}
    metrics = run.advance(2) | run.evaluate()
    assert all(np.isfinite(value) for value in metrics.values())
    still = {name for name, value in weights(run).items() if torch.equal(value, before[name])}
    assert not still
    assert metrics[LOSSES[run.cfg.tune.method]] != 0 and metrics[ANCHOR] > 0
    assert (RECONSTRUCTION in metrics) == bool(run.cfg.tune.reconstruction_weight)
    assert -1 <= metrics["train/reward_mean"] <= 3.5
    average = weights(run, "average")
    assert not same(average, weights(run)) and not same(average, before)


def test_evaluating_changes_nothing_and_nothing_of_the_training_is_in_it():
    run, other = run_of(), run_of()
    run.advance(2)
    state = saved(run)
    assert told(run.evaluate()) == told(run.evaluate())
    assert same(state["model"], weights(run)) and leak(run) == ""
    run.advance(2)
    other.advance(4)
    assert same(weights(run), weights(other))


def test_without_a_method_nothing_is_trained_and_the_stem_is_read_at_once():
    run = run_of(READ)
    assert run.done() and run.step == 0
    metrics = run.evaluate()
    assert metrics["val/graphs"] == 11 and metrics["perf/stem_s"] > 0
    assert "val/svr@ema" not in metrics
    assert set(saved(run)) == {"step", "model"}
    with pytest.raises(RuntimeError, match="something to train"):
        run.advance(1)


def test_cut_feed_and_solver_change_what_the_same_weights_are_worth():
    plain = run_of(READ)
    others = [
        run_of(READ | change)
        for change in (
            {"decode.cut": 0.0}, {"decode.solver": "+arity"}, {"decode.solver": "+clash"},
            {"sample.feed": "logits as run"}, {"decode.solver": "judicial as run"},
        )
    ]  # fmt: skip
    scores = told(plain.evaluate())
    for other in others:
        assert same(weights(plain), weights(other))
        assert told(other.evaluate()) != scores


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_needs_no_stem_and_trains_nothing(control, monkeypatch):
    monkeypatch.setattr("trainables.graph.tuning.stem", None)
    run = run_of({"control": control})
    assert run.done()
    metrics = run.evaluate()
    assert all(np.isfinite(value) for value in metrics.values())
    assert saved(run)["step"] == 0 and run.pictures()["samples"].startswith(b"\x89PNG")
    if control in ("constructive", "data"):
        assert metrics["val/svr_corrected"] == 1 and metrics["val/reward_mean"] == 3.5


def test_the_row_of_the_data_tells_that_the_machine_computes_fibonacci():
    metrics = run_of({"control": "data"}).evaluate()
    assert metrics["val/fibonacci"] == 55 and metrics["val/fibonacci_steps"] == 57


def test_rule_sets_are_columns_and_an_inverted_validator_pays_for_cycles():
    metrics = run_of({"control": "data"}).evaluate()
    assert metrics["val/svr@corrected6"] == metrics["val/svr@corrected5"] == 1
    assert metrics["val/svr@inverted"] == 0  # there is no cycle in the data
    assert metrics["val/svr@published"] == metrics["val/svr"]
    rewards = {name: metrics[f"val/reward_{name}"] for name in ("empty", "chain", "constructive")}
    assert 0 < rewards["empty"] < rewards["constructive"] == metrics["val/reward_data"]


def test_edges_count_as_vanished_below_half_of_the_stem_s():
    run = run_of({"tune.structural_weight": 0.0})
    assert run.evaluate()["val/edges_kept"] == 1
    with torch.no_grad():
        run.network.head.bias[0] -= 9.0  # so that no cell is an edge
    metrics = run.evaluate()
    assert metrics["val/edges_kept"] == 0 and metrics["val/edges_collapsed"] == 1
    assert metrics["val/edges_ratio@stem"] > 0
    assert metrics["val/edges_ratio@raw"] == 0


def parts_of(overrides):
    """A run's tuning with a batch, its stem being far from its network."""
    run = run_of(overrides)
    run.state_dict()
    graphs = run.data.train.take(range(5))
    with torch.no_grad():
        for parameter in run.frozen.parameters():
            parameter += 0.1
    flow = run.flow
    assert isinstance(flow, ContinuousFlow)
    tuning = Tuning(run.cfg, flow, Anchored(run.network, run.frozen, run.cfg))
    return run, tuning, graphs, batch_of(graphs, run.device, 12)


def terms_of(overrides, seed=1):
    _, tuning, graphs, batch = parts_of(overrides)
    return [
        {name: float(value.detach()) for name, value in terms.items()}
        for terms in tuning.updates(graphs, batch, seed, "tune", 0)
    ]


def test_ratios_are_one_before_the_first_update_so_the_loss_is_the_mean_advantage():
    (first, *rest) = terms_of({"tune.method": "ppo"})
    assert len(rest) == 1
    assert first[LOSSES["ppo"]] == pytest.approx(0, abs=1e-5)  # advantages sum to 0
    assert first["train/ppo_clipped"] == 0


def test_ppo_makes_steps_likelier_that_led_to_more_reward():
    run, tuning, graphs, batch = parts_of({"tune.method": "ppo", "tune.reconstruction_weight": 0.0})
    # A reward that a single number earns, which a network can raise: less presence everywhere.
    tuning._earned = lambda graphs, batch, last: (
        graphs,
        torch.cat([-v.after[..., 0].mean((1, 2)) for v in last])[
            torch.from_numpy(np.argsort(np.concatenate([v.group.rows for v in last])))
        ],
    )
    optimizer = torch.optim.Adam(run.network.parameters(), 3e-3)
    earned = []
    for step in range(30):
        for terms in tuning.updates(graphs, batch, 1, "tune", step):
            optimizer.zero_grad()
            terms[LOSSES["ppo"]].backward()
            optimizer.step()
        earned.append(float(terms["train/reward_mean"]))
    assert np.mean(earned[-5:]) > np.mean(earned[:5]) + 0.1


def test_weights_of_samples_follow_their_reward_over_the_temperature():
    cold, warm = (
        terms_of({"tune.method": "rwr", "rwr.temperature": heat})[0]["train/rwr_graphs"]
        for heat in (1e-3, 1e3)
    )
    assert 1 <= cold < 5 and warm == pytest.approx(5, rel=1e-4)
    equal = terms_of({"tune.method": "rwr", "rwr.temperature": 1e6})[0]
    run, tuning, graphs, batch = parts_of({"tune.method": "rwr"})
    made = []
    inner = tuning._earned
    tuning._earned = lambda *of: made.append(inner(*of)) or made[-1]
    list(tuning.updates(graphs, batch, 1, "tune", 0))
    own, rewards = made[0]
    assert torch.equal(rewards, torch.from_numpy(reward(own)).float())
    plain = tuning._flow_loss(run.network, batch_of(own, run.device, 12), 1, "tune", 0, "own")
    assert equal[LOSSES["rwr"]] == pytest.approx(float(plain.detach()), rel=1e-5)


def test_the_anchor_is_the_mean_square_distance_and_has_no_gradient_beyond_its_limit():
    free, tied = (terms_of({"tune.anchor_limit": limit})[0][ANCHOR] for limit in (0.0, 1e-3))
    assert free > 1e-3 and tied == pytest.approx(1e-3)
    run, tuning, graphs, batch = parts_of({"tune.anchor_limit": 1e-3, "tune.method": "rwr"})
    (terms,) = tuning.updates(graphs, batch, 1, "tune", 0)
    terms[ANCHOR].backward()
    assert not any(p.grad is not None and p.grad.any() for p in run.network.parameters())


def test_the_gradient_goes_back_through_the_last_steps_alone():
    _, tuning, graphs, batch = parts_of({"tune.grad_steps": 2})
    asked = []
    inner = tuning.policy.network
    tuning.policy.network = lambda *inputs: asked.append(torch.is_grad_enabled()) or inner(*inputs)
    tuning.policy.network.parameters = inner.parameters
    next(tuning._structural(graphs, batch, 1, "tune", 0))
    per_step = len(batch.groups)
    assert asked == [False] * 4 * per_step + [True] * 2 * per_step


@pytest.mark.parametrize(
    ("overrides", "law"),
    [
        ({"tune.grad_steps": 7}, "must be at most sample.steps 6"),
        ({"tune.method": "ppo", "ppo.updates": 7}, "must be at most sample.steps 6"),
        ({"tune.method": "rwr", "tune.reconstruction": "endpoint as run"}, "take 'flow'"),
        ({"stem.state": "categorical"}, "must have stem.state 'continuous'"),
        ({"stem.loss.index": "mse"}, "stem.loss.index 'ce'"),
        ({"rwr.temperature": 0.0}, "must be above 0"),
        ({"ppo.noise": 0.0}, "must be above 0"),
        ({"tune.ema": 1.0}, "ema must be in"),
        ({"tune.batch": 0}, "tune.batch must be at least 1, got 0"),
        ({"tune.clip": -1.0}, "tune.clip must be above 0, got -1.0"),
        ({"tune.anchor_weight": -0.1}, "tune.anchor_weight must be at least 0, got -0.1"),
        ({"stem.optim.clip": 0.0}, "optim.clip must be above 0, got 0.0"),
        ({"steps": 0}, "must be at least 1"),
    ],
)
def test_a_config_that_cannot_run_is_refused(overrides, law):
    with pytest.raises(ValueError, match=law):
        replace_fields(TINY, overrides)
