"""Words as states: the same word is the same direction, wherever and whenever it is said."""

import pytest
import torch
from torch.nn import functional as F

from trainables.portrait.words import PLACE, PlainWords, places, split

WORDS = PlainWords(width=40, tokens=7)


def without_places(states):
    return states - places(7, 40)


def test_a_word_is_one_direction_whatever_stands_around_it():
    states, there = WORDS.encode(["a tan person", "Person, the TAN one"])
    vectors = without_places(states)
    assert there.sum(1).tolist() == [3, 4]
    for one, other in ((1, 2), (2, 0)):
        assert torch.allclose(vectors[0, one], vectors[1, other], atol=1e-5)
    alone, _ = PlainWords(width=40, tokens=7).encode(["tan"])
    assert torch.allclose(alone[0, 0] - places(7, 40)[0], vectors[0, 1], atol=1e-5)


def test_unlike_words_are_unlike_directions_of_one_length():
    states, _ = WORDS.encode(["pale tan dark light long short woman"])
    vectors = without_places(states)[0]
    assert torch.allclose(vectors.norm(dim=1), torch.tensor(40**0.5), atol=1e-4)
    cosines = F.normalize(vectors, dim=1) @ F.normalize(vectors, dim=1).T - torch.eye(7)
    assert cosines.abs().max() < 0.6


def test_the_order_of_words_shows_in_the_states():
    one, other = (WORDS.encode([caption])[0][0] for caption in ("long short", "short long"))
    assert not torch.allclose(one.sum(0), torch.zeros(40))
    assert (one - other).abs().max() > 0.5
    lengths = places(7, 40).norm(dim=1)
    assert torch.allclose(lengths, torch.tensor(PLACE * 40**0.5), atol=1e-4)


def test_a_caption_beyond_the_limit_is_cut_and_counted():
    captions = ["one two three four five six seven", "one two three four five six seven eight", ""]
    states, there = WORDS.encode(captions)
    assert WORDS.truncated(captions) == 1
    assert there.sum(1).tolist() == [7, 7, 0]
    assert torch.equal(states[0], states[1])


@pytest.mark.parametrize("caption", ["", " .,; "])
def test_a_caption_without_words_has_no_token(caption):
    states, there = WORDS.encode([caption, "word"])
    assert not there[0].any() and not states[0].any()
    assert there[1].tolist() == [True] + 6 * [False] and not states[1, 1:].any()


def test_no_captions_have_no_states():
    states, there = WORDS.encode([])
    assert states.shape == (0, 7, 40) and there.shape == (0, 7)


def test_hyphens_join_and_punctuation_parts():
    assert split("Shoulder-length hair, a man's; T-shirt") == [
        "shoulder-length", "hair", "a", "man's", "t-shirt",
    ]  # fmt: skip
