"""A selective state-space layer in the place of attention, after Gu & Dao, arXiv 2312.00752.

As in openai/parameter-golf #1197, step sizes come from a full linear map and not from one of low
rank. There the convolution, whose weight has three axes, was in no optimizer group, and rates of
decay were orthogonalised with the matrices; step sizes began near .7 and not at Mamba's .001 to .1.
Shape letters: B windows, T tokens, D width, I inner width, S states.
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from trainables.lm.config import LmConfig
from trainables.lm.scan import selective_scan

CONV = 4  # positions
RATES = ".rate_log"  # end of the name of the rates of decay
DT_LOW, DT_HIGH = 1e-3, 1e-1  # section 3.6 of the paper


class StateSpace(nn.Module):
    """Mixes tokens by a linear recurrence whose coefficients depend on the token."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        width, states = cfg.backbone.dim, cfg.ssm.states
        inner = cfg.ssm.expand * width
        self.inward = nn.Linear(width, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, CONV, groups=inner, padding=CONV - 1)
        self.dt = nn.Linear(inner, inner)
        self.b = nn.Linear(inner, states, bias=False)
        self.c = nn.Linear(inner, states, bias=False)
        self.rate_log = nn.Parameter(torch.empty(inner, states))
        self.past = nn.Parameter(torch.empty(inner))
        self.out = nn.Linear(inner, width, bias=False)

    def forward(self, x: Float[Tensor, "B T D"], causal: bool) -> Float[Tensor, "B T D"]:
        """Each token's mix of the tokens up to it.

        Raises:
            ValueError: When it is asked to look at both sides.
        """
        if not causal:
            raise ValueError("ssm.ratio must be 0 where tokens see both sides; got a state space")
        x, gate = self.inward(x).chunk(2, -1)
        x = self.conv(x.mT)[..., : x.shape[1]].mT
        x = F.silu(x)
        dt, b, c = F.softplus(self.dt(x)), self.b(x), self.c(x)
        wide = [y.float() for y in (dt * x, dt, -self.rate_log.mT.exp().contiguous(), b, c)]
        y = selective_scan(*wide).to(x.dtype) + self.past * x
        return self.out(y * F.silu(gate))


def start_state_space(
    name: str, parameter: Tensor, generator: Generator, as_run: bool
) -> Tensor | None:
    """The values that a parameter of this layer begins with; None where it has no law of its own.

    Rates are 1 to S in every channel; as meant, step sizes begin spread evenly in their logarithm.
    """
    if name == "rate_log":
        return torch.arange(1.0, parameter.shape[-1] + 1).log().expand_as(parameter)
    if name == "dt.bias" and not as_run:
        share = torch.rand(parameter.shape, generator=generator)
        dt = DT_LOW * (DT_HIGH / DT_LOW) ** share
        return dt + (-(-dt).expm1()).log()  # softplus of it is dt
    return None
