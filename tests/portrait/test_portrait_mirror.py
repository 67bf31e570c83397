"""Portraits in a mirror: what turns along, and what is left behind where that is asked."""

from dataclasses import replace

import pytest
import torch
from hand_made_portraits import portraits_of as hand_made

from trainables.draws import generator
from trainables.portrait.data import portraits_of
from trainables.portrait.drawing.sitters import sitters
from trainables.portrait.mirror import flipped, mirrored, mirrored_words
from trainables.portrait.portraits import JOINTS, PARTS
from trainables.portrait.words import PlainWords

WORDS = PlainWords(width=12, tokens=48)
GRID, WIDTH = 3, 5


def batch(count=20, size=32):
    bare = portraits_of(sitters(count, 1, 3, "train"), size, WORDS)
    whole = torch.randn(count, 4, generator=generator("whole"))
    patches = torch.randn(count, GRID**2, WIDTH, generator=generator("patches"))
    return replace(bare, conditions=replace(bare.conditions, whole=whole, patches=patches))


PORTRAITS = batch()


def same(one, other, row):
    a, b = (vars(some.conditions) for some in (one, other))
    return (
        torch.equal(one.images[row], other.images[row])
        and one.captions[row] == other.captions[row]
        and all(torch.equal(a[name][row], b[name][row]) for name in a)
    )


def test_none_is_the_batch_itself():
    assert flipped(PORTRAITS, "none", WORDS, generator("a")) is PORTRAITS


def test_coins_are_a_function_of_the_stream_alone():
    first, again, other = (
        flipped(PORTRAITS, "naive", WORDS, generator(*key))
        for key in ((1, "flip", 0), (1, "flip", 0), (1, "flip", 1))
    )
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_naive_turns_pictures_and_parts_and_leaves_what_is_said_of_them():
    made = flipped(PORTRAITS, "naive", WORDS, generator(1))
    turned = (made.images != PORTRAITS.images).flatten(1).any(1)
    assert 0 < turned.sum() < len(PORTRAITS)
    for row in range(len(PORTRAITS)):
        step = -1 if turned[row] else 1
        columns = list(range(32))[::step]
        assert torch.equal(made.images[row], PORTRAITS.images[row][..., columns])
        assert torch.equal(made.parts[row], PORTRAITS.parts[row][..., columns])
    assert made.captions == PORTRAITS.captions
    for name, value in vars(PORTRAITS.conditions).items():
        assert torch.equal(getattr(made.conditions, name), value)


def test_remapped_takes_all_of_a_portrait_into_the_mirror_or_none():
    made = flipped(PORTRAITS, "remapped", WORDS, generator(1))
    there = mirrored(PORTRAITS, WORDS)
    turned = (made.images != PORTRAITS.images).flatten(1).any(1)
    assert 0 < turned.sum() < len(PORTRAITS)
    for row in range(len(PORTRAITS)):
        assert same(made, there if turned[row] else PORTRAITS, row)


def test_a_mirrored_joint_lies_on_the_mirrored_part_under_its_new_name():
    there = mirrored(PORTRAITS, WORDS)
    eyes = torch.tensor([PARTS.index("eyes"), PARTS.index("glasses")], dtype=torch.uint8)
    for side, other in (("left", "right"), ("right", "left")):
        joint = there.conditions.pose[:, JOINTS.index(f"{side} eye")]
        was = PORTRAITS.conditions.pose[:, JOINTS.index(f"{other} eye")]
        assert torch.allclose(joint[:, 0], 1 - was[:, 0]) and torch.equal(joint[:, 1:], was[:, 1:])
        for row, (x, y, _) in enumerate((joint * 32).int().tolist()):
            near = there.parts[row, y - 1 : y + 2, x - 1 : x + 2]
            assert torch.isin(near, eyes).any()
    left, right = (there.conditions.pose[:, JOINTS.index(f"{s} eye"), 0] for s in ("left", "right"))
    assert (left > right).all()  # still the sitter's own


def test_a_joint_that_is_not_seen_stays_at_zero_in_the_mirror():
    pose = PORTRAITS.conditions.pose
    unseen = mirrored(PORTRAITS, WORDS).conditions.pose[pose[..., 2].sum(1) < len(JOINTS)]
    assert (unseen[..., 2] == 0).any()
    assert not unseen[unseen[..., 2] == 0].any()


def test_a_mirrored_caption_says_the_other_side_in_its_states_too():
    there = mirrored(PORTRAITS, WORDS)
    assert any("facing left" in caption for caption in PORTRAITS.captions)
    for own, other in zip(PORTRAITS.captions, there.captions, strict=True):
        assert ("facing left" in own) == ("facing right" in other)
        assert ("lit from the right" in own) == ("lit from the left" in other)
    states, mask = WORDS.encode(there.captions)
    assert torch.equal(there.conditions.text, states)
    assert torch.equal(there.conditions.text_mask, mask)
    assert mirrored_words("bright, left-handed, facing left") == "bright, left-handed, facing right"


def test_a_side_that_is_written_large_turns_and_stays_large():
    told = "Left profile, facing Right. LEFT of it the right hand."
    turned = "Right profile, facing Left. RIGHT of it the left hand."
    assert mirrored_words(told) == turned and mirrored_words(turned) == told


def test_patches_of_a_picture_that_is_no_square_are_mirrored_and_none_stay_none():
    wide = hand_made(height=8, width=12)
    bare = replace(wide.conditions, pose=torch.zeros(4, len(JOINTS), 3))
    own = replace(wide, conditions=bare)
    there = mirrored(own, WORDS).conditions.patches
    assert torch.equal(there.view(4, 2, 3, -1), own.conditions.patches.view(4, 2, 3, -1).flip(2))
    none = replace(own, conditions=replace(bare, patches=torch.zeros(4, 0, 7)))
    assert mirrored(none, WORDS).conditions.patches.shape == (4, 0, 7)


def test_features_of_the_mirrored_picture_are_the_teachers_where_there_is_one():
    def teacher(images):
        columns = images.float().mean((1, 2))  # of the colours and the rows
        return columns[:, :4], columns[:, : GRID**2, None].expand(-1, -1, WIDTH)

    there = mirrored(PORTRAITS, WORDS, teacher)
    assert torch.equal(there.conditions.whole, teacher(PORTRAITS.images.flip(-1))[0])
    bare = mirrored(PORTRAITS, WORDS).conditions
    grid = PORTRAITS.conditions.patches.view(-1, GRID, GRID, WIDTH)
    assert torch.equal(bare.patches.view(-1, GRID, GRID, WIDTH)[:, :, 0], grid[:, :, GRID - 1])
    assert torch.equal(bare.whole, PORTRAITS.conditions.whole)


def test_twice_in_the_mirror_is_the_portrait_itself():
    back = mirrored(mirrored(PORTRAITS, WORDS), WORDS)
    pose, own = back.conditions.pose, PORTRAITS.conditions.pose
    assert torch.allclose(pose, own, atol=1e-6)
    back = replace(back, conditions=replace(back.conditions, pose=own))
    assert all(same(back, PORTRAITS, row) for row in range(len(PORTRAITS)))


def test_joints_whose_sides_are_not_known_are_refused():
    pose = torch.zeros(len(PORTRAITS), 133, 3)
    other = replace(PORTRAITS, conditions=replace(PORTRAITS.conditions, pose=pose))
    with pytest.raises(ValueError, match=r"must have the 11 joints .* got 133; take 'none'"):
        flipped(other, "remapped", WORDS, generator(1))
    flipped(other, "naive", WORDS, generator(1))
