"""Which slices train and which validate: whole scans, or a stretch of z where scans are too few.

Series of one study, and pieces cut from one volume, are one scan. If no choice of whole scans comes
near the wanted share then each scan is split by z: a block of it validates, parted from training
by a gap, at the same height in all its series. The hash that decides is of the pixels, so a
renamed or moved file stays on its side.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from trainables.ct.ingest.spool import Part

Side = Literal["train", "validation", "gap"]
Law = dict[str, str | int | float | None]
GAP_MM = 5.0
GAP_SLICES = 2  # so that no (z-1, z, z+1) input of one side has a slice of the other
LEAST_SLICES = GAP_SLICES + 2


def split(parts: Sequence[Part], fraction: float, seed: int) -> tuple[list[list[Side]], Law]:
    """A side for every slice of every part, and how it was decided."""
    scans: dict[str, list[Part]] = {}
    for part in parts:
        scans.setdefault(part.scan, []).append(part)
    law: Law = {"by": "series", "validation_fraction": fraction, "seed": seed, "gap": 0}
    held_out = _held_out(scans, fraction, seed)
    validating = sum(part.slices for scan in held_out for part in scans[scan])
    if validating >= fraction / 2 * sum(part.slices for part in parts):
        return [_whole(part, part.scan in held_out) for part in parts], law
    sides, gaps = _by_z(scans, fraction, seed)
    slices, mm = min(gaps, key=lambda gap: gap[0])
    return [sides[part.series] for part in parts], law | {"by": "z", "gap": slices, "gap_mm": mm}


def _whole(part: Part, validates: bool) -> list[Side]:
    side: Side = "validation" if validates else "train"
    return [side] * part.slices


def _held_out(scans: Mapping[str, Sequence[Part]], fraction: float, seed: int) -> set[str]:
    """Scans whose hash falls below the fraction.

    Few scans may all miss it, so more are taken in the order of their hashes until half the wanted
    slices are there; a scan that would leave training less than half of all is passed over.
    """
    draws = {scan: _draw(parts, seed) for scan, parts in scans.items()}
    slices = {scan: sum(part.slices for part in parts) for scan, parts in scans.items()}
    total, taken, chosen = sum(slices.values()), 0, set[str]()
    for scan in sorted(scans, key=lambda scan: draws[scan]):
        wanted = draws[scan] < fraction or taken < fraction * total / 2
        if wanted and taken + slices[scan] <= total / 2:
            chosen.add(scan)
            taken += slices[scan]
    return chosen


def _by_z(
    scans: Mapping[str, Sequence[Part]], fraction: float, seed: int
) -> tuple[dict[str, list[Side]], list[tuple[int, float | None]]]:
    """Sides per series, and the gap of each scan that was split in slices and mm."""
    sides: dict[str, list[Side]] = {}
    gaps = []
    for parts in scans.values():
        longest = max(parts, key=lambda part: part.slices)
        if longest.slices < LEAST_SLICES:
            sides |= {part.series: _whole(part, validates=False) for part in parts}
            continue
        step = float(np.diff(longest.places).max())
        known = math.isfinite(longest.row_mm)
        gap = _gap_slices(longest.slices, step if known else 1.0)
        gaps.append((gap, round(gap * step, 3) if known else None))
        low, high = _block(parts, fraction, gap, seed)
        margin = gap * step * 1.001  # headers round
        sides |= {part.series: _sides(part.places, low, high, margin) for part in parts}
    if not (gaps and any("train" in labels for labels in sides.values())):
        longest = max((part for parts in scans.values() for part in parts), key=lambda p: p.slices)
        raise ValueError(
            f"series {longest.series!r}: a single scan is split by z, with a gap of "
            f"{GAP_SLICES} slices or more, and must have at least {LEAST_SLICES}, got "
            f"{longest.slices}; add scans or slices"
        )
    return sides, gaps


def _gap_slices(slices: int, step_mm: float) -> int:
    """Enough for 5 mm, a tenth of the slices at most, but never below 2."""
    return max(GAP_SLICES, min(math.ceil(GAP_MM / step_mm), slices // 10))


def _block(parts: Sequence[Part], fraction: float, gap: int, seed: int) -> tuple[float, float]:
    """Lowest and highest place that validates."""
    places = np.sort(np.concatenate([part.places for part in parts]))
    block = max(1, round(fraction * len(places)))
    if len(places) - block - 2 * gap * len(parts) >= len(places) / 2:
        start = math.floor(_draw(parts, seed) * (len(places) - block + 1))
    else:
        start = len(places) - block  # at the head, where one gap is enough
    return float(places[start]), float(places[start + block - 1])


def _sides(places: np.ndarray, low: float, high: float, margin: float) -> list[Side]:
    """Validation within the block, gap within the margin of it, training beyond."""

    def side(place: float) -> Side:
        if low <= place <= high:
            return "validation"
        return "gap" if low - margin <= place <= high + margin else "train"

    return [side(place) for place in places.tolist()]


def _draw(parts: Sequence[Part], seed: int) -> float:
    """A number in [0, 1) that belongs to these pixels and the seed."""
    key = f"{seed}:{min(part.pixels_sha256 for part in parts)}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48
