"""Bits per byte, exactly: nats over the bytes that the very same targets stand for.

No share of bytes per token is assumed anywhere, since it differs between texts and tokenizers.
Uniform prediction over V pieces gives log2(V) / bytes per token.
Shape letters: B windows, T tokens, V vocabulary, N tokens and W windows of a text.
"""

from collections.abc import Callable
from math import log, log2

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor
from torch.nn import functional as F

from trainables.lm.tokenizer import PieceBytes

Logits = Callable[[Int64[Tensor, "B T"]], Float[Tensor, "B T V"]]


def windows(
    tokens: Int[Tensor, " N"], length: int, most: int = 0
) -> tuple[Int64[Tensor, "W T"], Int64[Tensor, "W T"]]:
    """Inputs and targets in consecutive windows that share no target; what is left over is not.

    With `most` above 0, windows of about so many tokens, spread evenly over the text.
    """
    count = window_count(tokens, length)
    rows = torch.arange(count)
    if most and most // length < count:
        rows = torch.linspace(0, count - 1, max(1, most // length)).long()
    return window_rows(tokens, rows, length)


def window_count(tokens: Int[Tensor, " N"], length: int) -> int:
    """How many windows a text has.

    Raises:
        ValueError: When it is shorter than one.
    """
    count = (len(tokens) - 1) // length
    if count < 1:
        raise ValueError(
            f"text: must have more than {length} tokens (sequence) on each side of the split, got "
            f"{len(tokens)}; give more text or a shorter sequence"
        )
    return count


def window_rows(
    tokens: Int[Tensor, " N"], rows: Int64[Tensor, " B"], length: int
) -> tuple[Int64[Tensor, "B T"], Int64[Tensor, "B T"]]:
    """Inputs and targets of the windows with these numbers."""
    places = rows[:, None] * length + torch.arange(length)
    return tokens[places].long(), tokens[places + 1].long()


def bits_per_byte(
    logits: Logits,
    inputs: Int64[Tensor, "W T"],
    targets: Int64[Tensor, "W T"],
    pieces: PieceBytes,
    batch: int,
) -> dict[str, float]:
    """The score over all windows, and what it is made of; `_chance` is of uniform prediction."""
    nats, vocab = torch.zeros((), dtype=torch.float64, device=inputs.device), 1
    for some, wanted in zip(inputs.split(batch), targets.split(batch), strict=True):
        scores = logits(some)
        vocab = scores.shape[-1]
        nats += F.cross_entropy(scores.flatten(0, 1).float(), wanted.flatten(), reduction="sum")
    size, tokens = pieces.count(inputs.cpu(), targets.cpu()), targets.numel()
    return {
        "val/bpb": float(nats) / log(2) / size,
        "val/bpb_chance": tokens * log2(vocab) / size,
        "val/loss_nats": float(nats) / tokens,
        "val/tokens": tokens,
        "val/bytes": size,
    }
