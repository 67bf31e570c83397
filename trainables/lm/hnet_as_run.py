"""The chunker that openai/parameter-golf #1191 ran: a smear of the previous token, no chunks.

A gate per position mixes the previous embedding in, about half of it at the start, and a linear map
follows. The length stays as it was; a smallest and a largest chunk were stored and never read, as
are here the two knobs that the labels of the runs speak of.
Shape letters: B windows, T tokens, D width.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trainables.lm.config import LmConfig


class Smear(nn.Module):
    """A gated mix with the previous position, then a linear map with bias."""

    def __init__(self, cfg: LmConfig):
        super().__init__()
        width = cfg.backbone.dim
        self.gate = nn.Linear(2 * width, 1)
        self.mixing = nn.Linear(width, width)
        self.max_chunk = cfg.hnet.chunk_tokens  # these two are never read again, as documented
        self.regulariser = cfg.hnet.ratio_weight

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """The same number of positions."""
        before = torch.cat((x[:, :1], x[:, :-1]), 1)
        keep = self.gate(torch.cat((before, x), -1)).sigmoid()
        return self.mixing(x + (1 - keep) * (before - x))
