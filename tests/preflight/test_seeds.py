"""Seeds that are one seed are refused before the sweep; seeds that only begin as one are told."""

from typing import Any

import torch
from test_preflight import Knobs, Sound, complaints, knobs, told


class Folded(Sound):
    """Seeds 0 and 2 are one, as the folds of a split by two are."""

    def draw(self, purpose: str) -> torch.Generator:
        seed = self.cfg.seed % 2
        return torch.Generator().manual_seed(seed * 1000 + len(purpose) * 100 + self.step)


class Pretrained(Sound):
    """Begins where another training ended, whatever the seed."""

    def __init__(self, cfg: Knobs) -> None:
        super().__init__(cfg)
        self.weight = torch.tensor([0.5, -0.5, 1.0, 2.0])


class Measuring(Pretrained):
    """Whose seed reaches its evaluation alone."""

    def draw(self, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(self.step)

    def evaluate(self) -> dict[str, float]:
        return {"val/error": super().evaluate()["val/error"] + self.cfg.seed}


def test_two_of_three_seeds_that_are_one_are_refused_by_name():
    [text] = complaints({"more": {"rate": 0.2}}, run=Folded)
    assert "must depend on its seed, but 0 and 2 give the same weights and evaluation" in text


def test_seeds_that_train_alike_and_are_measured_otherwise_are_refused_too():
    [text] = complaints({"more": {"rate": 0.2}}, run=Measuring)
    assert "must depend on its seed, but 0, 1 and 2 give the same weights; key" in text


def test_seeds_that_begin_alike_and_train_otherwise_are_told_and_not_refused():
    found = told({"more": {"rate": 0.2}}, run=Pretrained)
    assert not [one.text for one in found if one.fatal]
    [note] = [one.text for one in found if "begin with" in one.text]
    assert note.startswith("arm 'base': all seeds begin with the same weights, so a verdict")


def test_nothing_is_said_of_seeds_that_reach_the_initial_draws():
    found: list[Any] = told({"more": {"rate": 0.2}})
    assert not [one.text for one in found if "seed" in one.text]


def test_a_seed_at_which_the_arm_cannot_be_built_is_no_twin_of_another():
    class Picky(Sound):
        def __init__(self, cfg: Knobs) -> None:
            if cfg.seed > 0:
                raise ValueError("wants its data")
            super().__init__(cfg)

    assert complaints({"more": {"rate": 0.2}}, run=Picky) == []
    assert knobs({}, run=Picky).seeds == (0, 1, 2)
