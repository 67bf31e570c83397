"""The fast selective scan against the recurrence, position by position, with its gradients."""

import pytest
import torch
from torch.nn import functional as F

from trainables.lm.scan import CHUNK, selective_scan


def recurrence(u, dt, a, b, c):
    state, out = u.new_zeros(len(u), *a.shape), []
    for t in range(u.shape[1]):
        state = (dt[:, t, None] * a).exp() * state + u[:, t, None] * b[:, t, :, None]
        out.append((c[:, t, :, None] * state).sum(1))
    return torch.stack(out, 1)


def inputs(batch, steps, channels, states, step_size=1.0):
    draws = torch.Generator().manual_seed(steps)

    def normal(*shape):
        return torch.randn(shape, generator=draws, dtype=torch.float64)

    u, b, c = normal(batch, steps, channels), *(normal(batch, steps, states) for _ in range(2))
    dt = step_size * F.softplus(normal(batch, steps, channels))
    return [x.requires_grad_() for x in (u, dt, -normal(states, channels).exp(), b, c)]


@pytest.mark.parametrize("steps", [1, CHUNK - 1, CHUNK, 2 * CHUNK + 3])
def test_outputs_and_gradients_are_those_of_the_recurrence(steps):
    given = inputs(3, steps, 5, 4)
    fast, slow = selective_scan(*given), recurrence(*given)
    assert torch.allclose(fast, slow, rtol=1e-12, atol=1e-12)
    weights = torch.randn(fast.shape, generator=torch.Generator().manual_seed(0)).double()
    for ours, theirs in zip(
        torch.autograd.grad((fast * weights).sum(), given),
        torch.autograd.grad((slow * weights).sum(), given),
        strict=True,
    ):
        assert theirs.any() or steps == 1
        assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-11)


def test_a_large_batch_is_scanned_in_lanes_with_the_same_result(monkeypatch):
    given = inputs(7, 21, 5, 4)
    whole = torch.autograd.grad(selective_scan(*given).square().sum(), given)
    monkeypatch.setattr("trainables.lm.scan.CACHE_ELEMENTS", 3 * 5 * 4)
    lanes = torch.autograd.grad(selective_scan(*given).square().sum(), given)
    assert all(torch.allclose(a, b, rtol=1e-12) for a, b in zip(whole, lanes, strict=True))


def test_steps_so_large_that_decays_vanish_give_finite_gradients():
    given = inputs(2, 40, 3, 4, step_size=1e4)
    loss = selective_scan(*given).square().sum()
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, given))
    assert torch.allclose(selective_scan(*given), recurrence(*given), rtol=1e-12, atol=1e-12)


def test_a_later_position_reaches_no_earlier_output():
    given = inputs(2, 37, 3, 4)
    before = selective_scan(*given)
    with torch.no_grad():
        given[0][:, 20] += 1
    after = selective_scan(*given)
    assert torch.equal(before[:, :20], after[:, :20])
    assert not torch.equal(before[:, 20], after[:, 20])
