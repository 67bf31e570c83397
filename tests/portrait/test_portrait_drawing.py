"""Drawn portraits: who sits, what a caption says, and that the picture shows what it says."""

import re

import pytest
import torch

from trainables.portrait.drawing.anatomy import anatomy
from trainables.portrait.drawing.captions import captions, values_in
from trainables.portrait.drawing.render import draw
from trainables.portrait.drawing.sitters import OF_PERSON, PHRASES, sitters
from trainables.portrait.portraits import JOINTS, PARTS

SIZE = 32
WHO = sitters(60, 3, 5, "train")
DRAWN = draw(WHO, SIZE)
# A documented pair of words, the attribute, and parts of the picture that must show it.
EDITS = [
    ("slender", "muscular", ("clothes", "neck")),
    ("pale", "tan", ("skin", "neck")),
    ("woman", "person", ("mouth", "skin", "eyes", "clothes")),
    ("woman", "man", ("mouth", "skin", "eyes", "clothes")),
    ("long", "short", ("hair",)),
    ("dark", "light", ("background",)),
    ("young", "mature", ("hair", "skin")),
    ("facing right", "facing left", ("nose", "eyes")),
    ("directly at", "away from", ("eyes",)),
]


def pixels_of(parts, *names):
    return torch.isin(parts, torch.tensor([PARTS.index(name) for name in names], dtype=torch.uint8))


def test_portraits_are_a_function_of_seed_split_person_and_picture():
    again = draw(sitters(60, 3, 5, "train"), SIZE)
    assert torch.equal(again.images, DRAWN.images) and torch.equal(again.joints, DRAWN.joints)
    for other in (sitters(60, 3, 6, "train"), sitters(60, 3, 5, "held out")):
        assert not torch.equal(draw(other, SIZE).images[0], DRAWN.images[0])


def test_a_portrait_is_drawn_alike_alone_and_among_others():
    """The canvas about an eye is as large as all eyes need, and the samples are as many at once."""
    for row in (0, 17, 59):
        alone = draw(WHO.take(torch.tensor([row])), SIZE)
        assert (alone.images[0].int() - DRAWN.images[row].int()).abs().max() <= 1  # of 255
        assert (alone.parts[0] != DRAWN.parts[row]).sum() <= 1


def test_more_people_and_more_pictures_leave_the_first_as_they_were():
    more = sitters(200, 5, 5, "train")  # 40 people
    fewer = sitters(60, 3, 5, "train")  # 20 people
    for name in PHRASES:
        assert torch.equal(more.values[name].view(5, 40)[:3, :20], fewer.values[name].view(3, 20))
    for name, trait in fewer.traits.items():
        assert torch.equal(more.traits[name].view(5, 40)[:3, :20], trait.view(3, 20))


def test_a_person_keeps_the_face_and_changes_the_picture():
    for person in range(3):
        rows = torch.nonzero(WHO.identities == person)[:, 0]
        assert len(rows) == 3
        for name in OF_PERSON:
            assert len(set(WHO.values[name][rows].tolist())) == 1
        assert len({tuple(image.flatten().tolist()) for image in DRAWN.images[rows]}) == 3
        assert len(set(WHO.traits["jaw"][rows].tolist())) == 1
        assert len(set(WHO.traits["across"][rows].tolist())) == 3


def test_every_value_of_every_attribute_occurs_and_can_be_read_from_the_caption():
    who = sitters(1500, 4, 5, "train")
    told = captions(who)
    assert len(set(told)) > 1400
    for name, phrases in PHRASES.items():
        assert who.values[name].unique().tolist() == list(range(len(phrases)))
    for row in range(0, 1500, 25):
        read = values_in(told[row])
        bald = int(who.values["length"][row]) == 0
        for name in PHRASES.keys() - ({"texture", "hair", "fringe"} if bald else set()):
            assert read[name] == who.values[name][row], told[row]


@pytest.mark.parametrize(("old", "new", "parts"), EDITS, ids=lambda x: str(x).replace(" ", "-"))
def test_a_documented_edit_of_the_caption_changes_the_part_that_it_names(old, new, parts):
    """One exchange of words; when it is drawn, that part changes most."""
    who = sitters(300, 1, 5, "train")
    told = captions(who)
    rows = [n for n, caption in enumerate(told) if re.search(rf"\b{old}\b", caption)][:12]
    assert len(rows) == 12
    who = who.take(torch.tensor(rows))
    edited = [re.sub(rf"\b{old}\b", new, told[row]) for row in rows]
    before = [values_in(told[row]) for row in rows]
    after = [values_in(caption) for caption in edited]
    changed = {name for b, a in zip(before, after, strict=True) for name in b if a[name] != b[name]}
    assert len(changed) == 1
    (name,) = changed
    other = who.but(**{name: torch.tensor([a[name] for a in after])})
    assert captions(other) == edited
    one, two = draw(who, SIZE), draw(other, SIZE)
    far = (one.images.float() - two.images.float()).abs().mean(1)  # of 255
    for row in range(12):
        there = pixels_of(one.parts[row], *parts) | pixels_of(two.parts[row], *parts)
        assert far[row][there].mean() > 3, (told[rows[row]], new)
        assert far[row][there].mean() > 1.5 * far[row][~there].mean(), (told[rows[row]], new)


def test_an_edit_back_and_forth_is_the_same_picture():
    lengths = WHO.values["length"]
    back = WHO.but(length=3).but(length=lengths)
    assert torch.equal(draw(back, SIZE).images, DRAWN.images)


@pytest.mark.parametrize("size", [24, 64])
def test_joints_lie_on_the_parts_that_they_name(size):
    who = sitters(24, 1, 5, "train")
    drawn = draw(who, size)
    on = {
        "nose": ("nose", "mouth", "skin", "hair"),  # its tip may end where a moustache begins
        "left eye": ("eyes", "glasses"), "right eye": ("eyes", "glasses"),
        "left mouth": ("mouth", "hair"), "right mouth": ("mouth", "hair"),
        "left ear": ("ears", "hair", "skin"), "right ear": ("ears", "hair", "skin"),
        "chin": ("skin", "hair", "neck"), "neck": ("neck", "hair", "clothes"),
        "left shoulder": ("clothes", "hair"), "right shoulder": ("clothes", "hair"),
    }  # fmt: skip
    for row in range(24):
        for name, joint in zip(JOINTS, drawn.joints[row], strict=True):
            if joint[2] < 0.5:
                continue
            x, y = (joint[:2] * size).int().tolist()
            near = drawn.parts[row, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            assert pixels_of(near, *on[name]).any(), (row, name, PARTS[drawn.parts[row, y, x]])


def test_sides_are_the_sitters_own_and_turn_with_the_head():
    left, right = (DRAWN.joints[:, JOINTS.index(f"{side} eye")] for side in ("left", "right"))
    assert (left[:, 0] > right[:, 0]).all()
    nose = DRAWN.joints[:, JOINTS.index("nose"), 0] - (left[:, 0] + right[:, 0]) / 2
    upright = WHO.but(turn=1)
    for turn, sign in ((0, -1), (2, 1)):
        turned = draw(upright.but(turn=turn), SIZE).joints
        eyes = [turned[:, JOINTS.index(f"{side} eye"), 0] for side in ("left", "right")]
        off = turned[:, JOINTS.index("nose"), 0] - sum(eyes) / 2
        assert (sign * off > 0).all()
    assert nose.abs().max() > 0.02


def test_joints_that_are_not_seen_are_zero_throughout():
    who = sitters(200, 1, 5, "train").but(build=2)  # broad shoulders
    joints = draw(who, 16).joints
    unseen = joints[..., 2] == 0
    assert 0 < unseen.sum() < unseen.numel() / 2
    assert not joints[unseen].any()
    assert ((joints >= 0) & (joints <= 1)).all()
    far = anatomy(who).ear_seen(1)[:, 0, 0] == 0  # turned out of sight
    assert far.any() and not joints[far, JOINTS.index("left ear"), 2].any()


def test_the_parts_are_all_there_and_the_same_at_any_size():
    for size in (32, 80):
        found = draw(WHO.take(slice(0, 20)), size).parts
        assert found.shape == (20, size, size)
        shares = torch.stack([(found == part).float().mean() for part in range(len(PARTS))])
        assert 0.3 < shares[0] < 0.7 and shares[PARTS.index("skin")] > 0.05
        for name in ("clothes", "neck", "hair", "eyes", "nose", "mouth", "brows"):
            each = pixels_of(found, name).flatten(1).any(1)
            assert each.float().mean() > 0.8, name
    some = WHO.take(slice(0, 20))
    low, high = draw(some, 32).parts, draw(some, 96).parts[:, 1::3, 1::3]
    assert (low == high).float().mean() > 0.93
