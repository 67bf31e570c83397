"""Token shards as FineWeb's for language-model speed runs: a header of 1,024 bytes, then uint16.

The header is 256 little-endian int32: 20240520, version 1, the number of tokens, and zeros. The
size of a file must be exactly that.
Shape letter: N tokens.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

MAGIC, VERSION, HEADER = 20240520, 1, 256
HIGHEST = 2**16 - 1


def write_shard(path: Path, tokens: Int[Tensor, " N"]) -> None:
    """Writes one shard.

    Raises:
        ValueError: When a token does not fit into 16 bits.
    """
    if len(tokens) and not 0 <= int(tokens.min()) <= int(tokens.max()) <= HIGHEST:
        raise ValueError(
            f"shard {path.name!r}: tokens must be in 0 to {HIGHEST}; shrink the vocabulary"
        )
    header = np.zeros(HEADER, "<i4")
    header[:3] = MAGIC, VERSION, len(tokens)
    with path.open("wb") as file:
        file.write(header.tobytes())
        file.write(tokens.numpy().astype("<u2").tobytes())


def read_shards(paths: Iterable[Path]) -> Int[Tensor, " N"]:
    """The tokens of all shards, in the order of their names.

    Raises:
        ValueError: When a file is no shard, or cut off.
    """
    return torch.cat([_read(path) for path in sorted(paths)])


def _read(path: Path) -> Int[Tensor, " N"]:
    header = np.fromfile(path, "<i4", HEADER)
    if len(header) < HEADER or tuple(header[:2]) != (MAGIC, VERSION):
        got = header[:2].tolist() if len(header) == HEADER else f"{path.stat().st_size} bytes"
        raise ValueError(
            f"shard {str(path)!r}: must begin with {MAGIC} and version {VERSION} in a header of "
            f"{4 * HEADER} bytes, got {got}; write it anew with `ablate data text SOURCE --to DIR`"
        )
    size, expected = path.stat().st_size, 4 * HEADER + 2 * int(header[2])
    if size != expected:
        raise ValueError(
            f"shard {str(path)!r}: must have {expected} bytes for {header[2]} tokens, got {size}; "
            "copy it again"
        )
    return torch.from_numpy(np.fromfile(path, "<u2", offset=4 * HEADER).astype(np.int32))
