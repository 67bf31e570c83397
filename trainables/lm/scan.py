"""The selective scan of a state-space layer, exact, with a gradient written by hand.

    h_t = exp(A dt_t) h_{t-1} + u_t B_t,    y_t = C_t . h_t,    h_0 = 0

for every channel and state, after Gu & Dao, arXiv 2312.00752, section 3. A graph of tensors of
(time, batch, state, channel) is bound by memory: each of some twenty passes leaves the cache. So
time is walked in chunks that fit into it: what does not depend on the state before is computed for
the whole chunk at once, the recurrence itself is one fused operation a position, and backward walks
the chunks from last to first, recomputing their states from the one each began with. Nothing is
approximated, nothing is divided by a decay, so any step size is safe.

A channel lies next to its neighbour in memory, and states are strided: all broadcasts are then over
long rows. Shape letters: T positions, B batch, I channels, S states.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

CHUNK = 16  # positions
CACHE_ELEMENTS = 2**15  # of (batch, state, channel) in one lane on a CPU
SERIAL_DEVICE = "cpu"  # elsewhere all lanes go at once


def selective_scan(
    u: Float[Tensor, "B T I"],
    dt: Float[Tensor, "B T I"],
    a: Float[Tensor, "S I"],
    b: Float[Tensor, "B T S"],
    c: Float[Tensor, "B T S"],
) -> Float[Tensor, "B T I"]:
    """The outputs y of the recurrence.

    Args:
        u: What enters the state, that is dt times the input in a Mamba layer.
        dt: Step sizes, at least 0.
        a: Rates of decay, below 0.
        b: How what enters is spread over the states.
        c: How the states are read.
    """
    rows = len(u)
    if u.device.type == SERIAL_DEVICE:
        rows = max(1, CACHE_ELEMENTS // a.numel())
    lanes = zip(u.split(rows), dt.split(rows), b.split(rows), c.split(rows), strict=True)
    with torch.autocast(u.device.type, enabled=False):  # a state sums up what bf16 would round
        parts = [_Scan.apply(*(x.transpose(0, 1) for x in lane), a) for lane in lanes]
    return torch.cat(parts, 1).transpose(0, 1)


class _Scan(torch.autograd.Function):
    """One lane, time first; what is saved is the input and the state at the start of each chunk."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, dt: Tensor, b: Tensor, c: Tensor, a: Tensor) -> Tensor:
        u, dt, b, c = (x.contiguous() for x in (u, dt, b, c))
        y, work = torch.empty_like(u), _Work(u, a)
        starts = u.new_zeros(-(-len(u) // CHUNK) + 1, *work.state)
        for number, at in enumerate(_chunks(len(u))):
            _, states = work.states(u[at], dt[at], b[at], a, starts[number])
            starts[number + 1] = states[-1]
            torch.matmul(c[at].unsqueeze(-2), states, out=y[at].unsqueeze(-2))
        ctx.save_for_backward(u, dt, b, c, a, starts)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        u, dt, b, c, a, starts = ctx.saved_tensors
        grad_y = grads[0].contiguous()
        grad_u, grad_dt, grad_b, grad_c = map(torch.empty_like, (u, dt, b, c))
        grad_a, work = torch.zeros_like(a), _Work(u, a)
        carried = u.new_zeros(work.state)  # gradient of the state that the chunk hands on
        for number, at in reversed(list(enumerate(_chunks(len(u))))):
            decay, states = work.states(u[at], dt[at], b[at], a, starts[number])
            grad = work.grad_states(grad_y[at], c[at], decay, carried)
            torch.matmul(states, grad_y[at].unsqueeze(-1), out=grad_c[at].unsqueeze(-1))
            torch.matmul(grad, u[at].unsqueeze(-1), out=grad_b[at].unsqueeze(-1))
            torch.matmul(b[at].unsqueeze(-2), grad, out=grad_u[at].unsqueeze(-2))
            through = grad.mul_(decay)  # to the state before, and so to the decay
            carried = through[0].clone()
            through[0].mul_(starts[number])
            through[1:].mul_(states[:-1])
            torch.mul(through, dt[at].unsqueeze(-2), out=states)  # free by now
            grad_a += states.sum((0, 1))
            torch.sum(through.mul_(a), -2, out=grad_dt[at])
        return grad_u, grad_dt, grad_b, grad_c, grad_a


class _Work:
    """Buffers of one lane that every chunk writes anew."""

    def __init__(self, u: Tensor, a: Tensor):
        self.state = (u.shape[1], *a.shape)
        self._decay, self._states, self._grad = (u.new_empty(CHUNK, *self.state) for _ in range(3))

    def states(
        self, u: Tensor, dt: Tensor, b: Tensor, a: Tensor, start: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Decays and states of one chunk."""
        decay, states = self._decay[: len(u)], self._states[: len(u)]
        torch.mul(dt.unsqueeze(-2), a, out=decay).exp_()
        torch.mul(u.unsqueeze(-2), b.unsqueeze(-1), out=states)
        before = start
        for now, rate in zip(states.unbind(), decay.unbind(), strict=True):
            before = now.addcmul_(rate, before)
        return decay, states

    def grad_states(self, grad_y: Tensor, c: Tensor, decay: Tensor, carried: Tensor) -> Tensor:
        """Gradients of the states of one chunk, given that of the state it hands on."""
        grad = self._grad[: len(grad_y)]
        torch.mul(grad_y.unsqueeze(-2), c.unsqueeze(-1), out=grad)
        grads, rates = grad.unbind(), decay.unbind()
        grads[-1].add_(carried)
        for t in range(len(grads) - 2, -1, -1):
            grads[t].addcmul_(rates[t + 1], grads[t + 1])
        return grad


def _chunks(steps: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, steps)) for start in range(0, steps, CHUNK)]
