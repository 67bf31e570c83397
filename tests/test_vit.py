"""The vision transformer: documented sizes, and what it computes."""

import math

import pytest
import torch
from torch import nn

from trainables.draws import initialise
from trainables.vit import (
    VIT_LARGE,
    VIT_SMALL,
    VIT_TINY,
    VisionTransformer,
    ViTConfig,
    documented_init,
)

SMALL = ViTConfig(image_px=28, patch_px=7, dim=24, depth=2, heads=3, registers=5, mlp_ratio=2)


def network(cfg=SMALL, seed=0):
    vit = VisionTransformer(cfg)
    initialise(vit, seed, documented_init)
    return vit


@pytest.mark.parametrize(
    ("cfg", "millions"), [(VIT_SMALL, 21.6), (VIT_LARGE, 303.2), (VIT_TINY, 5.5)]
)
def test_backbones_have_the_documented_parameter_counts(cfg, millions):
    with torch.device("meta"):
        count = sum(p.numel() for p in VisionTransformer(cfg).parameters())
    assert round(count / 1e6, 1) == millions


def test_tokens_are_cls_then_patches_then_registers():
    vit, images = network(), torch.rand(2, 3, 28, 28)
    assert vit(images).shape == (2, 1 + 16 + 5, 24)
    changed = images.clone()
    changed[:, :, :7, 7:14] += 1  # the second patch of the first row
    seen = []
    vit.blocks[0].register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    vit(images), vit(changed)
    assert (seen[0] - seen[1]).abs().sum((0, 2)).nonzero().flatten().tolist() == [2]


def test_forward_matches_a_naive_reference():
    vit, images = network(), torch.rand(2, 3, 28, 28)
    assert torch.allclose(vit(images), naive(vit, images), atol=1e-5)


def naive(vit, images):
    cfg, p = vit.cfg, dict(vit.named_parameters())

    def norm(x, name):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        return (x - mean) / (var + 1e-5).sqrt() * p[name + ".weight"] + p[name + ".bias"]

    def linear(x, name):
        return x @ p[name + ".weight"].T + p[name + ".bias"]

    outputs = []
    for image in images:
        rows = [
            (p["patches.weight"] * image[:, y : y + 7, x : x + 7]).sum((1, 2, 3))
            + p["patches.bias"]
            for y in range(0, 28, 7)
            for x in range(0, 28, 7)
        ]
        x = torch.stack([p["cls"][0, 0], *rows]) + p["position"][0]
        x = torch.cat((x, p["registers"][0]))
        for i in range(cfg.depth):
            block, width = f"blocks.{i}.", cfg.dim // cfg.heads
            q, k, v = linear(norm(x, block + "norm1"), block + "attention.qkv").chunk(3, -1)
            mixed = []
            for head in range(cfg.heads):
                part = slice(head * width, (head + 1) * width)
                weight = (q[:, part] @ k[:, part].T / math.sqrt(width)).softmax(-1)
                mixed.append(weight @ v[:, part])
            x = x + linear(torch.cat(mixed, -1), block + "attention.out")
            hidden = linear(norm(x, block + "norm2"), block + "mlp.0")
            hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
            x = x + linear(hidden, block + "mlp.2")
        outputs.append(norm(x, "norm"))
    return torch.stack(outputs)


def test_gradient_reaches_every_parameter():
    vit = network()
    vit(torch.rand(2, 3, 28, 28)).square().sum().backward()
    assert [n for n, p in vit.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_checkpointing_changes_no_gradient():
    images, gradients = torch.rand(2, 3, 28, 28), []
    for checkpointing in (False, True):
        cfg = ViTConfig(image_px=28, patch_px=7, dim=24, heads=3, checkpointing=checkpointing)
        vit = network(cfg)
        vit(images).square().sum().backward()
        gradients.append([p.grad for p in vit.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_start_follows_the_documented_law():
    vit = network(ViTConfig(image_px=56, patch_px=7, dim=96, heads=3))
    assert abs(vit.position.std().item() - 0.1) < 0.005
    assert abs(vit.patches.weight.std().item() - 0.02) < 0.001
    qkv = vit.blocks[0].attention.qkv
    assert not qkv.bias.any()
    assert qkv.weight.abs().max() <= math.sqrt(6 / (96 + 3 * 96))
    assert all(m.weight.eq(1).all() for m in vit.modules() if isinstance(m, nn.LayerNorm))


@pytest.mark.parametrize("fields", [{"image_px": 30}, {"dim": 25}])
def test_sizes_that_do_not_divide_are_refused(fields):
    with pytest.raises(ValueError, match="must be a multiple"):
        ViTConfig(**{"image_px": 28, "patch_px": 7, "dim": 24, "heads": 3} | fields)
