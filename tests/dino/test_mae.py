"""Masked autoencoding against a loop over images and patches; all dimensions differ."""

import pytest
import torch
from timm.layers import build_sincos2d_pos_embed

from trainables.dino.mae import Decoder, MaeConfig, decoder_init, mae_loss, patch_pixels, positions
from trainables.draws import initialise, uniform
from trainables.vit import VisionTransformer, ViTConfig, documented_init

X, PATCHES, VISIBLE = 3, 16, 5
VIT = ViTConfig(image_px=28, patch_px=7, dim=24, depth=2, heads=3, registers=2, mlp_ratio=2)
MAE = MaeConfig(mask_fraction=0.65, dim=20, depth=2, heads=5)


def networks(vit=VIT, mae=MAE):
    encoder, decoder = VisionTransformer(vit), Decoder(mae, vit)
    initialise(encoder, 0, documented_init)
    initialise(decoder, 0, decoder_init)
    return encoder, decoder


def batch():
    return uniform(0.0, 1.0, (X, 3, 28, 28), "images"), uniform(0.0, 1.0, (X, PATCHES), "noise")


def naive(encoder, decoder, images, noise, normalise):
    """One image and one patch at a time, in the order of the image."""
    errors = []
    place = positions(4, 20, images.device)
    for image, ranks in zip(images, noise.argsort().argsort(), strict=True):
        visible = [p for p in range(PATCHES) if ranks[p] < VISIBLE]
        tokens = encoder.embed(image[None])[0]
        seen = encoder.encode(torch.stack([tokens[0], *(tokens[1 + p] for p in visible)])[None])[0]
        latent = dict(zip(visible, seen[1:], strict=False))
        x = [decoder.embed(seen[0])]
        for p in range(PATCHES):
            content = decoder.embed(latent[p]) if p in latent else decoder.mask[0, 0]
            x.append(content + place[p])
        x = torch.stack(x)[None]
        for block in decoder.blocks:
            x = block(x)
        painted = decoder.pixels(decoder.norm(x))[0, 1:]
        for p in set(range(PATCHES)) - set(visible):
            y, z = divmod(p, 4)
            target = image[:, 7 * y : 7 * y + 7, 7 * z : 7 * z + 7].flatten()
            if normalise:
                target = (target - target.mean()) / (target.var() + 1e-6).sqrt()
            errors.append((painted[p] - target).square().mean())
    assert len(errors) == X * (PATCHES - VISIBLE)
    return torch.stack(errors).mean()


@pytest.mark.parametrize("normalise", [True, False])
def test_loss_is_that_of_a_loop_over_patches(normalise):
    cfg = MaeConfig(mask_fraction=0.65, dim=20, depth=2, heads=5, normalise_target=normalise)
    encoder, decoder = networks()
    got = mae_loss(encoder, decoder, *batch(), cfg)
    assert torch.allclose(got, naive(encoder, decoder, *batch(), normalise), rtol=1e-5)


def test_pixels_of_masked_patches_reach_the_target_and_no_further():
    encoder, decoder = networks()
    images, noise = batch()
    images.requires_grad_()
    cfg = MaeConfig(mask_fraction=0.65, dim=20, depth=2, heads=5, normalise_target=False)
    order = noise.argsort()
    seen = []
    decoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    mae_loss(encoder, decoder, images, noise, cfg)
    seen[0].square().sum().backward()
    touched = patch_pixels(images.grad, 7).abs().sum(-1)
    for row, ranks in zip(touched, order, strict=True):
        assert row[ranks[:VISIBLE]].all()
        assert not row[ranks[VISIBLE:]].any()


def test_positions_are_timms_in_another_order_of_dimensions():
    ours, theirs = positions(3, 8, torch.device("cpu")), build_sincos2d_pos_embed([3, 3], 8)
    assert torch.allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-5)


def test_gradient_reaches_every_parameter():
    encoder, decoder = networks()
    mae_loss(encoder, decoder, *batch(), MAE).backward()
    for part in (encoder, decoder):
        missing = [n for n, p in part.named_parameters() if p.grad is None or not p.grad.any()]
        assert missing == []


def test_a_decoder_has_the_documented_size():
    with torch.device("meta"):
        decoder = Decoder(MaeConfig(), ViTConfig(image_px=224, patch_px=14, dim=384, heads=6))
    count = sum(p.numel() for p in decoder.parameters())
    assert count == 8 * (12 * 512**2 + 13 * 512) + 385 * 512 + 512 + 2 * 512 + 513 * 588


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        ({"mask_fraction": 1.0}, r"must be in \(0, 1\), got 1.0"),
        ({"dim": 18, "heads": 3}, "multiple of 4 and of mae.heads, got 18 and 3"),
        ({"dim": 20, "heads": 3}, "got 20 and 3; change one"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields, law):
    with pytest.raises(ValueError, match=law):
        MaeConfig(**fields)


@pytest.mark.parametrize(
    ("fraction", "patches", "visible"), [(0.75, 256, 64), (0.75, 25, 6), (0.9, 10, 1), (0.01, 9, 8)]
)
def test_the_visible_share_is_rounded_down(fraction, patches, visible):
    assert MaeConfig(mask_fraction=fraction).visible(patches) == visible


def test_a_mask_must_leave_a_patch():
    with pytest.raises(ValueError, match="leave one of 16 patches visible at least, got 0.95"):
        MaeConfig(mask_fraction=0.95).visible(16)
