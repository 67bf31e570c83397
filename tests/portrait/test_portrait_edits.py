"""Captions with a word changed, and the causes of a difference told apart."""

from dataclasses import replace

import pytest
import torch
from judged_portraits import CAPTIONS, CountedWords, portraits, redrawn

from trainables.portrait.config import EvaluationConfig
from trainables.portrait.judge.asking import NOISE, OTHER_NOISE, asked_for, noise_of
from trainables.portrait.judge.edits import edited, edits
from trainables.portrait.judge.made import made_for
from trainables.portrait.judge.manipulation import edit_scores, edited_images


@pytest.mark.parametrize(
    ("caption", "after"),
    [
        ("A pale woman, pale as snow.", "A tan woman, tan as snow."),
        ("Pale, and pale.", "Tan, and tan."),
        ("A woman facing right.", "A person facing right."),
        ("A man with long dark hair.", "A man with short dark hair."),
        ("He goes along, facing right.", "He goes along, facing left."),
        ("She looks directly at us.", "She looks away from us."),
        ("A man.", None),
        ("", None),
    ],
)
def test_the_first_pair_that_is_there_is_exchanged_everywhere(caption, after):
    found = edited(caption)
    assert (found[0] if found else None) == after


def test_captions_without_a_word_of_a_pair_are_left_out():
    found = edits(CAPTIONS)
    assert [edit.row for edit in found] == [0, 2]
    assert found[0].change == ("woman", "person")
    assert found[1].after == "Tan skin and dark eyes, facing right."


def made(truth, words, draw=redrawn, most=8):
    return made_for(truth, draw, words, EvaluationConfig(from_text=False, edits=most))


def test_without_an_edit_none_is_drawn():
    none = made(portraits(3, captions=["A man."]), CountedWords())
    assert none.edits == [] and none.edited is None


def test_each_cause_of_a_difference_is_told_apart():
    several = made(portraits(6), CountedWords())
    values = edit_scores(several.edited, {})
    assert len(several.edits) == 4
    causes = {"paired", "as_run", "new_noise", "encoder"}
    assert {name.split("@")[1] for name in values if "@" in name} == causes
    assert {name.split("@")[0] for name in values if "@" in name} == {"val/manip_mse_hf"}
    # A caption moves these images as a whole and noise in detail, which alone is fine.
    assert values["val/manip_mse_hf@paired"] == pytest.approx(0, abs=1e-6)
    assert values["val/manip_mse_hf@encoder"] == pytest.approx(0, abs=1e-6)
    assert values["val/manip_mse_hf@new_noise"] > 1e-3
    assert values["val/manip_mse_hf@as_run"] > 1e-3


def test_the_same_words_encoded_to_the_bit_make_no_difference_and_are_not_drawn_again():
    truth, words = portraits(3), CountedWords()
    text, mask = words.encode(truth.captions)
    truth = replace(truth, conditions=truth.conditions.with_text(text, mask))
    drawn = []

    def draw(given, noise):
        drawn.append(len(noise))
        return redrawn(given, noise)

    values = edit_scores(made(truth, words, draw).edited, {})
    assert values["val/manip_mse_hf@encoder"] == 0.0
    assert drawn == [3, 2, 2, 2, 2]  # the first are those of all conditions


def test_images_before_and_after_share_their_noise_and_what_is_anew_does_not():
    truth = portraits(3)
    found = edits(truth.captions)
    given = asked_for(truth.conditions, "present")
    noises = []

    def draw(given, noise):
        noises.append(noise)
        return redrawn(given, noise)

    edited_images(draw, given, truth, CountedWords(), found)
    first, other = (noise_of(truth, purpose)[[0, 2]] for purpose in (NOISE, OTHER_NOISE))
    assert [torch.equal(noise, first) for noise in noises] == [True, True, True, False, False]
    assert [torch.equal(noise, other) for noise in noises] == [False, False, False, True, True]


def test_no_more_captions_are_tried_than_asked_for():
    words = CountedWords()
    assert len(made(portraits(9), words, most=4).edits) == 3
    assert len(words.encoded) == 6
