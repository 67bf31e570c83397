"""Random draws as functions of a key, so that no stream is carried along and none is saved.

A draw is keyed by (seed, purpose, step): arms at one seed share all draws that they have in common,
and a resumed run needs no generator state. Draws are made on the host and moved where they are used
(a step needs a few hundred numbers), so that one seed means the same draws on every device. Nothing
here touches torch's global stream.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

import torch
from jaxtyping import Int64
from torch import Generator, Tensor, nn


def digest(*key: int | str) -> int:
    """63 bits, which is what torch takes, that are a function of the key in every process."""
    told = blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(told) >> 1


def generator(*key: int | str) -> Generator:
    """A generator that is a function of the key alone, such as (seed, "crop", step)."""
    return Generator().manual_seed(digest(*key))


def uniform(low: float, high: float, shape: tuple[int, ...], *key: int | str) -> Tensor:
    """Numbers uniform in [low, high), a function of the key alone."""
    return torch.rand(shape, generator=generator(*key)) * (high - low) + low


def batch_rows(
    rows: int, batch: int, seed: int, step: int, purpose: str = "order", drop_last: bool = True
) -> Int64[Tensor, " B"]:
    """The rows of one training batch: each epoch is a permutation.

    The incomplete rest of an epoch is left out, or its last batch is smaller.
    """
    epoch, place = divmod(step, rows // batch if drop_last else -(-rows // batch))
    return _permutation(rows, seed, purpose, epoch)[place * batch : (place + 1) * batch]


@lru_cache(maxsize=4)
def _permutation(rows: int, seed: int, purpose: str, epoch: int) -> Int64[Tensor, " N"]:
    return torch.randperm(rows, generator=generator(seed, purpose, epoch))


def initialise(
    module: nn.Module, seed: int, law: Callable[[str, Tensor, Generator], object]
) -> None:
    """Overwrite every parameter in place; each has its own stream, keyed by (seed, "init", name).

    A parameter keeps its values when others are added, removed or reordered.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            law(name, parameter, generator(seed, "init", name))
