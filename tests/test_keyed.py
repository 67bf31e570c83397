"""What draws from global streams within `keyed` hangs on the key, and nothing beyond does."""

import random
import re
import subprocess
import sys

import numpy
import pytest
import torch
from conftest import ROOT
from torch import nn
from torch.utils.data import DataLoader

from ablate import keyed

STREAMS = {
    "torch": lambda: torch.rand(3).tolist(),
    "dropout": lambda: nn.functional.dropout(torch.ones(64)).tolist(),
    "numpy": lambda: numpy.random.rand(3).tolist(),
    "python": lambda: [random.random() for _ in range(3)],
    "a loader": lambda: torch.cat([b for [b] in DataLoader(_ROWS, 2, shuffle=True)]).tolist(),
}
_ROWS = torch.utils.data.TensorDataset(torch.arange(16))


def drawn() -> dict[str, list]:
    return {name: draw() for name, draw in STREAMS.items()}


@pytest.mark.parametrize("name", STREAMS)
def test_a_draw_is_that_of_its_key_whatever_was_drawn_before(name: str) -> None:
    def of(*key: int | str) -> list:
        STREAMS[name]()
        with keyed(*key):
            return STREAMS[name]()

    first, again = of(0, "mask", 5), of(0, "mask", 5)
    assert first == again
    assert all(of(*key) != first for key in [(1, "mask", 5), (0, "noise", 5), (0, "mask", 6)])


@pytest.mark.parametrize("raises", [False, True])
def test_streams_go_on_as_if_nothing_had_been_drawn(raises: bool) -> None:
    def begin() -> None:
        random.seed(3), numpy.random.seed(3), torch.manual_seed(3)
        torch.randn(1), numpy.random.randn(1), random.gauss(0, 1)  # of which streams keep a second

    begin()
    expected = torch.randn(1), numpy.random.randn(1), random.gauss(0, 1), drawn()
    begin()
    try:
        with keyed(0, "mask", 5):
            torch.randn(1), numpy.random.randn(1), random.gauss(0, 1), drawn()
            if raises:
                raise KeyError("within")
    except KeyError:
        assert raises
    assert (torch.randn(1), numpy.random.randn(1), random.gauss(0, 1), drawn()) == expected
    assert torch.initial_seed() == 3


def test_an_inner_key_leaves_the_draws_of_the_outer_one_alone() -> None:
    with keyed(0, "outer"):
        alone = drawn(), drawn()
    with keyed(0, "outer"):
        first = drawn()
        with keyed(0, "inner"):
            drawn()
        assert (first, drawn()) == alone


def test_a_key_means_the_same_in_every_process() -> None:
    code = (
        "import random, torch, numpy\nfrom ablate import keyed\n"
        "with keyed(7, 'mask', 1):\n"
        "    print(torch.rand(1).item(), numpy.random.rand(), random.random())"
    )

    def told(hash_seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    with keyed(7, "mask", 1):
        here = f"{torch.rand(1).item()} {numpy.random.rand()} {random.random()}\n"
    assert told("1") == told("2") == here


def test_the_recipe_of_the_readme_draws_the_same_wherever_a_run_is_resumed() -> None:
    [recipe] = re.findall(r"```py\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    model = nn.Sequential(nn.Linear(1, 4), nn.Dropout())
    names = {"keyed": keyed, "model": model, "seed": 1, "x": torch.ones(16, 1)}

    def at(step: int) -> float:
        drawn()
        told = names | {"step": step}
        exec(recipe, told)
        return told["loss"].item()

    steps = [at(step) for step in range(9)]
    assert [at(step) for step in (8, 0, 5)] == [steps[8], steps[0], steps[5]]
    assert len(set(steps)) == 9


def test_a_key_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must have a key"), keyed():
        pass


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_streams_of_a_gpu_are_keyed_and_given_back() -> None:
    def draw() -> list[float]:
        return torch.rand(3, device="cuda").tolist()

    torch.manual_seed(3)
    before = draw(), draw()
    torch.manual_seed(3)
    first = draw()
    with keyed(0, "mask"):
        within = draw()
    assert (first, draw()) == before
    with keyed(0, "mask"):
        assert draw() == within


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_that_is_first_used_within_is_keyed_and_goes_on_from_torchs_seed() -> None:
    code = (
        "import torch\nfrom ablate import keyed\ntorch.manual_seed(3)\n"
        "if {first}: torch.rand(1, device='cuda'); torch.manual_seed(3)\n"
        "with keyed(0, 'mask'):\n    print(torch.rand(2, device='cuda').tolist())\n"
        "print(torch.rand(2, device='cuda').tolist())"
    )

    def told(first: bool) -> str:
        return subprocess.run(
            [sys.executable, "-c", code.format(first=first)],
            env={**__import__("os").environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert told(True) == told(False)
