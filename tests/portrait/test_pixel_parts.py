"""What an error counts by where it is."""

import pytest
import torch

from trainables.draws import generator
from trainables.portrait.config import PartsConfig
from trainables.portrait.portraits import FACE, PARTS
from trainables.portrait.training.parts import pixel_weights

DOCUMENTED = {"face": 2.0, "background": 0.5, "other": 1.0}
MAP = torch.randint(len(PARTS), (3, 5, 7), generator=generator("parts")).to(torch.uint8)


def test_each_part_counts_by_its_weight():
    weights = pixel_weights(PartsConfig(**DOCUMENTED, normalise=False), MAP)
    expected = [2.0 if part in FACE else 1.0 for part in range(len(PARTS))]
    expected[0] = 0.5
    assert weights is not None
    assert weights.tolist() == torch.tensor(expected)[MAP.long()].tolist()
    assert {0.5, 1.0, 2.0} == set(weights.unique().tolist())


def test_weights_of_each_portrait_have_a_mean_of_one():
    weights = pixel_weights(PartsConfig(**DOCUMENTED), MAP)
    plain = pixel_weights(PartsConfig(**DOCUMENTED, normalise=False), MAP)
    assert weights is not None and plain is not None
    assert weights.mean((1, 2)).tolist() == pytest.approx([1, 1, 1])
    for one, other in zip(weights, plain, strict=True):
        assert torch.allclose(one * other.mean(), other)


def test_equal_weights_cost_nothing_and_keep_their_size_unless_normalised():
    assert pixel_weights(PartsConfig(), MAP) is None
    assert pixel_weights(PartsConfig(face=3.0, background=3.0, other=3.0), MAP) is None
    thrice = pixel_weights(PartsConfig(face=3.0, background=3.0, other=3.0, normalise=False), MAP)
    assert thrice is not None and thrice.unique().tolist() == [3]


def test_a_portrait_of_which_nothing_counts_weighs_nothing():
    background = torch.zeros(1, 5, 7, dtype=torch.uint8)
    for normalise in (True, False):
        cfg = PartsConfig(background=0.0, normalise=normalise)
        weights = pixel_weights(cfg, background)
        assert weights is not None and not weights.any()
