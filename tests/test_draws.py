"""Draws are functions of their key and of nothing else."""

import pytest
import torch
from torch import nn

from trainables.draws import batch_rows, generator, initialise, uniform


def test_a_draw_depends_on_seed_purpose_and_step():
    keys = [(0, "crop", 5), (1, "crop", 5), (0, "flip", 5), (0, "crop", 6)]
    drawn = [uniform(0.0, 1.0, (4,), *key) for key in keys]
    assert torch.equal(drawn[0], uniform(0.0, 1.0, (4,), 0, "crop", 5))
    assert all(not torch.equal(drawn[0], other) for other in drawn[1:])


def test_draws_leave_the_global_stream_alone():
    before = torch.random.get_rng_state()
    uniform(-2.0, 3.0, (7,), 0, "crop")
    batch_rows(11, 3, 0, 2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_epoch_shows_every_row_once_and_the_next_in_another_order():
    epochs = [torch.cat([batch_rows(12, 3, 7, 4 * e + i) for i in range(4)]) for e in range(2)]
    assert all(epoch.sort().values.tolist() == list(range(12)) for epoch in epochs)
    assert not torch.equal(*epochs)


def test_an_incomplete_last_batch_is_left_out():
    seen = torch.cat([batch_rows(11, 3, 7, step) for step in range(3)])
    assert len(seen.unique()) == 9


@pytest.mark.parametrize("extra", [False, True])
def test_a_parameter_starts_equal_whatever_else_the_module_has(extra):
    def law(name, parameter, draws):
        parameter.normal_(generator=draws)

    module = nn.ModuleDict({"extra": nn.Linear(5, 2)} if extra else {})
    module["kept"] = nn.Linear(3, 4)
    initialise(module, 9, law)
    expected = torch.empty(4, 3).normal_(generator=generator(9, "init", "kept.weight"))
    assert torch.equal(module["kept"].weight, expected)
