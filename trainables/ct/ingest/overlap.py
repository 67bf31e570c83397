"""Which series are pieces of one scan, so that the split does not part a slice from its copy.

Public volumes come cut out of larger ones: two files then hold the same voxels of the same patient
under two names. Such pieces lie on one voxel grid and agree where they overlap, to a rounding.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from trainables.ct.ingest.spool import HU_LOWEST, Part

STRAIGHT_DEGREES = 1.0  # beyond it grids are not compared
GRID_TOLERANCE = 0.1  # voxels by which two grids may be off and still be one
SAMPLES = 16  # per axis
LEAST_BODY = 64  # sampled voxels with matter in them, and
LEAST_VALUES = 32  # how many different HU they show: a drawn phantom proves nothing
SAME_HU = 1  # resampling rounds
SAME_FRACTION = 0.5  # of those voxels; independent noise agrees in a few percent


def joined(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """The parts with pieces of one scan under one scan name, and a line on every such pair."""
    names = {part.scan: part.scan for part in parts}
    lines = []
    for one, other in combinations(parts, 2):
        if names[one.scan] != names[other.scan] and overlap_agrees(one, other):
            old, new = names[other.scan], names[one.scan]
            names = {scan: new if name == old else name for scan, name in names.items()}
            lines.append(f"ct: {one.series} and {other.series} hold the same voxels: one scan")
    return [replace(part, scan=names[part.scan]) for part in parts], lines


def overlap_agrees(one: Part, other: Part) -> bool:
    """Whether two series lie on one voxel grid and show the same where they overlap."""
    if max(one.oblique_degrees, other.oblique_degrees) > STRAIGHT_DEGREES:
        return False
    picks = [_overlap(*axes) for axes in zip(_axes(one), _axes(other), strict=True)]
    if any(pick is None for pick in picks):
        return False
    mine, theirs = zip(*(pick for pick in picks if pick is not None), strict=True)
    a, b = (np.asarray(p.hu[np.ix_(*at)]) for p, at in ((one, mine), (other, theirs)))
    body = (a > HU_LOWEST) & (b > HU_LOWEST)
    if body.sum() < LEAST_BODY or len(np.unique(a[body])) < LEAST_VALUES:
        return False
    same = np.abs(a[body].astype(np.int32) - b[body]) <= SAME_HU
    return bool(same.mean() >= SAME_FRACTION)


def _axes(part: Part) -> Iterator[tuple[float, float, int]]:
    """Start and step in mm and length of the slice, row and column axis."""
    slices, rows, columns = part.shape
    yield float(part.positions_mm[0]), part.slice_mm, slices
    yield part.corner_mm[1], part.row_mm, rows
    yield part.corner_mm[0], part.column_mm, columns


def _overlap(
    one: tuple[float, float, int], other: tuple[float, float, int]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Indices of some shared grid points in both, None where there is no shared grid."""
    (start, step, length), (other_start, other_step, other_length) = one, other
    offset = (start - other_start) / step
    drift = abs(step - other_step) / step * max(length, other_length)
    if not math.isfinite(offset) or abs(offset - round(offset)) + drift > GRID_TOLERANCE:
        return None
    first, last = max(0, -round(offset)), min(length, other_length - round(offset)) - 1
    if first > last:
        return None
    indices = np.unique(np.linspace(first, last, SAMPLES).round().astype(np.intp))
    return indices, indices + round(offset)
