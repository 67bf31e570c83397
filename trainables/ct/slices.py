"""CT slices as the runs read them: prepared Parquet or the phantom as one int16 tensor.

A folder is read once per process (workers are reused between cells). Sets above `RAM_BYTES` go to a
flat file inside the folder that all processes map, so a quarter of a million slices of 512 x 512
cost page cache and not memory. Slices of unlike size are padded with air; crops never reach there.
Shape letters: N slices, B batch, H and W rows and columns of the largest slice, h and w of the
largest in a batch.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Float, Int16, Int64
from torch import Tensor

from trainables.ct.phantom import HU_RANGE, PhantomConfig, phantom_series, phantom_spacing_mm

RAM_BYTES = 2 * 2**30  # larger sets are mapped from a file
DEVICE_BYTES = 8 * 2**30  # larger sets stay on the host and cross per batch
SPACING = ("slice_mm", "row_mm", "column_mm")
REMEDY = "run `ablate data ct SOURCE --to DIR`"


@dataclass(frozen=True, eq=False)
class Slices:
    """All slices of a data set and who their neighbours are."""

    hu: Int16[Tensor, "N H W"]
    below: Int64[Tensor, " N"]  # row of slice z - 1; the slice itself at the end of its series
    above: Int64[Tensor, " N"]
    height: Int64[Tensor, " N"]
    width: Int64[Tensor, " N"]
    series: Int64[Tensor, " N"]  # number of the series, in the order of the rows
    spacing_mm: Float[Tensor, "N 3"]  # along z, rows and columns; nan where the source is silent
    train: Int64[Tensor, " M"]  # rows of the training split
    validation: Int64[Tensor, " V"]
    digest: str
    hu_divisor: int = 1  # what HU were divided by when the folder was prepared

    def triplets(self, rows: Int64[Tensor, " B"]) -> Int16[Tensor, "B 3 h w"]:
        """Slices z - 1, z and z + 1 as channels, as large as the largest of these slices."""
        three = torch.stack((self.below[rows], rows, self.above[rows]), 1).flatten()
        part = self.hu[:, : int(self.height[rows].max()), : int(self.width[rows].max())]
        return part[three.to(self.hu.device, non_blocking=True)].unflatten(0, (-1, 3))

    def to(self, device: torch.device) -> "Slices":
        """The same set with its voxels on the device, if they fit there."""
        small = self.hu.nbytes <= DEVICE_BYTES
        return replace(self, hu=self.hu.to(device)) if small else self


def load_slices(folder: str, phantom: PhantomConfig) -> Slices:
    """The slices of a prepared folder, or of the phantom where `folder` is empty.

    Raises:
        ValueError: When the folder is empty, corrupt or without one of the splits.
    """
    if not folder:
        return _phantom(phantom)
    manifest = _manifest(Path(folder))
    return _read(folder, manifest["digest"], manifest.get("hu_divisor", 1))


@lru_cache(maxsize=2)
def _phantom(cfg: PhantomConfig) -> Slices:
    hu = torch.cat([phantom_series(cfg, series)[0] for series in range(cfg.series)])
    series = np.repeat(np.arange(cfg.series), cfg.slices)
    held_out = series >= cfg.series - cfg.validation_series
    side = np.full(len(hu), cfg.side_px)
    z = np.tile(np.arange(cfg.slices), cfg.series)
    digest = sha256(hu.numpy().tobytes()).hexdigest()
    spacing = torch.stack([phantom_spacing_mm(cfg, number) for number in range(cfg.series)])
    return _assemble(
        hu,
        series,
        np.where(held_out, "validation", "train"),
        z,
        side,
        side,
        spacing.numpy()[series],
        digest,
    )


@lru_cache(maxsize=2)
def _read(folder: str, digest: str, hu_divisor: int) -> Slices:
    files = sorted(Path(folder).glob("slices-*.parquet"))
    try:
        columns = {"series", "split", "z", "height", "width"}
        tables = [
            pq.read_table(
                file, columns=sorted(columns | ({*SPACING} & {*pq.read_schema(file).names}))
            )
            for file in files
        ]
        table = pa.concat_tables(tables).to_pandas() if tables else None
        if table is None or table.empty:
            raise ValueError("it has no slices")
        shape = (len(table), int(table.height.max()), int(table.width.max()))
        hu = _voxels(Path(folder), digest, files, shape)
    except (ValueError, KeyError, pa.ArrowException) as error:
        raise ValueError(
            f"data folder {folder!r}: it must hold readable slices-*.parquet files, but "
            f"{str(error).splitlines()[0]}; {REMEDY}"
        ) from error
    series, split = table.series.to_numpy(), table.split.to_numpy()
    height, width = table.height.to_numpy(), table.width.to_numpy()
    spacing = table.reindex(columns=SPACING).to_numpy(np.float32)
    slices = _assemble(hu, series, split, table.z.to_numpy(), height, width, spacing, digest)
    slices = replace(slices, hu_divisor=hu_divisor)
    if not (len(slices.train) and len(slices.validation)):
        raise ValueError(
            f"data folder {folder!r}: both splits must have slices, got {len(slices.train)} for "
            f"training and {len(slices.validation)} for validation; {REMEDY}"
        )
    return slices


def _manifest(folder: Path) -> dict:
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        kind = (manifest["schema"], manifest["kind"], bool(manifest["digest"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"data folder {str(folder)!r}: it must hold a readable manifest.json, got "
            f"{type(error).__name__}: {error}; {REMEDY}"
        ) from error
    if kind != (1, "ct", True):
        raise ValueError(
            f"data folder {str(folder)!r}: its manifest must say schema 1, kind 'ct' and a digest, "
            f"got schema {kind[0]!r}, kind {kind[1]!r}; {REMEDY}"
        )
    return manifest


def _voxels(
    folder: Path, digest: str, files: list[Path], shape: tuple[int, int, int]
) -> Int16[Tensor, "N H W"]:
    size_bytes = 2 * shape[0] * shape[1] * shape[2]
    if size_bytes <= RAM_BYTES:
        hu, row = np.empty(shape, np.int16), 0
        for block in _padded(files, shape):
            hu[row : row + len(block)] = block
            row += len(block)
        return torch.from_numpy(hu)
    flat = folder / f".voxels-{digest[:12]}-{'x'.join(map(str, shape))}.int16"
    if not flat.exists():
        draft = flat.with_suffix(f".{os.getpid()}")  # complete or absent, whoever else builds it
        try:
            with draft.open("wb") as file:
                for block in _padded(files, shape):
                    file.write(block.data)
            os.replace(draft, flat)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise RuntimeError(
                f"data folder {str(folder)!r}: {size_bytes / 2**30:.1f} GiB must be unpacked there "
                f"once, but {error}; make room or use a writable copy"
            ) from error
    return torch.from_numpy(np.memmap(flat, np.int16, "c", shape=shape))


def _padded(files: list[Path], shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """The blocks as whole rows of the set, with air right of and below smaller slices."""
    for height, width, block in _blocks(files):
        rest = ((0, 0), (0, shape[1] - height), (0, shape[2] - width))
        yield np.ascontiguousarray(np.pad(block, rest, constant_values=HU_RANGE[0]))


def _blocks(files: list[Path]) -> Iterator[tuple[int, int, np.ndarray]]:
    """Runs of slices of one size, without a copy: height, width, their voxels."""
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(256, columns=["height", "width", "hu"]):
            height, width = (batch.column(name).to_numpy() for name in ("height", "width"))
            cells = batch.column("hu").cast(pa.large_binary())
            ends = np.frombuffer(cells.buffers()[1], np.int64)[cells.offset :][: len(cells) + 1]
            if (wrong := np.diff(ends) != 2 * height.astype(np.int64) * width).any():
                at = int(wrong.argmax())
                raise ValueError(
                    f"{file.name} has {np.diff(ends)[at]} bytes for {height[at]} x {width[at]} HU"
                )
            voxels = np.frombuffer(cells.buffers()[2], "<i2", (ends[-1] - ends[0]) // 2, ends[0])
            new = np.flatnonzero(np.diff(height) | np.diff(width)) + 1
            for start, stop in zip([0, *new], [*new, len(cells)], strict=True):
                first, last = (ends[start] - ends[0]) // 2, (ends[stop] - ends[0]) // 2
                size = (int(height[start]), int(width[start]))
                yield *size, voxels[first:last].reshape(-1, *size)


def _assemble(
    hu: Tensor,
    series: np.ndarray,
    split: np.ndarray,
    z: np.ndarray,
    height: np.ndarray,
    width: np.ndarray,
    spacing_mm: np.ndarray,
    digest: str,
) -> Slices:
    rows = np.arange(len(hu))
    # Neighbours share series and split: a series split along z must not leak over its gap.
    joined = (series[1:] == series[:-1]) & (split[1:] == split[:-1]) & (z[1:] == z[:-1] + 1)
    below = rows - np.concatenate(([False], joined))
    above = rows + np.concatenate((joined, [False]))
    return Slices(
        hu=hu,
        below=torch.from_numpy(below),
        above=torch.from_numpy(above),
        height=torch.from_numpy(height.astype(np.int64)),
        width=torch.from_numpy(width.astype(np.int64)),
        series=torch.from_numpy(np.concatenate(([0], (series[1:] != series[:-1]).cumsum()))),
        spacing_mm=torch.from_numpy(np.array(spacing_mm, np.float32, order="C")),
        train=torch.from_numpy(np.flatnonzero(split == "train")),
        validation=torch.from_numpy(np.flatnonzero(split == "validation")),
        digest=digest,
    )
