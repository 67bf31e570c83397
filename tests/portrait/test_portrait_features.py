"""Teachers of features: the small one learns what portraits show, others come from a file."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from trainables.draws import initialise
from trainables.portrait.config import PortraitsConfig
from trainables.portrait.data import DATA_SEED, load_data
from trainables.portrait.drawing.render import draw
from trainables.portrait.drawing.sitters import PHRASES, sitters
from trainables.portrait.features import Teacher, refuse_unfit, seen, standardised
from trainables.portrait.portraits import PARTS
from trainables.portrait.teaching import Course, SmallNet, at_side, taught
from trainables.portrait.vit_file import vit_from
from trainables.vit import VisionTransformer, ViTConfig, documented_init

FEW = PortraitsConfig(train=40, held_out=9, images_per_identity=2, size=20)
VIT = ViTConfig(image_px=24, patch_px=8, dim=32, depth=2, heads=2, registers=3)


def vit(cfg=VIT):
    network = VisionTransformer(cfg)
    initialise(network, 0, documented_init)
    return network


def test_the_small_teacher_tells_parts_better_than_the_likeliest_part_of_each_place():
    """On people that it has not seen; after 80 of its 400 steps."""
    who, others = sitters(512, 1, DATA_SEED, "train"), sitters(128, 1, DATA_SEED, "held out")
    train, held_out = draw(who, 32), draw(others, 32)
    sizes = {name: len(phrases) for name, phrases in PHRASES.items()}
    lesson = taught(Course(train.images, train.parts, who.values, sizes))
    with torch.no_grad():
        parts, values = lesson(held_out.images)
    right = (parts.argmax(1) == held_out.parts).float().mean()
    counts = torch.stack([(train.parts == part).sum(0) for part in range(len(PARTS))])
    trivial = (counts.argmax(0) == held_out.parts).float().mean()
    print(f"held-out pixels right: {right:.3f}, by the likeliest part of each place {trivial:.3f}")
    assert right > trivial + 0.01
    tone = values.split(lesson.sizes, 1)[list(sizes).index("tone")].argmax(1)
    assert (tone == others.values["tone"]).float().mean() > 0.9


def test_the_small_teacher_is_the_same_each_time_and_needs_no_global_stream():
    who = sitters(64, 1, 2, "train")
    drawn = draw(who, 32)
    course = Course(drawn.images, drawn.parts, {"age": who.values["age"]}, {"age": 2})
    state = torch.get_rng_state()
    first, again = (taught(course).state_dict() for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_small_network_knows_where_a_patch_is_and_what_lies_around_it():
    net = SmallNet()
    initialise(net, 0, lambda name, p, g: nn.init.normal_(p, 0, 0.1, generator=g))
    blank = torch.zeros(1, 3, 32, 32)
    spot = blank.clone()
    spot[:, :, 0:4, 0:4] = 3.0
    before, after = (net(images)[1].view(8, 8, -1) for images in (blank, spot))
    moved = (after - before).abs().amax(-1)
    assert moved[0, 0] > 2 * moved[7, 7] > 0
    assert (before[2, 2] - before[2, 5]).abs().max() > 0.01


def test_parts_are_asked_for_at_the_size_that_the_network_sees():
    parts = torch.arange(11, dtype=torch.uint8).repeat(2, 64, 6)[:, :, :64]
    small = at_side(parts)
    assert small.shape == (2, 32, 32) and torch.equal(small[0], parts[0, 1::2, 1::2].long())


def test_a_file_of_weights_gives_the_features_of_its_network(tmp_path):
    network = vit().eval()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    data = load_data("", replace(FEW, teacher=str(tmp_path / "weights.pt")))
    known = data.train.conditions
    assert known.whole.shape == (40, 32) and known.patches.shape == (40, 9, 32)
    with torch.no_grad():
        tokens = network(seen(data.train.images, 24))
    for found, own in ((known.whole, tokens[:, 0]), (known.patches, tokens[:, 1:10])):
        flat = own.flatten(0, -2)
        right = (own - flat.mean(0)) / flat.std(0, unbiased=False)
        assert torch.allclose(found, right, atol=1e-3)
    assert data.stem == {}


def test_a_kept_cell_is_a_file_of_weights_of_its_student(tmp_path):
    student, teacher = vit().state_dict(), vit(replace(VIT, depth=1)).state_dict()
    model = {f"backbone.{name}": value for name, value in student.items()} | {
        "head.0.weight": torch.ones(2, 2)
    }
    held = {f"backbone.{name}": value for name, value in teacher.items()}
    torch.save({"step": 3, "model": model, "teacher": held}, tmp_path / "state-3.pt")
    backbone = vit_from(str(tmp_path / "state-3.pt"))
    images = torch.randn(2, 3, 24, 24)
    assert torch.equal(backbone(images)[0], vit().eval()(images)[:, 0])
    torch.save(
        {"model": {f"student.{name}": value for name, value in model.items()}}, tmp_path / "p.pt"
    )
    assert torch.equal(vit_from(str(tmp_path / "p.pt"))(images)[1], backbone(images)[1])


def test_weights_named_as_dinos_are_read_too(tmp_path):
    import timm

    theirs = timm.models.vision_transformer.VisionTransformer(
        img_size=24, patch_size=8, embed_dim=128, depth=2, num_heads=2, num_classes=0
    ).eval()
    torch.save(theirs.state_dict(), tmp_path / "timm.pth")
    backbone = vit_from(str(tmp_path / "timm.pth"))
    images = torch.randn(3, 3, 24, 24)
    with torch.no_grad():
        right = theirs.forward_features(images)
        whole, patches = backbone(images)
    assert torch.allclose(whole, right[:, 0], atol=1e-3)
    assert torch.allclose(patches, right[:, 1:], atol=1e-3)


def without(state, name):
    return {n: value for n, value in state.items() if n != name}


def cut(state, name):
    return state | {name: state[name][..., :-1]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there must be such a file"),
        (b"no weights", "torch must read it"),
        ([1, 2], "must hold tensors by name, got a list"),
        ({"a": torch.ones(2)}, "got no patches.weight"),
        (lambda s: without(s, "position"), "got no position"),
        (lambda s: without(s, "blocks.1.norm2.bias"), r"\(32,\) at blocks.1.norm2.bias, got noth"),
        (lambda s: cut(s, "blocks.0.attention.qkv.weight"), r"at blocks.0.attention.qkv.weight"),
        (lambda s: s | {"blocks.1.gate": torch.ones(1)}, r"have nothing at blocks.1.gate"),
    ],
)
def test_a_file_that_is_no_such_network_is_refused_in_a_line(tmp_path, content, told):
    path = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content(vit().state_dict()) if callable(content) else content, path)
    with pytest.raises(ValueError, match=told) as refused:
        load_data("", replace(FEW, teacher=str(path)))
    assert "\n" not in str(refused.value) and "portraits.teacher" in str(refused.value)


def test_features_that_are_no_numbers_or_of_other_portraits_are_refused():
    portraits = load_data("", FEW).held_out
    whole, patches = torch.ones(9, 4), torch.ones(9, 6, 5)
    refuse_unfit(portraits, whole, patches)
    patches[7, 2, 1] = torch.nan
    with pytest.raises(ValueError, match="those of 1 of 9 .* the first of them 'drawn 7'"):
        refuse_unfit(portraits, whole, patches)
    with pytest.raises(ValueError, match="as many as the 9 portraits, got 8"):
        refuse_unfit(portraits, whole[:8], patches)


def test_a_network_of_no_numbers_is_refused(tmp_path):
    state = vit().state_dict()
    state["norm.bias"][0] = torch.nan
    torch.save(state, tmp_path / "nan.pt")
    with pytest.raises(ValueError, match="must be finite numbers, but those of 40 of 40"):
        load_data("", replace(FEW, teacher=str(tmp_path / "nan.pt")))


def test_a_dimension_that_is_the_same_everywhere_gives_no_number_that_is_none():
    class Flat(nn.Module):
        side = 8

        def forward(self, images):
            return torch.ones(len(images), 3), torch.ones(len(images), 4, 2)

    images = torch.zeros(5, 3, 8, 8, dtype=torch.uint8)
    teacher = standardised(Flat(), images)
    assert isinstance(teacher, Teacher)
    assert not any(some.any() for some in teacher(images))
