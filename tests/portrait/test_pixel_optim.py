"""One or two optimizers as one: who takes what, the schedule, what is told of blocks, resuming."""

import copy
from math import sqrt

import pytest
import torch
from small_blocks import config, loss, real_network, small_blocks, train

from trainables.portrait.training.optim import Optimizer, is_muons, rate_at

pytestmark = pytest.mark.usefixtures("one_thread")


def taken(**overrides):
    cfg = config(optim__name="muon", **overrides)
    return {n for n, p in small_blocks().named_parameters() if is_muons(cfg, n, p)}


def test_muon_takes_matrices_within_blocks_and_as_run_every_matrix():
    in_blocks = {
        f"blocks.{number}.{name}.weight"
        for number in range(2)
        for name in ("attn.qkv", "mlp.fc1", "mlp.fc2", "adaln.out")
    }
    assert taken() == in_blocks
    elsewhere = {"null", "conditions.text.weight", "repa.weight", "final.weight"}
    assert taken(muon__scope="ndim2 as run") == in_blocks | elsewhere
    assert not {n for n, p in small_blocks().named_parameters() if is_muons(config(), n, p)}


def test_of_the_network_itself_muon_takes_matrices_of_blocks_and_as_run_tables_too():
    named = dict(real_network(model__adaln="shared", model__adaln_rank=3).named_parameters())
    taken = {}
    for scope in ("hidden", "ndim2 as run"):
        cfg = config(optim__name="muon", muon__scope=scope)
        taken[scope] = {n for n, p in named.items() if is_muons(cfg, n, p)}
    ends = {n.split(".", 2)[2] for n in taken["hidden"]}
    assert ends == {
        f"{name}.weight"
        for name in (
            "attn.qkv", "attn.proj", "cross_attn.q", "cross_attn.kv", "cross_attn.proj",
            "mlp.fc1", "mlp.fc2", "adaln.down", "adaln.up",
        )
    }  # fmt: skip
    beside = taken["ndim2 as run"] - taken["hidden"]
    assert {"conditions.null_whole", "conditions.pose.joint.weight", "adaln.out.weight"} < beside
    assert not {n for n in beside if named[n].ndim != 2 or n.startswith("patch.")}


@pytest.mark.parametrize("scope", ["hidden", "ndim2 as run"])
@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_parameter_moves_in_the_first_step(name, scope):
    network = small_blocks()
    start = copy.deepcopy(network.state_dict())
    train(network, Optimizer(config(optim__name=name, muon__scope=scope), network), range(1))
    for key, value in network.state_dict().items():
        assert not torch.equal(value, start[key]), key


def test_adamw_is_torchs_with_the_documented_settings():
    ours, theirs = small_blocks(), small_blocks()
    train(ours, Optimizer(config(), ours), range(5))
    plain = torch.optim.AdamW(
        theirs.parameters(), 1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.03
    )
    for step in range(5):
        for group in plain.param_groups:
            group["lr"] = rate_at(config().optim, step, 20)
        loss(theirs, step).backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        plain.step()
        plain.zero_grad()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_gradients_are_clipped_over_all_parameters_before_either_steps():
    network = small_blocks()
    optimizer = Optimizer(config(optim__name="muon", optim__clip=0.5), network)
    (1000 * loss(network, 0)).backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    norm = optimizer.step(0)
    whole = sqrt(sum(float(g.square().sum()) for g in gradients))
    assert float(norm) == pytest.approx(whole, rel=1e-5) and whole > 5
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        assert torch.allclose(parameter.grad, gradient * 0.5 / whole, rtol=1e-4)


def test_the_rate_rises_in_a_line_from_the_first_step_on_and_falls_along_a_cosine():
    cfg = config(optim__warmup=0.2, optim__lr=1.0, optim__min_lr=0.1).optim
    rates = [rate_at(cfg, step, 20) for step in range(20)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[12] == pytest.approx(0.55)
    assert rates == sorted(rates[:4]) + sorted(rates[4:], reverse=True)
    assert 0.1 < rates[-1] < 0.12


def test_the_documented_rates_are_met_at_the_documented_steps():
    # studies record of arm A: at 1,000 steps .000291, at 2,000 .000225, at 4,000 3.6e-05.
    cfg = config(optim__lr=3e-4, optim__min_lr=1e-6).optim
    for step, rate in ((1000, 0.000291), (2000, 0.000225), (3500, 7.58e-5), (4000, 3.6e-5)):
        assert rate_at(cfg, step - 1, 5000) == pytest.approx(rate, rel=0.003)


def test_a_warm_up_may_be_nothing_or_the_whole_run():
    none, whole = (config(optim__warmup=share).optim for share in (0.0, 1.0))
    assert rate_at(none, 0, 20) == none.lr
    assert [rate_at(whole, s, 20) for s in (0, 19)] == [whole.lr / 20, whole.lr]


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_resumed_optimizer_goes_on_to_the_bit(name):
    cfg = config(optim__name=name)
    whole = small_blocks()
    train(whole, Optimizer(cfg, whole), range(6))
    first = small_blocks()
    optimizer = Optimizer(cfg, first)
    train(first, optimizer, range(4))
    state = copy.deepcopy((first.state_dict(), optimizer.state_dict()))
    second = small_blocks()
    resumed = Optimizer(cfg, second)
    second.load_state_dict(state[0])
    resumed.load_state_dict(state[1])
    assert resumed.lr == optimizer.lr > 0
    train(second, resumed, range(4, 6))
    for one, other in zip(second.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)


def test_watching_a_step_changes_nothing():
    watched, unwatched = small_blocks(), small_blocks()
    cfg = config(optim__name="muon")
    train(watched, Optimizer(cfg, watched), range(3), watched=True)
    train(unwatched, Optimizer(cfg, unwatched), range(3))
    for one, other in zip(watched.parameters(), unwatched.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_told_of_a_block_is_what_its_parameters_say():
    network = small_blocks()
    cfg = config()
    optimizer = Optimizer(cfg, network)
    assert optimizer.statistics() == {}
    train(network, optimizer, range(2))
    block = list(network.blocks[1].parameters())
    start = [p.detach().clone() for p in block]
    loss(network, 2).backward()
    optimizer.step(2, watched=True)
    told = optimizer.statistics()
    kinds = ("sqrt_v", "update_rms", "grad_rms")
    assert set(told) == {f"train/{kind}@block{n}" for kind in kinds for n in range(2)}
    gradient = torch.cat([p.grad.flatten() for p in block])
    assert told["train/grad_rms@block1"] == pytest.approx(float(gradient.square().mean().sqrt()))
    state = optimizer._each["adamw"].state
    seconds = torch.cat([state[p]["exp_avg_sq"].flatten() for p in block]) / (1 - 0.95**3)
    assert told["train/sqrt_v@block1"] == pytest.approx(float(seconds.sqrt().mean()), rel=1e-5)
    firsts = torch.cat([state[p]["exp_avg"].flatten() for p in block]) / (1 - 0.9**3)
    update = firsts / (seconds.sqrt() + 1e-8)
    expected = float(update.square().mean().sqrt())
    assert told["train/update_rms@block1"] == pytest.approx(expected, rel=1e-3)
    moved = torch.cat([(p - q).flatten() for p, q in zip(block, start, strict=True)])
    assert moved.abs().max().item() > 0


def test_muons_updates_are_as_large_as_adamws_and_its_matrices_have_no_second_moment():
    network = small_blocks()
    optimizer = Optimizer(config(optim__name="muon"), network)
    train(network, optimizer, range(2), watched=True)
    told = optimizer.statistics()
    assert 0.1 < told["train/update_rms@block0"] < 0.5
    (bias,) = [p for n, p in network.blocks[0].named_parameters() if n.endswith("bias")]
    moment = optimizer._each["adamw"].state[bias]["exp_avg_sq"] / (1 - 0.95**2)
    assert told["train/sqrt_v@block0"] == pytest.approx(float(moment.sqrt().mean()), rel=1e-5)


def test_muon_keeps_half_of_what_adamw_keeps_of_a_matrix():
    sizes = {}
    for name in ("adamw", "muon"):
        network = small_blocks()
        optimizer = Optimizer(config(optim__name=name, muon__scope="ndim2 as run"), network)
        train(network, optimizer, range(1))
        states = [s for part in optimizer._each.values() for s in part.state.values()]
        kept = [v for state in states for v in state.values() if v.ndim]
        sizes[name] = sum(v.numel() * v.element_size() for v in kept)
    matrices = sum(p.numel() for p in small_blocks().parameters() if p.ndim == 2)
    everything = sum(p.numel() for p in small_blocks().parameters())
    assert sizes["adamw"] == 8 * everything
    assert sizes["muon"] == 8 * everything - 4 * matrices


def test_muon_without_a_matrix_in_its_scope_is_refused():
    with pytest.raises(ValueError, match="needs matrices in 'blocks.', got none; take muon.scope"):
        Optimizer(config(optim__name="muon"), torch.nn.Linear(3, 4))
