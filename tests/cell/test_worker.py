"""A reused process looks new to every cell, and what a cell prints is kept."""

import os
import random
import warnings
from pathlib import Path

import numpy
import psutil
import torch

from infra.cell.worker import Capture, clean_slate


def surroundings() -> tuple:
    return (
        dict(os.environ), os.getcwd().split("-")[0], torch.get_num_threads(),
        torch.get_default_dtype(), torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(), random.random(),
        float(numpy.random.rand()), float(torch.rand(())), numpy.geterr(),
        torch.backends.cuda.flash_sdp_enabled(),
    )  # fmt: skip


def test_the_second_cell_finds_what_the_first_one_found():
    with clean_slate(threads=1, seed=3):
        first = surroundings()
        os.environ["LEFT_BEHIND"] = "1"
        os.chdir("/")
        torch.set_num_threads(2)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(False)
        torch.backends.cuda.enable_flash_sdp(False)
        numpy.seterr(all="raise")
        torch.rand(1000), random.random(), numpy.random.rand(3)
    assert "LEFT_BEHIND" not in os.environ and Path.cwd() != Path("/")
    with clean_slate(threads=1, seed=3):
        assert surroundings() == first


def test_random_streams_go_on_after_a_cell_as_if_there_had_been_none():
    streams = random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state()
    with clean_slate(threads=1, seed=3):
        random.random(), numpy.random.rand(), torch.rand(2)
    assert random.getstate() == streams[0]
    assert numpy.random.get_state()[1].tolist() == streams[1]
    assert torch.equal(torch.get_rng_state(), streams[2])


def test_a_cell_that_raises_leaves_nothing_either():
    folder = Path.cwd()
    try:
        with clean_slate(threads=1, seed=0):
            os.environ["LEFT_BEHIND"] = "1"
            raise KeyError("x")
    except KeyError:
        pass
    assert "LEFT_BEHIND" not in os.environ and Path.cwd() == folder


def test_memory_is_given_back_between_cells():
    sizes = []
    for cell in range(6):
        with clean_slate(threads=1, seed=cell):
            ring: list = [torch.ones(4 << 20) for _ in range(8)]
            ring.append(ring)  # a reference cycle, as hooks and closures make them
            del ring
        sizes.append(psutil.Process().memory_info().rss >> 20)
    assert sizes[-1] < sizes[0] + 64, sizes


def test_what_a_run_prints_and_warns_is_kept_to_the_last_part():
    capture = Capture(limit=40)
    with capture.listening():
        print("x" * 100)
        warnings.warn("mind the gap", stacklevel=1)
    assert "mind the gap" in capture.text() and len(capture.text()) == 40
    assert not capture.nondeterministic


def test_operations_without_a_deterministic_kernel_are_named():
    capture = Capture()
    with capture.listening():
        warnings.warn(
            "scatter_foo does not have a deterministic implementation, but you set. More.",
            stacklevel=1,
        )
    assert capture.nondeterministic == [
        "scatter_foo does not have a deterministic implementation, but you set"
    ]


def test_of_a_run_that_prints_without_end_the_last_of_it_is_kept():
    capture = Capture(limit=100)
    with capture.listening():
        for number in range(10_000):
            print(number)
    assert capture.text().endswith("9998\n9999\n") and len(capture.text()) == 100
    assert len(capture._buffer.getvalue()) <= 200
