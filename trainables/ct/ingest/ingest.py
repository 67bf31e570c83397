"""CT scans of any common kind, turned into one data set of int16 HU slices.

A source is a file or a folder with NIfTI volumes, DICOM series and folders of 16-bit PNG slices,
mixed, at any depth. Every series comes out in the canonical orientation (`series`), in
whole HU clipped to -1000..4000 (`spool`), split into training and validation
(`split`), as Parquet with a manifest (`write`). A lone slice is a series of
one. A series with missing slices becomes several, named NAME#1, NAME#2, so that neighbours in z
are neighbours in the patient. What is left out is in the manifest with its reason.

`hu_divisor=10` stores HU / 10, rounded: DINO-X's loader multiplied by 0.1, so that its windows
acted on a tenth of the HU. That is for repeating its results, and off.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainables.ct.ingest.find import Found, find, gathered, veiled, warnings
from trainables.ct.ingest.overlap import joined
from trainables.ct.ingest.series import Skip, Unreadable
from trainables.ct.ingest.split import Side, split
from trainables.ct.ingest.spool import HU_HIGHEST, HU_LOWEST, Part, hu_law, spooled
from trainables.ct.ingest.write import (
    CT,
    content_digest,
    write_shards,
)
from trainables.prepared import intact

ORIENTATION = "z feet to head, rows anterior to posterior, columns right to left of the patient"


def ingest_ct(
    source: Path,
    to: Path,
    *,
    hu_divisor: int = 1,
    validation_fraction: float = 0.1,
    seed: int = 0,
) -> dict[str, Any]:
    """Writes the CT data set of `source` into the folder `to` and gives back its manifest.

    Args:
        source: a file or a folder.
        to: a folder that is new, empty, or holds an ingestion: a complete one must be of the same
            content and is then left alone, a broken-off one is begun again.
        hu_divisor: what the stored values are HU divided by.
        validation_fraction: about this share of the slices validates, in (0, 0.5].
        seed: of the split.

    Raises:
        ValueError: nothing can be read, a series breaks the HU law, or `to` holds something else.
        RuntimeError: the target cannot be written.
    """
    _check(source, hu_divisor, validation_fraction)
    try:
        with CT.claimed(to) as work:
            return _ingest(source, to, work, hu_divisor, validation_fraction, seed)
    except OSError as error:
        raise RuntimeError(
            f"CT target {str(to)!r} must be writable, got {error.strerror or error}; "
            "free space there or name another folder"
        ) from error


def _check(source: Path, hu_divisor: int, validation_fraction: float) -> None:
    if not source.exists():
        raise ValueError(f"CT source {str(source)!r} must be a file or folder, got nothing there")
    if hu_divisor < 1:
        raise ValueError(f"hu_divisor must be 1, or 10 as documented, got {hu_divisor}")
    if not 0.0 < validation_fraction <= 0.5:
        raise ValueError(f"validation_fraction must be in (0, 0.5], got {validation_fraction}")


def _ingest(
    source: Path, to: Path, work: Path, hu_divisor: int, fraction: float, seed: int
) -> dict[str, Any]:
    there = CT.read_manifest(to)
    if there and there["hu_divisor"] != hu_divisor:  # known before any work
        raise ValueError(_taken(to, f"hu_divisor {there['hu_divisor']}, not {hu_divisor}"))
    found = find(source, excluding=to)
    parts, notes = joined(_decode(found, source, work))
    sides, law = split(parts, fraction, seed)
    digest = content_digest(parts, sides, hu_divisor)
    if there and there["digest"] != digest:
        raise ValueError(_taken(to, f"digest {there['digest'][:12]}, not {digest[:12]}"))
    for line in [*warnings(gathered(found.skipped, source)), *notes]:
        print(line, file=sys.stderr)
    if there and intact(to, there):
        return there
    manifest = {
        "schema": 1,
        "kind": "ct",
        "digest": digest,
        "hu_divisor": hu_divisor,
        "clipped_share": _share(sum(p.clipped for p in parts), sum(p.voxels for p in parts)),
        "hu_clip": [HU_LOWEST, HU_HIGHEST],
        "orientation": ORIENTATION,
        "split": law,
        "series": _summaries(parts, sides),
        "skipped": [
            entry | {key: veiled(str(entry[key]), found.patients) for key in ("path", "reason")}
            for entry in gathered(found.skipped, source)
        ],
        "shards": write_shards(parts, sides, hu_divisor, work),
    }
    CT.publish(work, to, manifest)
    return manifest


def _decode(found: Found, source: Path, work: Path) -> list[Part]:
    """All parts of all series in scratch files, each content once; adds to what is skipped."""
    parts: dict[str, Part] = {}
    broken: list[str] = []
    for number, series in enumerate(found.series):
        if series.kind != "dicom":  # named by a path, which may hold the patient's name
            series = replace(series, name=veiled(series.name, found.patients))
        try:
            new, skipped = spooled(series, work / f"{number:06d}.hu")
        except Unreadable as reason:
            new, skipped = [], [Skip(series.source, str(reason))]
        found.skipped.extend(skipped)
        wrong = hu_law(new[0].hu_p01) if new else None
        if wrong:
            broken.append(f"series {series.name!r}: {wrong}")
        for part in new:
            if part.pixels_sha256 in parts:
                twin = parts[part.pixels_sha256].series
                found.skipped.append(Skip(series.source, f"the same pixels as series {twin}"))
            else:
                parts[part.pixels_sha256] = part
    if broken:
        more = f", and {len(broken) - 1} more series" if len(broken) > 1 else ""
        raise ValueError(
            f"{broken[0]}{more}; store HU (PNG: HU + 32768), with the rescale slope and intercept "
            "in the header, or move what is no CT of a body out of the source"
        )
    if not parts:
        raise ValueError(_nothing(found, source))
    return list(parts.values())


def _nothing(found: Found, source: Path) -> str:
    reasons = gathered(found.skipped, source)
    first = f"{reasons[0]['path']}: {reasons[0]['reason']}" if reasons else "no file"
    first = " ".join(first.split())
    return (
        f"CT source {str(source)!r} must hold NIfTI, DICOM or 16-bit PNG slices, got none that "
        f"can be read ({first}); name a folder that does"
    )


def _taken(to: Path, difference: str) -> str:
    return (
        f"CT target {str(to)!r} must be empty or hold the same data, got another ingestion "
        f"({difference}); name another folder or empty it"
    )


def _share(count: int, of: int) -> float:
    return round(count / of, 6)


def _summaries(parts: Sequence[Part], sides: Sequence[Sequence[Side]]) -> list[dict[str, Any]]:
    """One entry per series, in the order of the rows; pieces of one scan share its number."""
    ordered = sorted(zip(parts, sides, strict=True), key=lambda pair: pair[0].series)
    scans = list(dict.fromkeys(part.scan for part, _ in ordered))
    return [_summary(part, labels) | {"scan": scans.index(part.scan)} for part, labels in ordered]


def _summary(part: Part, sides: Sequence[Side]) -> dict[str, Any]:
    _, height, width = part.shape
    spacing = (part.row_mm, part.column_mm, part.slice_mm)
    whole = len(set(sides)) == 1
    return {
        "series": part.series,
        "slices": part.slices,
        "height": height,
        "width": width,
        "split": sides[0] if whole else _ranges(sides),
        "spacing_mm": [mm if math.isfinite(mm) else None for mm in spacing],
        "hu_p01": part.hu_p01,
        "clipped_share": _share(part.clipped, part.voxels),
        "padding_share": _share(part.padding, part.voxels),
        "oblique_degrees": part.oblique_degrees,
        "source_kind": part.kind,
    }


def _ranges(sides: Sequence[Side]) -> dict[str, list[list[int]]]:
    """Where each side holds, as z from and z before which it ends."""
    ranges: dict[str, list[list[int]]] = {}
    for z, side in enumerate(sides):
        if z and sides[z - 1] == side:
            ranges[side][-1][1] = z + 1
        else:
            ranges.setdefault(side, []).append([z, z + 1])
    return ranges
