"""A language-model run: what it trains, what arms share, and that it resumes to the bit."""

import io
import math

import pytest
import torch

from infra.study.study import replace_fields
from trainables.lm.config import BackboneConfig, EvaluationConfig, LmConfig, TextConfig
from trainables.lm.lm import LmRun
from trainables.lm.network import LanguageModel, new_network
from trainables.lm.optim import OptimConfig

TINY = LmConfig(
    steps=4,
    steps_per_report=2,
    sequence=24,
    backbone=BackboneConfig(layers=4, width=40, heads=4, kv_heads=2),
    optim=OptimConfig(batch=3),
    text=TextConfig(vocab=400, most_files=30),
    evaluation=EvaluationConfig(tokens=72, batch=2),
)
VARIANTS = {
    "plain": {"optim.accumulation": 2},
    "leaky": {"leaky.enabled": True},
    "universal": {"universal.iterations": 3},
    "universal as run": {"universal.iterations": 4, "universal.as_run": True},
    "state space": {"ssm.ratio": 1, "ssm.states": 3},
    "state space as run": {"ssm.ratio": 3, "ssm.as_run": True},
    "diffusion": {"diffusion.weight": 0.4},
    "diffusion as run": {"diffusion.weight": 0.7, "diffusion.as_run": True},
    "diffusion as run, pure AR": {"diffusion.as_run": True},
    "adapters": {
        "adapters.enabled": True,
        "adapters.rank": 3,
        "adapters.unfrozen_fraction": 0.2,
        "adapters.progressive": True,
    },
    "adapters as run": {"adapters.enabled": True, "adapters.rank": 7, "adapters.as_run": True},
    "jepa": {"jepa.weight": 0.3},
    "jepa as run": {"jepa.weight": 0.3, "jepa.warmup_fraction": 0.5, "jepa.as_run": True},
    "hnet": {"hnet.layers": 1},
    "hnet as run": {"hnet.layers": 2, "hnet.as_run": True},
}
DOCUMENTED = {"backbone.layers": 9, "backbone.width": 512, "backbone.heads": 8,
              "backbone.kv_heads": 4}  # fmt: skip
SSM, AS_RUN = {"ssm.ratio": 1}, {"universal.as_run": True}
FROZEN = {"adapters.enabled": True, "adapters.as_run": True}
# Of golf.md's runs, in its order; parameters, and frozen values where there are any.
COUNTS = [
    ({}, 17_059_912, 0),
    (AS_RUN | {"universal.iterations": 6}, 4_546_568, 0),
    (AS_RUN | {"universal.iterations": 24}, 4_601_864, 0),
    ({"diffusion.weight": 0.7}, 17_060_424, 0),
    ({"diffusion.as_run": True}, 17_060_424, 0),
    (FROZEN, 600_136, 16_515_072),
    (FROZEN | {"adapters.rank": 8}, 600_136, 479_232),
    ({"jepa.weight": 0.1}, 18_110_024, 0),
    (SSM, 26_516_512, 0),
    (SSM | {"ssm.states": 64}, 27_253_792, 0),
    ({"ssm.ratio": 3, "ssm.states": 64}, 31_331_344, 0),
    ({"ssm.ratio": 3}, 30_299_152, 0),
    ({"hnet.layers": 1, "hnet.as_run": True}, 17_323_593, 0),
    ({"leaky.enabled": True}, 17_078_344, 0),
    ({"leaky.enabled": True, "backbone.width": 640}, 26_508_872, 0),
    ({"leaky.enabled": True, "backbone.layers": 11}, 20_757_080, 0),
]


pytestmark = pytest.mark.usefixtures("one_thread")


def run_of(name, **more):
    return LmRun(replace_fields(TINY, VARIANTS[name] | more))


def exact(metrics):
    return {key: value for key, value in metrics.items() if not key.startswith("perf/")}


def saved(run):
    file = io.BytesIO()
    torch.save(run.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize(("overrides", "parameters", "frozen"), COUNTS)
def test_networks_have_the_documented_parameter_counts(overrides, parameters, frozen):
    with torch.device("meta"):
        network = LanguageModel(replace_fields(TINY, DOCUMENTED | overrides), 1024)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert sum(b.numel() for b in network.buffers() if b.is_floating_point()) == frozen


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


@pytest.mark.parametrize("name", VARIANTS)
def test_a_position_is_scored_without_what_comes_after_it(name):
    run = run_of(name)
    run.advance(2)  # branches are zero at the start and would hide a leak
    tokens = torch.randint(4, 400, (2, 24), generator=torch.Generator().manual_seed(0))
    changed = tokens.clone()
    changed[:, 15:] = changed[:, 15:].flip(1)
    with torch.no_grad():
        before, after = run._logits(tokens), run._logits(changed)
    assert torch.allclose(before[:, :15], after[:, :15], atol=1e-5)
    assert not torch.allclose(before[:, 15:], after[:, 15:], atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_training_moves_every_parameter_but_those_the_originals_left_still(name):
    run = run_of(name, **({"jepa.warmup_fraction": 0.0} if "jepa" in name else {}))
    start = {key: value.clone() for key, value in run.network.state_dict().items()}
    run.advance(3)
    now = run.network.state_dict()
    still = {key for key, value in start.items() if torch.equal(now[key], value)}
    expected = {key for key in start if "frozen_" in key}
    if name == "state space as run":
        expected |= {key for key in start if key.endswith("conv.weight")}
    if name == "diffusion as run, pure AR":
        expected.add("mask")
    if name == "universal as run":
        expected |= {f"stack.block.{key}" for key in ("mix", "mixer_scale", "mlp_scale")}
    assert still == expected


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("diffusion", "train/masked_loss_nats"),
        ("diffusion as run", "train/masked_loss_nats"),
        ("jepa", "train/jepa_loss"),
        ("jepa as run", "train/jepa_loss"),
    ],
)
def test_auxiliary_losses_reach_the_weights_that_are_scored(name, term):
    """Documented scores that do not move with their weights could mean that they do not."""
    run = run_of(name, **({"jepa.warmup_fraction": 0.0} if "jepa" in name else {}))
    run.advance(1)  # branches open from zero
    run._terms(1, {term: 1.0})[term].backward()
    reached = [n for n, p in run.network.stack.named_parameters() if p.grad is not None]
    assert any(p.grad.norm() > 1e-6 for p in run.network.stack.parameters() if p.grad is not None)
    assert len(reached) == len(list(run.network.stack.parameters()))


@pytest.mark.parametrize("name", ["plain", "state space", "diffusion", "adapters", "jepa", "hnet"])
def test_bf16_trains_to_about_the_same_score(name):
    scores = []
    for precision in ("fp32", "bf16"):
        run = run_of(name, precision=precision)
        run.advance(2)
        scores.append(run.evaluate()["val/bpb"])
    assert scores[0] != scores[1]
    assert math.isclose(*scores, rel_tol=0.02)


def test_the_loss_falls_and_starts_at_uniform_prediction():
    run = run_of("leaky", steps=30)
    start = run.evaluate()
    assert math.isclose(start["val/bpb"], start["val/bpb_chance"], rel_tol=0.01)
    run.advance(30)
    assert run.evaluate()["val/bpb"] < 0.9 * start["val/bpb"]


def test_evaluation_changes_nothing_and_draws_nothing():
    run, blind = run_of("jepa"), run_of("jepa")
    before, stream = str(saved(run)), torch.random.get_rng_state()
    assert run.evaluate() == run.evaluate()
    assert str(saved(run)) == before
    run.advance(2), run.evaluate(), run.advance(2)
    blind.advance(2), blind.advance(2)
    assert same(run.network.state_dict(), blind.network.state_dict())
    assert torch.equal(stream, torch.random.get_rng_state())


def test_seed_reaches_initialisation_and_data():
    zero, one = run_of("plain"), run_of("plain", seed=1)
    assert not torch.equal(zero.network.embedding, one.network.embedding)
    assert not torch.equal(zero._batch(0)[0], one._batch(0)[0])


@pytest.mark.parametrize("name", [n for n in VARIANTS if n != "leaky"])
def test_arms_with_one_seed_share_batches_and_the_parameters_they_have_in_common(name):
    plain, other = run_of("leaky"), run_of(name)
    assert torch.equal(plain._batch(5)[1], other._batch(5)[1])
    ours, theirs = plain.network.state_dict(), other.network.state_dict()
    common = [k for k in ours if k in theirs and ours[k].shape == theirs[k].shape]
    assert "embedding" in common
    assert all(torch.equal(ours[k], theirs[k]) for k in common)


def test_rates_fall_at_the_end_and_momentum_rises_as_documented():
    documented = OptimConfig(lr_warmdown_fraction=6.0)
    assert math.isclose(documented.lr_factor(0, 200), 1 / 6)
    assert documented.lr_factor(200, 200) == 0
    late = OptimConfig(lr_warmdown_fraction=0.25)
    assert [late.lr_factor(s, 200) for s in (0, 150, 175, 200)] == [1, 1, 0.5, 0]
    assert math.isclose(late.momentum_at(200), 0.89)  # what 200 steps reach
    assert late.momentum_at(500) == late.momentum_at(900) == 0.95


def test_muon_has_the_blocks_linear_maps_and_as_run_the_rates_of_decay_too():
    for name, expected in (("state space", False), ("state space as run", True)):
        run = run_of(name)
        muon = {id(p) for p in run.optimizers._optimizers[1].param_groups[0]["params"]}
        names = {n for n, p in run.network.named_parameters() if id(p) in muon}
        assert {"stack.blocks.0.mixer.inward.weight", "stack.blocks.1.mlp.up.weight"} <= names
        assert ("stack.blocks.0.mixer.rate_log" in names) is expected
        assert not names & {"embedding", "stack.skip_weights", "stack.blocks.0.mix"}
        assert "stack.blocks.0.mixer.conv.weight" not in names


def test_realised_rate_tokens_and_parameters_are_told():
    run = run_of("adapters", **{"optim.accumulation": 2})
    told = run.advance(4)
    assert math.isclose(told["train/lr_realised"], 0.04 * run.cfg.optim.lr_factor(3, 4))
    assert told["train/tokens"] == 4 * 2 * 3 * 24
    assert told["train/text_digest"] == int(run.text.digest[:12], 16)
    frozen = sum(b.numel() for b in run.network.buffers())
    assert told["train/parameters"] == told["train/parameters_trainable"] + frozen
    assert all(type(value) in (int, float) for value in (told | run.evaluate()).values())


def test_too_little_text_and_odd_heads_are_refused():
    with pytest.raises(ValueError, match="must have more than 9999999 tokens"):
        run_of("plain", sequence=9_999_999)
    with pytest.raises(ValueError, match="heads must be a multiple of kv_heads"):
        BackboneConfig(heads=3, kv_heads=2)


def test_a_network_is_a_function_of_its_config_and_seed_alone():
    torch.manual_seed(5)
    one = new_network(TINY, 77, torch.device("cpu"))
    torch.manual_seed(6)
    assert same(one.state_dict(), new_network(TINY, 77, torch.device("cpu")).state_dict())
