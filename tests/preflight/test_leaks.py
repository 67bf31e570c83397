"""Examples in both splits are found behind a type, a scale, a shift; look-alikes are not."""

from collections.abc import Callable

import pytest
import torch

from infra.preflight.leaks import leak


class Telling:
    """A run that only tells its examples, in batches of four."""

    def __init__(self, train: torch.Tensor, evaluation: torch.Tensor) -> None:
        self.told = {"train": train, "evaluation": evaluation}

    def examples(self, split: str) -> tuple[torch.Tensor, ...]:
        return self.told[split].split(4)


def pictures(count: int = 14, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 3, 6, 5), dtype=torch.uint8, generator=draw)


def found(train: torch.Tensor, evaluation: torch.Tensor) -> str:
    return leak(Telling(train, evaluation))


MEAN, SD = torch.tensor([0.48, 0.45, 0.4]).view(3, 1, 1), torch.tensor([0.2, 0.3, 0.25])
DISGUISES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "float": lambda x: x.float(),
    "double": lambda x: x.double(),
    "0 to 1": lambda x: x.float() / 255,
    "-1 to 1 in half": lambda x: (x.float() / 127.5 - 1).half(),
    "-1 to 1 in bfloat16": lambda x: (x.float() / 127.5 - 1).bfloat16(),
    "normalised by channel": lambda x: (x.float() / 255 - MEAN) / SD.view(3, 1, 1),
    "shifted integers": lambda x: x.to(torch.int16) * 2 - 1024,
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_pictures_of_training_are_found_behind(disguise: str) -> None:
    every = pictures()
    told = found(every[:10], DISGUISES[disguise](every[8:]))
    assert "but 2 of 6 are but for their type and a scale, the first of them number 0" in told


@pytest.mark.parametrize("disguise", DISGUISES)
def test_other_pictures_are_not_accused_behind(disguise: str) -> None:
    every = pictures()
    assert found(every[:10], DISGUISES[disguise](every[10:])) == ""


def test_floats_of_training_are_found_in_a_coarser_type() -> None:
    every = torch.randn(14, 40, generator=torch.Generator().manual_seed(1))
    assert "but 2 of 6 are" in found(every[:10], every[8:].half())
    assert "but 2 of 6 are" in found(every[:10].bfloat16(), every[8:])
    assert found(every[:10], every[10:].half()) == ""


def test_equal_types_of_another_scale_are_looked_through() -> None:
    every = torch.randn(14, 40, generator=torch.Generator().manual_seed(1))
    assert "but 2 of 6 are but for their type and a scale" in found(every[:10], 3 * every[8:])


def test_short_rows_that_chance_orders_alike_are_no_leak() -> None:
    draw = torch.Generator().manual_seed(2)
    train, evaluation = torch.randn(250, 8, generator=draw), torch.randn(150, 8, generator=draw)
    assert found(train, 255 * evaluation) == ""


def test_rising_rows_are_all_ordered_alike_and_no_leak() -> None:
    rows = torch.arange(400.0).view(10, 40)
    assert found(rows[:6], rows[6:].double() / 7) == ""


def test_graphs_of_one_shape_with_other_types_are_no_leak() -> None:
    shape = torch.tensor([[0, 1, 1, 0, 0, 1] * 8, [1, 0, 0, 1, 1, 0] * 8])
    train = torch.cat([shape * kind for kind in (2, 3, 4)])
    evaluation = torch.cat([shape * kind for kind in (5, 60)])
    assert found(train, evaluation.to(torch.int32)) == ""


def test_runs_without_examples_in_a_split_have_no_leak() -> None:
    assert found(pictures(4), pictures(4)[:0].float()) == ""
