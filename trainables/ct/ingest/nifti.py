"""NIfTI volumes (.nii, .nii.gz) as CT series in canonical orientation.

The affine decides the orientation; the closest patient axes are taken, nothing is resampled.
"""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Num
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.loadsave import load
from nibabel.nifti1 import Nifti1Image
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from trainables.ct.ingest.series import Frame, Plane, Series, Skip, Unreadable, frame, said

SUFFIXES = (".nii", ".nii.gz")
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
BROKEN = (  # what nibabel raises on damaged files
    *(ImageFileError, HeaderDataError, WrapStructError, zlib.error),
    *(OSError, EOFError, ValueError, KeyError),
)


def nifti_series(paths: Iterable[Path], root: Path) -> tuple[list[Series], list[Skip]]:
    """One series per volume, named by its path below `root`, and what is no CT volume."""
    series, skipped = [], []
    for path in paths:
        try:
            series.append(_series(path, path.relative_to(root).as_posix()))
        except Unreadable as reason:
            skipped.append(Skip(path, str(reason)))
    return series, skipped


def _series(path: Path, name: str) -> Series:
    image = _open(path)
    placed = _frame(image)
    _, height, width = placed.arrange(np.empty(_shape(image))).shape
    return Series(
        name=name,
        scan=name,
        kind="nifti",
        source=path,
        height=height,
        width=width,
        row_mm=placed.row_mm,
        column_mm=placed.column_mm,
        slice_mm=placed.slice_mm,
        corner_mm=placed.corner_mm,
        oblique_degrees=placed.oblique_degrees,
        planes=lambda: _planes(path),
    )


def _open(path: Path) -> Nifti1Image:
    """The image with only its header read, if it can be CT at all."""
    try:
        image = load(path)
    except BROKEN as error:
        raise Unreadable(f"not a readable NIfTI file: {said(error, path)}") from error
    if not isinstance(image, Nifti1Image):
        raise Unreadable(f"not a NIfTI file but {type(image).__name__}")
    header, dtype = image.header, np.dtype(image.get_data_dtype())
    if dtype.kind not in "iuf":
        raise Unreadable(f"colour or complex values ({dtype}), not HU")
    if dtype.itemsize == 1:
        raise Unreadable("8-bit values cannot hold HU; a label map or a picture")
    if not (header["qform_code"] or header["sform_code"]):
        raise Unreadable("no qform and no sform, so its orientation is unknown; set one of them")
    return image


def _shape(image: Nifti1Image) -> tuple[int, int, int]:
    """The volume's shape without trailing axes of length one."""
    shape = tuple(int(n) for n in image.shape) + (1, 1)
    if any(n != 1 for n in shape[3:]) or 0 in shape:
        raise Unreadable(f"shape {image.shape} is not one volume; write one file per volume")
    return shape[0], shape[1], shape[2]


def _frame(image: Nifti1Image) -> Frame:
    if image.affine is None:
        raise Unreadable("no affine, so its orientation is unknown; set sform or qform")
    try:
        unit = MM_PER_UNIT[str(image.header.get_xyzt_units()[0])]
    except KeyError as error:
        raise Unreadable(f"unknown unit of length {error}; set xyzt_units to mm") from error
    affine = RAS_TO_LPS @ image.affine.astype(np.float64)
    affine[:3] *= unit
    return frame(affine, _shape(image))


def _planes(path: Path) -> Sequence[Plane]:
    """The slices; an uncompressed file stays on disk until each of them is read."""
    image = _open(path)
    placed, stored = _frame(image), image.dataobj
    if not isinstance(stored, ArrayProxy):
        raise Unreadable(f"its voxels are a {type(stored).__name__}, not in the file")
    try:
        raw = np.asanyarray(stored.get_unscaled()).reshape(_shape(image))
    except BROKEN as error:
        raise Unreadable(f"its voxels cannot be read: {said(error, path)}") from error
    volume = placed.arrange(raw)

    def plane(index: int) -> Plane:
        def read() -> Num[np.ndarray, "height width"]:
            return volume[index] * stored.slope + stored.inter

        return Plane(placed.place(index), path, read)

    return [plane(index) for index in range(len(volume))]
