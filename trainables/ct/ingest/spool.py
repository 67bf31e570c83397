"""Series decoded one slice at a time into a scratch file, with the law of Hounsfield units checked.

A chest or any body in a scanner is surrounded by air, so the first percentile of a real CT lies
near -1000 HU; where it does not, the rescale was lost or the file is no CT. Values are clipped to
-1000..4000. Below -1500 HU there is no matter, only the marks of pixels outside the field of view:
they become air like the rest of what is clipped, but have no say in the percentile.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Int16, Num

from trainables.ct.ingest.series import (
    SPACING_DECIMALS,
    Kind,
    Series,
    Skip,
    Unreadable,
    unbroken,
)

HU_LOWEST, HU_HIGHEST = -1000, 4000
HU_PADDING = -1500  # below it only marks
HU_AIR_P01 = -300


@dataclass(frozen=True, slots=True)
class Part:
    """An unbroken series in the scratch file: what becomes one series of the data set."""

    series: str
    scan: str  # parts that share it stay on one side of a split by series
    kind: Kind
    places: Float[np.ndarray, " n"]
    row_mm: float
    column_mm: float
    slice_mm: float
    corner_mm: tuple[float, float]
    oblique_degrees: float
    hu_p01: float  # of the series before it was cut at gaps
    clipped: int  # voxels, padding included
    padding: int
    pixels_sha256: str
    shape: tuple[int, int, int]  # slices, rows, columns
    scratch: Path
    first: int  # of its slices in the scratch file

    @property
    def hu(self) -> Int16[np.ndarray, "n height width"]:
        """Clipped HU, mapped anew each time: a thousand open maps are too many open files."""
        offset = self.first * self.shape[1] * self.shape[2] * 2
        return np.memmap(self.scratch, dtype="<i2", mode="r", offset=offset, shape=self.shape)

    @property
    def voxels(self) -> int:
        """How many it has."""
        return math.prod(self.shape)

    @property
    def slices(self) -> int:
        """How many it has."""
        return self.shape[0]

    @property
    def positions_mm(self) -> Float[np.ndarray, " n"]:
        """Along the slice normal towards the head; nan if the source does not say."""
        return self.places if math.isfinite(self.row_mm) else np.full(len(self.places), np.nan)


def spooled(series: Series, scratch: Path) -> tuple[list[Part], list[Skip]]:
    """The unbroken parts of the series, and slices that cannot be read."""
    places, clipped, padding, skipped = [], [], [], []
    counts = np.zeros(HU_HIGHEST - HU_PADDING + 1, dtype=np.int64)
    with scratch.open("wb") as file:
        for plane in series.planes():
            try:
                hu = _whole_hu(plane.read(), series)
            except Unreadable as reason:
                skipped.append(Skip(plane.source, str(reason)))
                continue
            matter = np.minimum(hu[hu >= HU_PADDING], HU_HIGHEST).astype(np.int64)
            counts += np.bincount(matter - HU_PADDING, minlength=len(counts))
            clipped.append(int(((hu < HU_LOWEST) | (hu > HU_HIGHEST)).sum()))
            padding.append(int((hu < HU_PADDING).sum()))
            np.clip(hu, HU_LOWEST, HU_HIGHEST).astype("<i2").tofile(file)
            places.append(plane.place)
    if not places:
        return [], skipped
    shape = (len(places), series.height, series.width)
    whole = Part(
        series=series.name,
        scan=series.scan,
        kind=series.kind,
        places=np.array(places),
        row_mm=series.row_mm,
        column_mm=series.column_mm,
        slice_mm=series.slice_mm,
        corner_mm=series.corner_mm,
        oblique_degrees=series.oblique_degrees,
        hu_p01=_first_percentile(counts),
        clipped=0,
        padding=0,
        pixels_sha256="",
        shape=shape,
        scratch=scratch,
        first=0,
    )
    return _cut(whole, clipped, padding), skipped


def hu_law(p01: float) -> str | None:
    """What is wrong with a series of this first percentile, or None."""
    if p01 < HU_AIR_P01:
        return None
    value = f"{p01:.0f} HU" if math.isfinite(p01) else f"no voxel above {HU_PADDING} HU"
    return f"the 1st percentile must be below {HU_AIR_P01} HU (some air), got {value}"


def _whole_hu(values: Num[np.ndarray, "h w"], series: Series) -> Num[np.ndarray, "h w"]:
    """The slice in whole HU, if it is one of this series."""
    if values.shape != (series.height, series.width):
        raise Unreadable(f"{values.shape} pixels, its header says otherwise")
    if not np.isfinite(values).all():
        raise Unreadable("values that are not finite")
    return np.rint(values)


def _first_percentile(counts: Int[np.ndarray, " hu"]) -> float:
    """The HU that 1 % of the matter does not exceed; nan without matter."""
    if not counts.any():
        return math.nan
    return float(np.searchsorted(np.cumsum(counts), 0.01 * counts.sum()) + HU_PADDING)


def _cut(whole: Part, clipped: list[int], padding: list[int]) -> list[Part]:
    """The series cut where slices are missing, with what is counted and summed for each part."""
    cuts, pixels = unbroken(whole.places), whole.hu
    return [
        replace(
            whole,
            series=whole.series if len(cuts) == 1 else f"{whole.series}#{number}",
            places=whole.places[cut],
            slice_mm=_slice_mm(whole, whole.places[cut]),
            clipped=sum(clipped[cut]),
            padding=sum(padding[cut]),
            pixels_sha256=_sha256(pixels[cut]),
            shape=pixels[cut].shape,
            first=cut.start,
        )
        for number, cut in enumerate(cuts, start=1)
    ]


def _slice_mm(whole: Part, places: Float[np.ndarray, " n"]) -> float:
    """The usual step between slices; for a lone one what its header says."""
    if not math.isfinite(whole.row_mm) or len(places) == 1:
        return whole.slice_mm
    return round(float(np.median(np.diff(places))), SPACING_DECIMALS)


def _sha256(pixels: Int16[np.ndarray, "n height width"]) -> str:
    digest = hashlib.sha256(repr(pixels.shape).encode())
    for plane in pixels:
        digest.update(plane.tobytes())
    return digest.hexdigest()
