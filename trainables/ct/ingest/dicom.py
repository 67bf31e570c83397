"""DICOM files, with or without an extension, as CT series in canonical orientation.

Files are grouped by SeriesInstanceUID wherever they lie and sorted by ImagePositionPatient along
the slice normal. What their values mean is in `dicom_hu`, which of several time points is taken in
`dicom_times`. Taken are single-frame grey axial CT images; anything else is skipped with its
reason. Coronal and sagittal series are not turned: in a study they are reformats of an axial series
that is there too. Patient names and numbers are read only so that they can be kept out of the
output.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pydicom
from jaxtyping import Num
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from trainables.ct.ingest import dicom_hu, dicom_times
from trainables.ct.ingest.dicom_hu import Values, common_padding, lacking, stated_values, to_hu
from trainables.ct.ingest.dicom_times import Moment, Rank, left_out, stated_times
from trainables.ct.ingest.series import Frame, Plane, Series, Skip, Unreadable, frame, said

SUFFIXES = (".dcm", ".dicom", ".ima")
BROKEN = (InvalidDicomError, OSError, EOFError, ValueError, TypeError, AttributeError, KeyError)
UNDECODABLE = (*BROKEN, RuntimeError, NotImplementedError, IndexError)
TAGS = """Columns HighBit ImageOrientationPatient ImagePositionPatient ImageType Modality
    NumberOfFrames PatientID PatientName PerFrameFunctionalGroupsSequence PixelSpacing Rows
    SOPClassUID SamplesPerPixel SeriesInstanceUID SharedFunctionalGroupsSequence SliceThickness
    SpacingBetweenSlices StudyInstanceUID""".split()
TAGS += [*dicom_hu.TAGS, *dicom_times.TAGS]
SEVERAL_FRAMES = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")


@dataclass(frozen=True, slots=True)
class _Image:
    """The header of one file that holds an axial CT slice."""

    path: Path
    series: str
    study: str
    times: dict[str, Rank]
    shape: tuple[int, int]  # rows and columns as stored
    frame: Frame
    slice_mm: float
    values: Values

    @property
    def place(self) -> float:
        return self.frame.place(0)

    @property
    def geometry(self) -> tuple[object, ...]:
        """What slices of one volume share."""
        in_plane = self.frame.affine[:3, :2].round(3) + 0.0  # no -0.0
        return (self.shape, *self.frame.orientation.ravel(), *in_plane.ravel())


def dicom_series(paths: Iterable[Path]) -> tuple[list[Series], list[Skip], set[str]]:
    """Series named by UID, what was left out, and the patients' names and numbers met."""
    groups: dict[str, list[_Image]] = defaultdict(list)
    skipped, patients = [], set[str]()
    for path in paths:
        try:
            header = _header(path)
            patients |= _patient(header)
            image = _image(path, header)
            groups[image.series].append(image)
        except Unreadable as reason:
            skipped.append(Skip(path, str(reason)))
    series = []
    for images in groups.values():
        scaled, unscaled = _scaled_alike(images)
        kept, dropped = _one_volume(scaled)
        series += [_series(kept)] if kept else []
        skipped += unscaled + dropped
    return series, skipped, patients


def is_dicom(path: Path) -> bool:
    """Whether the name or the first bytes say DICOM."""
    if path.name.lower().endswith(SUFFIXES):
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _header(path: Path) -> FileDataset:
    try:
        # Forced, since a file may lack the preamble; what is no DICOM then lacks every tag.
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS), force=True)
    except BROKEN as error:
        raise Unreadable(f"not a readable DICOM file: {said(error, path)}") from error


def _patient(header: FileDataset) -> set[str]:
    """The patient's number, name and the name's parts, as far as the header has them."""
    name = str(header.get("PatientName") or "")
    parts = {str(header.get("PatientID") or ""), name, *name.replace("^", " ").split()}
    return {part for part in parts if len(part) >= 3}


def _image(path: Path, header: FileDataset) -> _Image:
    """The slice that the header describes, if it is one that can be taken."""
    try:
        _refuse_other_images(header)
        spacing = [float(x) for x in header.PixelSpacing]
        placed = _frame(header, spacing)
        between = header.get("SpacingBetweenSlices") or header.get("SliceThickness")
        return _Image(
            path=path,
            series=str(header.SeriesInstanceUID),
            study=str(header.get("StudyInstanceUID") or header.SeriesInstanceUID),
            times=stated_times(header),
            shape=(int(header.Rows), int(header.Columns)),
            frame=placed,
            slice_mm=float(between) if between else float("nan"),
            values=stated_values(header),
        )
    except BROKEN as error:
        raise Unreadable(f"its DICOM header is incomplete: {said(error, path)}") from error


def _refuse_other_images(header: FileDataset) -> None:
    """Stops at what is not a single-frame grey CT slice that can be decoded here."""
    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    if not kind and "Modality" not in header:
        raise Unreadable("not a readable DICOM file: neither storage class nor modality")
    if kind == MediaStorageDirectoryStorage:
        raise Unreadable("DICOMDIR, an index and not an image")
    # Anonymisers drop Modality; the storage class then says the same.
    modality = header.get("Modality") or ("CT" if kind == CTImageStorage else "unknown")
    if modality != "CT":
        raise Unreadable(f"modality {modality}, not CT")
    if "LOCALIZER" in (header.get("ImageType") or ()):
        raise Unreadable("localizer, not a slice")
    several = int(header.get("NumberOfFrames") or 1) > 1 or any(t in header for t in SEVERAL_FRAMES)
    if several or "ImagePositionPatient" not in header:
        raise Unreadable("multi-frame or without ImagePositionPatient; convert it to NIfTI first")
    if int(header.get("SamplesPerPixel") or 1) > 1:
        raise Unreadable("colour image, not HU")
    if int(header.get("BitsAllocated") or 16) < 16:
        raise Unreadable("8-bit values cannot hold HU")
    stored, high = header.get("BitsStored"), header.get("HighBit")
    if stored and high and high != stored - 1:
        raise Unreadable(f"HighBit must be BitsStored - 1 = {stored - 1}, got {high}")
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax and syntax.is_compressed:
        _refuse_without_decoder(syntax)


def _refuse_without_decoder(syntax: UID) -> None:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:  # a video, or pixels that lie on a server
        raise Unreadable(f"no decoder for {syntax.name}; convert it to NIfTI first") from error
    if not decoder.is_available:
        raise Unreadable(
            f"no decoder for {syntax.name}; pip install pylibjpeg pylibjpeg-libjpeg "
            "pylibjpeg-openjpeg, then ingest again"
        )


def _frame(header: FileDataset, spacing: list[float]) -> Frame:
    """The frame of a file as an array (row, column, 1) along its own normal."""
    cosines = np.array([float(x) for x in header.ImageOrientationPatient])
    along_row, along_column = cosines[:3], cosines[3:]
    affine = np.eye(4)
    affine[:3, 0] = along_column * spacing[0]  # row index walks down a column
    affine[:3, 1] = along_row * spacing[1]
    affine[:3, 2] = np.cross(along_row, along_column)
    affine[:3, 3] = [float(x) for x in header.ImagePositionPatient]
    placed = frame(affine, (int(header.Rows), int(header.Columns), 1))
    axis = int(placed.orientation[2, 0])
    if axis != 2:
        plane = ("sagittal", "coronal")[axis]
        raise Unreadable(f"{plane} slices; only axial series are taken, convert it to NIfTI")
    return placed


def _scaled_alike(images: Sequence[_Image]) -> tuple[list[_Image], list[Skip]]:
    """The slices of a series whose values are known to be in HU, and the others with the reason."""
    series = [image.values for image in images]
    common = common_padding(series)
    kept, skipped = [], []
    for image in images:
        if reason := lacking(image.values, series):
            skipped.append(Skip(image.path, reason))
        else:
            padding = image.values.padding or common
            kept.append(replace(image, values=replace(image.values, padding=padding)))
    return kept, skipped


def _one_volume(images: Sequence[_Image]) -> tuple[list[_Image], list[Skip]]:
    """The slices that make one volume in ascending place, and the others with the reason."""
    groups: dict[tuple[object, ...], list[_Image]] = defaultdict(list)
    for image in images:
        groups[image.geometry].append(image)
    _, main = min(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))
    skipped = [
        Skip(image.path, "size, spacing or orientation differs from the rest of its series")
        for group in groups.values()
        for image in group
        if group is not main
    ]
    reasons = left_out(
        [Moment(image.place, image.times, lambda image=image: _digest(image)) for image in main]
    )
    told = list(zip(main, reasons, strict=True))
    skipped += [Skip(image.path, reason) for image, reason in told if reason]
    kept = [image for image, reason in told if not reason]
    return sorted(kept, key=lambda image: image.place), skipped


def _digest(image: _Image) -> str | None:
    """Of the slice in HU, None where it cannot be read."""
    try:
        return sha256(_hu(image).astype(np.float64).tobytes()).hexdigest()
    except Unreadable:
        return None


def _series(images: list[_Image]) -> Series:
    first = images[0]
    height, width = first.frame.arrange(np.empty((*first.shape, 1)))[0].shape
    planes = [Plane(image.place, image.path, lambda image=image: _hu(image)) for image in images]
    return Series(
        name=first.series,
        scan=first.study,
        kind="dicom",
        source=first.path.parent,
        height=height,
        width=width,
        row_mm=first.frame.row_mm,
        column_mm=first.frame.column_mm,
        slice_mm=first.slice_mm,
        corner_mm=first.frame.corner_mm,
        oblique_degrees=first.frame.oblique_degrees,
        planes=lambda: planes,
    )


def _hu(image: _Image) -> Num[np.ndarray, "height width"]:
    try:
        whole = pydicom.dcmread(image.path, force=True)
        if "TransferSyntaxUID" not in whole.file_meta:  # a file without preamble
            implicit = whole.original_encoding[0]
            whole.file_meta.TransferSyntaxUID = (
                ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            )
        hu = to_hu(whole, image.values)
    except UNDECODABLE as error:
        raise Unreadable(f"its pixels cannot be read: {said(error, image.path)}") from error
    return image.frame.arrange(hu[..., None])[0]
