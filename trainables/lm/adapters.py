"""Linear maps that are frozen at random, with a scale and a shift per output that train.

As in openai/parameter-golf #1195, a map is the orthogonal factor of a Gaussian matrix. There
ADAPTER_RANK put a product of two thin orthonormal factors in its place, so a larger rank meant a
narrower frozen map than none, and no option unfroze anything. As meant, the rank is that of a
trained term, as in #1870 (W + U V with U zero at first), and rows of the map may train.
Shape letters: O outputs, F inputs, R rank, U rows that train.
"""

from math import ceil

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from trainables.lm.config import AdaptersConfig, LmConfig


def linear(cfg: LmConfig, inputs: int, outputs: int) -> nn.Module:
    """A linear map of a block, without bias: trained, or frozen with adapters."""
    if not cfg.adapters.enabled:
        return nn.Linear(inputs, outputs, bias=False)
    return AdaptedLinear(cfg.adapters, inputs, outputs)


class AdaptedLinear(nn.Module):
    """A frozen orthogonal map, scaled and shifted per output."""

    def __init__(self, cfg: AdaptersConfig, inputs: int, outputs: int):
        super().__init__()
        thin = cfg.rank if cfg.as_run else 0
        shapes = [(outputs, thin), (thin, inputs)] if thin else [(outputs, inputs)]
        self.frozen = len(shapes)
        for number, shape in enumerate(shapes):
            self.register_buffer(f"frozen_{number}", torch.empty(shape))
        self.scale = nn.Parameter(torch.empty(outputs))
        self.shift = nn.Parameter(torch.empty(outputs))
        self.rank, self.unfrozen = cfg.rank, cfg.unfrozen_fraction  # as run, read no more
        self.progressive = cfg.progressive
        self.progress = 1.0  # of the run, told before each step
        if cfg.as_run:
            self.rank, self.unfrozen = 0, 0.0
        if self.rank:
            self.factor_in = nn.Parameter(torch.empty(self.rank, inputs))
            self.factor_out = nn.Parameter(torch.empty(outputs, self.rank))
        if self.unfrozen:
            self.change = nn.Linear(inputs, ceil(self.unfrozen * outputs), bias=False)

    def forward(self, x: Float[Tensor, "*B F"]) -> Float[Tensor, "*B O"]:
        """The map with its adapters."""
        y = x
        for number in reversed(range(self.frozen)):
            y = F.linear(y, self.get_buffer(f"frozen_{number}"))
        if self.rank:
            y = y + F.linear(F.linear(x, self.factor_in), self.factor_out)
        if self.unfrozen:
            change = self.change(x) * self._awake()
            y = y + F.pad(change, (0, y.shape[-1] - change.shape[-1]))
        return y * self.scale + self.shift

    def _awake(self) -> Float[Tensor, " U"]:
        """1 for the rows that train by now, 0 for those that still wait; all wake by the end."""
        rows = self.change.out_features
        awake = ceil(self.progress * rows) if self.progressive else rows
        return (torch.arange(rows, device=self.change.weight.device) < awake).float()


def start_frozen(name: str, buffer: Tensor, generator: Generator) -> None:
    """Fills a frozen map with a matrix of orthonormal rows or columns."""
    nn.init.orthogonal_(buffer, generator=generator)
