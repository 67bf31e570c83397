"""TREAD: some tokens of the picture go around the middle blocks (arXiv 2501.04765).

After timlawrenz/prx-tg production/model.py@bc10412, lines 636-662, but for the draw: it is
a function of its key here, and there came from the stream that also feeds the noise.
Shape letters: B portraits, N tokens, V visible ones, D width.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from trainables.draws import generator
from trainables.portrait.config import TreadConfig


def visible_count(tokens: int, rate: float) -> int:
    """How many tokens the middle blocks see."""
    return tokens - int(tokens * rate)


def draw_visible(tokens: int, portraits: int, tread: TreadConfig, *key: int | str) -> Tensor | None:
    """Places of the tokens that the middle blocks see, in rising order; None for all.

    One draw for all portraits (V), or one for each (B V).
    """
    is_shared = tread.draw == "shared"
    if not tread.rate:
        return None
    stream, count = generator(*key, "route"), visible_count(tokens, tread.rate)
    if is_shared:
        return torch.randperm(tokens, generator=stream)[:count].sort().values
    order = torch.rand((portraits, tokens), generator=stream).argsort(1)
    return order[:, :count].sort(1).values


def taken(x: Float[Tensor, "B N D"], visible: Int64[Tensor, "... V"]) -> Float[Tensor, "B V D"]:
    """The visible tokens alone."""
    if visible.ndim == 1:
        return x.index_select(1, visible)
    return x.gather(1, visible[..., None].expand(-1, -1, x.shape[-1]))


def put_back(
    x: Float[Tensor, "B N D"],
    visible: Int64[Tensor, "... V"],
    further: Float[Tensor, "B V D"],
) -> Float[Tensor, "B N D"]:
    """All tokens again; those that went around are as they were."""
    if visible.ndim == 1:
        return x.index_copy(1, visible, further)
    return x.scatter(1, visible[..., None].expand_as(further), further)
