"""Folders of 16-bit PNG slices as CT series: pixel = HU + 32768, as DINO-X stores them.

A folder is one series. A PNG says nothing of the patient, so slices are taken as they are drawn
(sternum above, the patient's right on the left) and in the natural order of their names ("2"
before "10") from feet to head; spacing and positions are unknown. A number missing from the names
is a gap.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Num
from PIL import Image

from trainables.ct.ingest.series import Plane, Series, Skip, Unreadable, said

HU_OFFSET = 32768
BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # what PIL raises


def png_series(paths: Iterable[Path], root: Path) -> tuple[list[Series], list[Skip]]:
    """One series per folder, named by its path below `root`, and files that are no slices."""
    series, skipped = [], []
    for folder, files in groupby(sorted(paths), key=lambda path: path.parent):
        sizes: dict[Path, tuple[int, int]] = {}
        for path in files:
            try:
                sizes[path] = _size(path)
            except Unreadable as reason:
                skipped.append(Skip(path, str(reason)))
        if not sizes:
            continue
        (size, _), *_ = sorted(Counter(sizes.values()).items(), key=lambda s: (-s[1], s[0]))
        odd = [path for path, other in sizes.items() if other != size]
        skipped += [Skip(path, f"not {size[0]} x {size[1]} px as its folder") for path in odd]
        kept = sorted((path for path in sizes if sizes[path] == size), key=_natural)
        series.append(_series(kept, folder.relative_to(root).as_posix(), size))
    return series, skipped


def _size(path: Path) -> tuple[int, int]:
    """Height and width of a 16-bit greyscale PNG."""
    try:
        with Image.open(path) as image:
            if not (image.mode.startswith("I;16") or image.mode == "I"):
                raise Unreadable(f"PNG of mode {image.mode}, not 16-bit grey, cannot hold HU")
            return image.height, image.width
    except BROKEN as error:
        raise Unreadable("not a readable PNG file") from error


def _series(paths: list[Path], name: str, size: tuple[int, int]) -> Series:
    planes = [
        Plane(place, path, lambda path=path: _hu(path))
        for path, place in zip(paths, _places([path.stem for path in paths]), strict=True)
    ]
    unknown = float("nan")
    return Series(
        name=name,
        scan=name,
        kind="png",
        source=paths[0].parent,
        height=size[0],
        width=size[1],
        row_mm=unknown,
        column_mm=unknown,
        slice_mm=unknown,
        corner_mm=(unknown, unknown),
        oblique_degrees=0.0,
        planes=lambda: planes,
    )


def _hu(path: Path) -> Num[np.ndarray, "height width"]:
    try:
        with Image.open(path) as image:
            return np.asarray(image).astype(np.int32) - HU_OFFSET
    except BROKEN as error:
        raise Unreadable(f"its pixels cannot be read: {said(error, path)}") from error


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Sorts "slice_2" before "slice_10"."""
    parts = re.split(r"(\d+)", path.stem.lower())
    return [int(part) if part.isdigit() else part for part in parts], path.name


def _places(stems: list[str]) -> list[float]:
    """The numbers that end the names where they count slices, else the rank.

    They count slices when they rise and fill at least half their range: hashes do not.
    """
    rank = [float(i) for i in range(len(stems))]
    found = [re.search(r"^(\D*|.*\D)(\d+)\D*$", stem) for stem in stems]
    if len(stems) < 2 or None in found or len({match[1] for match in found if match}) > 1:
        return rank
    numbers = np.array([float(match[2]) for match in found if match])
    steps = np.diff(numbers)
    if steps.min() <= 0 or steps.sum() > 2 * len(steps) * steps.min():
        return rank
    return numbers.tolist()
