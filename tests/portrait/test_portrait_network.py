"""The network: its size, a plain reference, what it sees of conditions, and which tokens go on."""

import math
from dataclasses import replace

import pytest
import torch
from hand_made_portraits import (
    FEATURES,
    HEIGHT,
    JOINTS,
    TOKENS,
    WIDTH,
    parameters_that_count,
    portraits_of,
)
from torch import nn
from torch.nn import functional as F

from infra.study.study import replace_fields
from trainables.draws import generator
from trainables.portrait.config import (
    ModelConfig,
    PortraitConfig,
    PortraitsConfig,
    TreadConfig,
)
from trainables.portrait.network.conditions import Widths
from trainables.portrait.network.dit import (
    NanoDit,
    new_network,
    positions,
    unpatched,
)
from trainables.portrait.network.given import everything
from trainables.portrait.network.tread import draw_visible, put_back, taken

CFG = PortraitConfig(
    portraits=PortraitsConfig(size=8), model=ModelConfig(hidden=20, depth=4, heads=5, patch=4)
)
PAPER = {
    "portraits.size": 1024, "model.hidden": 768, "model.depth": 18, "model.heads": 12,
    "model.patch": 16,
}  # fmt: skip
DOCUMENTED = Widths(text=1024, whole=1024, patches=1024, joints=133)

pytestmark = pytest.mark.usefixtures("one_thread")


def network_of(portraits=None, **fields):
    """A network none of whose parameters is zero."""
    network = new_network(replace_fields(CFG, fields), portraits or portraits_of())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator("test", name))
    return network.eval()


def noisy(count=4, height=HEIGHT, width=WIDTH):
    z = torch.randn((count, 3, height, width), generator=generator("z"))
    return z, torch.linspace(0.1, 0.9, count)


def drawn(network, portraits, visible=None, **seen):
    given = everything(portraits.conditions)
    with torch.no_grad():
        return network(*noisy(len(portraits)), given.but(**seen), visible)


def on_paper(**fields):
    with torch.device("meta"):
        return NanoDit(replace_fields(CFG, PAPER | fields), DOCUMENTED)


def total(network):
    return sum(p.numel() for p in network.parameters())


def test_the_documented_network_has_237_7_million_parameters_and_says_which_count():
    counted = parameters_that_count(on_paper())
    assert sum(counted.values()) == pytest.approx(237.7e6, abs=0.1e6)
    assert counted == {
        "patch": 589_824,
        "conditions": 2_951_424,
        "blocks": 233_570_304,
        "final": 589_824,
        "smooth": 81,
    }
    assert total(on_paper()) == 238_785_108
    assert total(on_paper(**{"repa.weight": 0.5})) == 238_785_108 + 768 * 1024
    block = on_paper().blocks[0]
    parts = {name: total(part) for name, part in block.named_children()}
    assert parts == {
        "norm": 0,
        "attn": 1_769_472 + 589_824,
        "cross_attn": 589_824 + 1_179_648 + 589_824,
        "mlp": 2 * 2_359_296,
        "adaln": 3_543_552,
    }


def test_a_shared_modulation_saves_what_was_documented():
    per_block = total(on_paper())
    shared, ranked = (
        total(on_paper(**{"model.adaln": "shared", "model.adaln_rank": rank})) for rank in (0, 8)
    )
    assert per_block - shared == 17 * 3_543_552
    assert ranked - shared == 774_144
    assert per_block - ranked == pytest.approx(59.5e6, abs=0.05e6)


def plainly(network, z, t, given):
    """The same forward pass, one portrait after the other, in torch's own words."""
    cond, width = network.conditions, CFG.model.hidden

    def attend(queries, keys, values, mask=None):
        heads = []
        for head in range(CFG.model.heads):
            at = slice(head * width // CFG.model.heads, (head + 1) * width // CFG.model.heads)
            logits = queries[:, at] @ keys[:, at].T / math.sqrt(width // CFG.model.heads)
            if mask is not None:
                logits = logits.masked_fill(~mask, -math.inf)
            heads.append(logits.softmax(-1) @ values[:, at])
        return torch.cat(heads, 1)

    def normed(x, shift, scale):
        return F.layer_norm(x, (width,), eps=1e-6) * (1 + scale) + shift

    images = []
    for i in range(len(z)):
        held = given.conditions.take(torch.tensor([i]))
        rates = torch.exp(-math.log(10_000) * torch.arange(128) / 128)
        code = torch.cat(((1000 * t[i] * rates).cos(), (1000 * t[i] * rates).sin()))
        time = cond.time.out(F.silu(cond.time.hidden(code)))
        vector = cond.whole(held.whole[0]) + time
        pose = cond.pose.out(F.gelu(cond.pose.hidden(held.pose[0]))) + cond.pose.joint.weight
        tokens = torch.cat(
            (cond.text(held.text[0]), vector[None], cond.patches(held.patches[0]), pose)
        )
        mask = torch.ones(len(tokens), dtype=torch.bool)
        mask[:TOKENS] = held.text_mask[0]
        cells = [z[i, :, a : a + 4, b : b + 4] for a in range(0, 8, 4) for b in range(0, 12, 4)]
        x = torch.stack([(network.patch.weight * cell).sum((1, 2, 3)) for cell in cells])
        x = x + network.patch.bias + positions((2, 3), width, x.device)[0]
        for block in network.blocks:
            change = block.adaln.out(F.silu(vector)).chunk(6)
            x = x + block.attn.proj(attend(*block.attn.qkv(normed(x, *change[:2])).chunk(3, 1)))
            query = block.cross_attn.q(normed(x, *change[2:4]))
            key, value = block.cross_attn.kv(tokens).chunk(2, 1)
            x = x + block.cross_attn.proj(attend(query, key, value, mask))
            hidden = F.gelu(block.mlp.fc1(normed(x, *change[4:])), approximate="tanh")
            x = x + block.mlp.fc2(hidden)
        x = network.final(F.layer_norm(x, (width,), eps=1e-6)).view(2, 3, 4, 4, 3)
        image = torch.cat([torch.cat(list(row), 1) for row in x], 0).movedim(2, 0)
        images.append(image + network.smooth(image[None])[0])
    return torch.stack(images)


def test_it_computes_what_plain_loops_do():
    portraits, network = portraits_of(), network_of()
    z, t = noisy()
    given = everything(portraits.conditions)
    with torch.no_grad():
        found = network(z, t, given).image
        assert torch.allclose(found, plainly(network, z, t, given), atol=2e-5)


def test_places_have_the_code_that_timm_gives_them():
    from timm.layers import build_sincos2d_pos_embed

    there = build_sincos2d_pos_embed([3, 5], 20, interleave_sin_cos=True)
    assert torch.allclose(positions((3, 5), 20, torch.device("cpu"))[0], there, atol=1e-6)


def test_patches_come_back_to_their_places():
    picture = torch.arange(3 * 8 * 12.0).view(1, 3, 8, 12)
    split = picture.view(1, 3, 2, 4, 3, 4).permute(0, 2, 4, 3, 5, 1).reshape(1, 6, 48)
    assert torch.equal(unpatched(split, (2, 3)), picture)


def test_the_caption_of_a_portrait_that_has_lost_it_does_not_show_in_any_way():
    portraits = portraits_of()
    longer = replace(
        portraits,
        conditions=portraits.conditions.with_text(
            portraits.conditions.text.flip(0),
            torch.ones_like(portraits.conditions.text_mask),
        ),
    )
    healed, as_run = network_of(), network_of(**{"conditions.null_mask": "as run"})
    one, other = (drawn(healed, data, text=False).image for data in (portraits, longer))
    assert torch.equal(one, other)
    one, other = (drawn(as_run, data, text=False).image for data in (portraits, longer))
    assert not torch.allclose(one, other)


def test_what_is_lost_does_not_show_and_what_is_given_does():
    portraits, other = portraits_of(), portraits_of(seed=1)
    network = network_of()
    for lost, names in {
        "text": ("text", "text_mask"),
        "whole": ("whole",),
        "patches": ("patches",),
        "pose": ("pose",),
    }.items():
        changed = {name: getattr(other.conditions, name) for name in names}
        moved = replace(portraits, conditions=replace(portraits.conditions, **changed))
        seen, unseen = (
            [drawn(network, data, **{lost: there}).image for data in (portraits, moved)]
            for there in (True, False)
        )
        assert torch.equal(*unseen)
        assert not torch.allclose(*seen)


def test_a_caption_without_a_single_token_gives_numbers():
    portraits = portraits_of()
    mask = torch.zeros_like(portraits.conditions.text_mask)
    empty = replace(
        portraits,
        conditions=portraits.conditions.with_text(portraits.conditions.text, mask),
    )
    network = network_of(**{"conditions.null_mask": "as run"})
    for seen in (True, False):
        assert drawn(network, empty, text=seen).image.isfinite().all()


def test_a_joint_that_was_hardly_seen_is_as_none():
    portraits, network = portraits_of(), network_of()
    pose = portraits.conditions.pose.clone()
    pose[:, 1, 2] = 0.049
    moved = pose.clone()
    moved[:, 1, :2] = 1 - pose[:, 1, :2]
    unseen = [
        drawn(network, replace(portraits, conditions=replace(portraits.conditions, pose=each)))
        for each in (pose, moved)
    ]
    assert torch.equal(unseen[0].image, unseen[1].image)
    pose[:, 1, 2] = moved[:, 1, 2] = 0.05
    seen = [
        drawn(network, replace(portraits, conditions=replace(portraits.conditions, pose=each)))
        for each in (pose, moved)
    ]
    assert not torch.allclose(seen[0].image, seen[1].image)


@pytest.mark.parametrize(("patches", "tokens"), [("full", 6), ("pooled", 2), ("none", 0)])
def test_conditions_have_the_tokens_that_are_asked_for(patches, tokens):
    portraits = portraits_of()
    network = network_of(**{"conditions.patches": patches})
    given = everything(portraits.conditions)
    z, t = noisy()
    seen = network.conditions(t, given, (HEIGHT, WIDTH))
    assert seen.tokens.shape[1] == seen.mask.shape[1] == TOKENS + 1 + tokens + JOINTS
    absent = network.conditions(t, replace(given, pose_absent=True), (HEIGHT, WIDTH))
    assert absent.tokens.shape[1] == TOKENS + 1 + tokens
    poseless = network_of(**{"conditions.pose": False, "conditions.patches": patches})
    assert poseless.conditions(t, given, (HEIGHT, WIDTH)).tokens.shape[1] == TOKENS + 1 + tokens


def test_pooled_patches_are_means_of_four():
    portraits = portraits_of(height=16, width=16)
    network = network_of(portraits, **{"conditions.patches": "pooled", "portraits.size": 16})
    given = everything(portraits.conditions)
    pooled = network.conditions._patches(given, network.conditions.null_patch, (16, 16))
    grid = portraits.conditions.patches.view(4, 4, 4, FEATURES)
    assert torch.allclose(pooled[:, 1], grid[:, :2, 2:].mean((1, 2)), atol=1e-6)


@pytest.mark.parametrize("draw", ["shared", "per_sample"])
@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_the_first_and_last_block_see_all_tokens_and_those_between_the_visible(draw, rate):
    tread = {"tread.rate": rate, "tread.draw": draw}
    portraits, network = portraits_of(), network_of(**tread)
    counts = []
    for block in network.blocks:
        block.register_forward_pre_hook(lambda _, given: counts.append(given[0].shape[1]))
    visible = draw_visible(6, 4, replace_fields(CFG, tread).tread, "test")
    drawn(network, portraits, visible)
    kept = 6 - int(6 * rate)
    assert counts == [6, kept, kept, 6]
    counts.clear()
    drawn(network, portraits)
    assert counts == [6, 6, 6, 6]


def test_tokens_that_go_around_are_as_they_were_before():
    x = torch.randn((4, 6, 5), generator=generator("x"))
    for draw in ("shared", "per_sample"):
        visible = draw_visible(6, 4, TreadConfig(rate=0.5, draw=draw), "test", draw)
        further = taken(x, visible) + 1
        back = put_back(x, visible, further)
        moved = (back != x).any(-1)
        assert (moved.sum(1) == 3).all() and torch.allclose(back[moved], x[moved] + 1)
        assert torch.equal(taken(back, visible), further)


def test_visible_tokens_are_drawn_by_key_in_order_and_for_each_where_asked():
    shared, each = (TreadConfig(rate=0.5, draw=draw) for draw in ("shared", "per_sample"))
    one = draw_visible(64, 4, shared, 0, "route", 7)
    assert one.shape == (32,) and torch.equal(one, one.unique())
    assert torch.equal(one, draw_visible(64, 4, shared, 0, "route", 7))
    assert not torch.equal(one, draw_visible(64, 4, shared, 0, "route", 8))
    many = draw_visible(64, 4, each, 0, "route", 7)
    assert many.shape == (4, 32) and not torch.equal(many[0], many[1])
    assert all(torch.equal(row, row.unique()) for row in many)
    assert draw_visible(64, 4, TreadConfig(), 0) is None


@pytest.mark.parametrize(("block", "tokens"), [(0, 6), (1, 3), (2, 3), (3, 6)])
def test_features_are_told_of_visible_tokens_within_the_routed_blocks(block, tokens):
    fields = {"tread.rate": 0.5, "repa.weight": 0.5, "repa.block": block}
    network = network_of(**fields)
    visible = torch.tensor([0, 2, 5])
    assert drawn(network, portraits_of(), visible).features.shape == (4, tokens, FEATURES)
    assert drawn(network, portraits_of()).features.shape == (4, 6, FEATURES)
    assert drawn(network_of(), portraits_of()).features is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model.adaln": "shared", "model.adaln_rank": 2, "repa.weight": 0.5},
        {"tread.rate": 0.5},
        {"conditions.patches": "none", "conditions.pose": False},
    ],
)
def test_every_parameter_has_a_gradient(fields):
    portraits = portraits_of()
    network = network_of(**fields)
    visible = draw_visible(6, 4, network.cfg.tread, "test")
    given = replace(
        everything(portraits.conditions),
        **{name: torch.tensor([True, True, False, False]) for name in ("text", "whole", "pose")},
        patches=torch.tensor([True, False, True, False]),
    )
    made = network(*noisy(), given, visible)
    loss = made.image.square().sum()
    if made.features is not None:
        loss = loss + made.features.square().sum()
    loss.backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_computing_again_changes_no_gradient():
    grads = []
    for again in (False, True):
        network = network_of(**{"model.checkpoint": again})
        network(*noisy(), everything(portraits_of().conditions)).image.square().sum().backward()
        grads.append([p.grad for p in network.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*grads, strict=True))


def test_it_begins_as_documented_and_what_is_shared_between_arms_begins_alike():
    one = new_network(CFG, portraits_of())
    shared = {"model.adaln": "shared", "model.adaln_rank": 2, "repa.weight": 0.5}
    other = new_network(replace_fields(CFG, shared), portraits_of())
    as_run = new_network(replace_fields(CFG, {"model.adaln_init": "xavier as run"}), portraits_of())
    assert not one.blocks[1].adaln.out.weight.any() and as_run.blocks[1].adaln.out.weight.any()
    assert not other.adaln.out.weight.any() and not other.blocks[1].adaln.up.weight.any()
    assert other.blocks[1].adaln.down.weight.any()
    assert not one.smooth.weight.any() and not one.conditions.null_text.any()
    assert one.final.weight.any() and not one.final.bias.any()
    bound = math.sqrt(6 / (20 + 60))
    assert 0.9 * bound < one.blocks[0].attn.qkv.weight.abs().max() <= bound
    held = dict(other.named_parameters())
    alike = [name for name, p in one.named_parameters() if ".adaln." not in name]
    assert all(torch.equal(one.get_parameter(name), held[name]) for name in alike)
    seeded = new_network(replace_fields(CFG, {"seed": 1}), portraits_of())
    assert not torch.equal(one.final.weight, seeded.final.weight)


def test_no_map_within_a_block_has_a_bias_but_that_of_its_modulation():
    network = network_of()
    biased = {
        name
        for name, part in network.blocks[0].named_modules()
        if isinstance(part, nn.Linear) and part.bias is not None
    }
    assert biased == {"adaln.out"}
