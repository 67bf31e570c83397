"""The nouns of CT ingestion and the one orientation that every source is brought to.

A volume is (slice, row, column): slices ascend from feet to head, rows run from anterior to
posterior, columns from the patient's right to the left. A slice drawn as it is stored is the usual
radiological picture: sternum above, spine below, the patient's right on the viewer's left. World
coordinates are DICOM's (LPS: x to the left, y to posterior, z to the head), in mm. `row_mm` is the
distance between neighbouring rows, `column_mm` between neighbouring columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Num
from nibabel import orientations

Kind = Literal["dicom", "nifti", "png"]
PLACE_DECIMALS = 3  # positions to a micrometre, so that float32 and decimal headers agree
SPACING_DECIMALS = 4


class Unreadable(Exception):
    """A file or slice that cannot be taken; its text is the reason that the manifest states."""

    def __init__(self, reason: str):
        super().__init__(" ".join(reason.split()))  # one line, whatever a library or header says


@dataclass(frozen=True, slots=True)
class Skip:
    """A file, or a folder of them, that was left out."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Plane:
    """One axial slice that has not been decoded yet."""

    place: float  # along z towards the head: mm, or the slice's number where mm are unknown
    source: Path
    read: Callable[[], Num[np.ndarray, "height width"]]  # HU in canonical orientation


@dataclass(frozen=True, slots=True)
class Series:
    """One scan before its pixels are read; `planes` opens it and may raise `Unreadable`."""

    name: str  # series UID, or path relative to the source
    scan: str  # series that share it stay on one side of the split
    kind: Kind
    source: Path
    height: int
    width: int
    row_mm: float  # nan where the source does not say
    column_mm: float
    slice_mm: float  # of a lone slice; between slices the places tell
    corner_mm: tuple[float, float]  # LPS x of column 0 and y of row 0 in the lowest slice
    oblique_degrees: float  # largest angle between an axis and its patient axis
    planes: Callable[[], Sequence[Plane]]  # in ascending place


@dataclass(frozen=True, slots=True)
class Frame:
    """How an array lies in the patient, and what brings it to the canonical orientation."""

    affine: Float[np.ndarray, "4 4"]  # canonical (column, row, slice) index to LPS mm
    orientation: Float[np.ndarray, "3 2"]  # nibabel's: axis and flip per array axis

    @property
    def row_mm(self) -> float:
        """Distance between neighbouring rows."""
        return _length_mm(self.affine[:3, 1])

    @property
    def column_mm(self) -> float:
        """Distance between neighbouring columns."""
        return _length_mm(self.affine[:3, 0])

    @property
    def slice_mm(self) -> float:
        """Distance between neighbouring slices along their normal."""
        return round(float(self.normal @ self.affine[:3, 2]), SPACING_DECIMALS)

    @property
    def normal(self) -> Float[np.ndarray, "3"]:
        """Unit normal of the slices, towards the head."""
        cross = np.cross(self.affine[:3, 0], self.affine[:3, 1])
        return cross / np.linalg.norm(cross)

    @property
    def corner_mm(self) -> tuple[float, float]:
        """LPS x of column 0 and y of row 0 in the lowest slice."""
        return float(self.affine[0, 3]), float(self.affine[1, 3])

    @property
    def oblique_degrees(self) -> float:
        """Largest angle between an array axis and the patient axis it stands for."""
        axes = np.column_stack([self.affine[:3, 0], self.affine[:3, 1], self.normal])
        cosines = np.abs(np.diag(axes)) / np.linalg.norm(axes, axis=0)
        return round(float(np.degrees(np.arccos(min(1.0, cosines.min())))), 2)

    def place(self, index: int) -> float:
        """Where slice `index` lies along the normal, in mm."""
        point = self.affine[:3, 3] + index * self.affine[:3, 2]
        return round(float(self.normal @ point), PLACE_DECIMALS)

    def arrange(self, array: Num[np.ndarray, "i j k"]) -> Num[np.ndarray, "slice row column"]:
        """A view of the array in canonical orientation."""
        return orientations.apply_orientation(array, self.orientation).transpose(2, 1, 0)


def said(error: Exception, path: Path) -> str:
    """What a library says of a file, without the folders that the file lies in."""
    return str(error).replace(str(path), path.name) or type(error).__name__


def frame(affine_lps: Float[np.ndarray, "4 4"], shape: tuple[int, int, int]) -> Frame:
    """The frame of an array of this shape whose indices the affine takes to LPS mm."""
    if not np.isfinite(affine_lps).all() or abs(np.linalg.det(affine_lps[:3, :3])) < 1e-9:
        raise Unreadable("its orientation is degenerate: an axis has no length or direction")
    orientation = orientations.io_orientation(affine_lps)
    return Frame(affine_lps @ orientations.inv_ornt_aff(orientation, shape), orientation)


def unbroken(places: Float[np.ndarray, " n"]) -> list[slice]:
    """Stretches without a gap, in order.

    A step is a gap when it is more than 1.5 times a neighbouring step: a lost slice doubles it,
    rounded headers never reach that, and a scan that goes from thin to thick slices breaks once.
    """
    steps = np.diff(places)
    padded = np.concatenate([[np.inf], steps, [np.inf]])
    gaps = np.flatnonzero(steps > 1.5 * np.minimum(padded[:-2], padded[2:])) + 1
    edges = [0, *gaps.tolist(), len(places)]
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _length_mm(vector: Float[np.ndarray, "3"]) -> float:
    return round(float(np.linalg.norm(vector)), SPACING_DECIMALS)
