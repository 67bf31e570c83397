"""The portraits of a run: different people on both sides, the same ones for every seed."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from trainables.portrait.config import PortraitsConfig
from trainables.portrait.data import _loaded, examples, load_data, portraits_of
from trainables.portrait.drawing.sitters import sitters
from trainables.portrait.portraits import JOINTS, PARTS
from trainables.portrait.words import PlainWords

FEW = PortraitsConfig(train=96, held_out=24, images_per_identity=3, size=16)
DATA = load_data("", FEW)


def test_portraits_are_as_many_as_asked_and_know_all_that_a_portrait_can():
    for some, count in ((DATA.train, 96), (DATA.held_out, 24)):
        assert some.images.shape == (count, 3, 16, 16) and some.parts.shape == (count, 16, 16)
        assert some.parts.max() < len(PARTS)
        known = some.conditions
        assert known.pose.shape == (count, len(JOINTS), 3)
        assert known.whole.shape == (count, 64) and known.patches.shape == (count, 64, 64)
        assert known.text_mask.sum(1).min() > 20
        assert all(value.isfinite().all() for value in vars(known).values())
        assert len(set(some.names)) == count
    assert DATA.truncated == 0


def test_who_is_held_out_is_nobody_that_is_trained_on():
    train, held_out = DATA.train.identities, DATA.held_out.identities
    assert train.bincount().tolist() == 32 * [3]
    assert held_out.unique(return_counts=True)[1].tolist() == 8 * [3]
    assert not set(train.tolist()) & set(held_out.tolist())


def test_the_first_held_out_portraits_are_of_as_many_people():
    assert DATA.held_out.identities[:8].unique().numel() == 8


def test_no_portrait_is_nearly_another():
    """Beside a change of a few levels in each pixel, the nearest two are far apart."""
    images = torch.cat((DATA.train.images, DATA.held_out.images)).flatten(1).float() / 255
    far = torch.cdist(images, images).square() / images.shape[1]
    far.fill_diagonal_(1)
    assert far.min() > 0.001  # 8 of 255 levels, root mean square
    assert far.min(1).values.median() > 0.005


def test_what_acts_later_shares_the_portraits():
    few = replace(FEW, train=33)
    data = load_data("", few)
    for change in ({"range": "half"}, {"flip": "remapped"}, {"flip": "naive"}):
        assert load_data("", replace(few, **change)).train is data.train
    assert load_data("", replace(few, train=34)).train is not data.train


def test_examples_are_the_pictures_of_a_split_in_order():
    assert torch.equal(torch.cat(list(examples(DATA.held_out))), DATA.held_out.images)


def test_features_have_mean_0_and_spread_1_over_the_training_portraits():
    known = DATA.train.conditions
    for some in (known.whole, known.patches.flatten(0, 1)):
        assert some.mean(0).abs().max() < 1e-3
        assert torch.allclose(some.std(0, unbiased=False), torch.ones(64), atol=1e-2)
    between = F.cosine_similarity(known.patches[:48].flatten(1), known.patches[48:].flatten(1))
    assert between.mean() < 0.6  # portraits are told apart


def test_the_teacher_gives_the_features_that_the_portraits_have():
    whole, patches = DATA.teacher(DATA.held_out.images)
    assert torch.allclose(whole, DATA.held_out.conditions.whole, atol=1e-4)
    assert torch.allclose(patches, DATA.held_out.conditions.patches, atol=1e-4)


def test_a_teacher_is_trained_once_on_a_node(tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATE_STEMS", str(tmp_path))
    monkeypatch.setenv("ABLATE_STEMS_CODE", "abc")
    small = replace(FEW, train=70)
    first = load_data("", small)
    _loaded.cache_clear()
    again = load_data("", small)
    assert (first.stem["perf/stem_reused"], again.stem["perf/stem_reused"]) == (0, 1)
    assert torch.equal(first.train.conditions.patches, again.train.conditions.patches)
    assert first.train.images is not again.train.images


def test_portraits_are_drawn_once_for_all_processes_of_a_node(tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATE_STEMS", str(tmp_path))
    monkeypatch.setenv("ABLATE_STEMS_CODE", "this")
    who = sitters(3, 1, 5, "train")
    drawn = portraits_of(who, 16, PlainWords())
    monkeypatch.setattr("trainables.portrait.data.draw", None)
    again = portraits_of(who, 16, PlainWords())
    assert torch.equal(drawn.images, again.images) and torch.equal(drawn.parts, again.parts)
    assert torch.equal(drawn.conditions.pose, again.conditions.pose)
    with pytest.raises(TypeError):
        portraits_of(sitters(3, 1, 6, "train"), 16, PlainWords())
