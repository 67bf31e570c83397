"""Global streams as functions of a key, for what takes no generator.

`nn.Dropout`, a layer's own initialisation, an augmentation that calls `random`, and a DataLoader
draw from streams that belong to the process: an arm that draws once more shifts every later draw,
and a resumed run finds other ones. Inside `keyed` the streams are those of the key alone, and
outside they are as they were.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainables.draws import digest


@contextmanager
def keyed(*key: int | str) -> Iterator[None]:
    """Draws of the body are a function of the key alone, such as (seed, "dropout", step).

    Torch's global stream, those of its GPUs where any is in use, numpy's and Python's begin from a
    digest of the key, and go on behind the body from where they were before it, also when it
    raises. It may be nested, and serves as a decorator too. Streams belong to the process: other
    threads that draw meanwhile draw from these.

    Raises:
        ValueError: For a key of nothing.
    """
    if not key:
        raise ValueError('keyed: must have a key, such as (seed, "dropout", step), got none')
    begin, numpy = digest(*key), sys.modules.get("numpy")  # torch has loaded it where there is one
    before, first = torch.get_rng_state(), torch.initial_seed()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    python, of_numpy = random.getstate(), numpy and numpy.random.get_state(legacy=False)
    try:
        _seed(begin)
        random.seed(begin)
        if numpy:
            numpy.random.seed([begin >> 32, begin % 2**32])  # which takes words of 32 bits
        yield
    finally:
        # A GPU that only the body made use of is as if it had been there when torch was seeded.
        torch.cuda.set_rng_state_all(gpus) if gpus else _seed_gpus(first)
        torch.set_rng_state(before)
        random.setstate(python)
        if numpy and of_numpy:
            numpy.random.set_state(of_numpy)


def _seed(begin: int) -> None:
    """Not by `torch.manual_seed`, which seeds further kinds of device that are not given back."""
    torch.default_generator.manual_seed(begin)
    _seed_gpus(begin)


def _seed_gpus(begin: int) -> None:
    """Now, or once one is in use; where there are none torch would take milliseconds to note it."""
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(begin)
