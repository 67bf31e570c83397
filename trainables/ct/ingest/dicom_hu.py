"""What the stored values of a DICOM slice mean in HU: slope and intercept, their unit, padding.

Slope and intercept are each slice's own. A slice without one of them is read as stored in that
respect (slope 1, intercept 0), but only where no other slice of its series says otherwise. Pixels
that PixelPaddingValue, or the range from it to PixelPaddingRangeLimit, marks as outside the field
of view are told by their stored values and become air. A Modality LUT gives no HU: its values are
never below 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Num
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.utils import pixel_array

from trainables.ct.ingest.series import Unreadable
from trainables.ct.ingest.spool import HU_LOWEST, HU_PADDING

TAGS = """BitsAllocated BitsStored ModalityLUTSequence PixelPaddingRangeLimit PixelPaddingValue
    PixelRepresentation RescaleIntercept RescaleSlope RescaleType""".split()
HU_UNITS = ("", "HU", "HOUNSFIELD", "HOUNSFIELD UNITS")  # a CT that says nothing is in HU
AS_STORED = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0}
SHORT = 2**16  # padding is a 16-bit number, signed or not


@dataclass(frozen=True, slots=True)
class Values:
    """How a header says that stored values are to be read."""

    slope: float | None  # None where it says nothing
    intercept: float | None
    padding: tuple[int, int] | None  # ends of the range, as unsigned where values have 16 bits


def stated_values(header: Dataset) -> Values:
    """What the header says, if it is HU."""
    unit = str(header.get("RescaleType") or "").strip()
    if unit.upper() not in HU_UNITS:
        raise Unreadable(f"RescaleType {unit}, not HU")
    if header.get("ModalityLUTSequence"):
        raise Unreadable("values of a ModalityLUTSequence are never below 0, so they are not HU")
    slope = _number(header, "RescaleSlope")
    if slope == 0:
        raise Unreadable("RescaleSlope must not be 0, which makes all values one")
    return Values(slope, _number(header, "RescaleIntercept"), _padding(header))


def lacking(values: Values, series: Sequence[Values]) -> str | None:
    """What is missing from a slice though other slices of its series have it, or None."""
    stated = [(v.slope, v.intercept) for v in (values, *series)]
    absent = [tag for tag, own in zip(AS_STORED, stated[0], strict=True) if own is None]
    needed = [
        tag
        for (tag, neutral), *theirs in zip(AS_STORED.items(), *stated[1:], strict=True)
        if any(number not in (None, neutral) for number in theirs)
    ]
    if not {*absent} & {*needed}:
        return None
    return f"no {' and no '.join(absent)}, unlike other slices of its series, so it may not be HU"


def common_padding(series: Sequence[Values]) -> tuple[int, int] | None:
    """The padding of all slices that state any, for those that do not; None where they differ."""
    stated = {values.padding for values in series if values.padding}
    return stated.pop() if len(stated) == 1 else None


def to_hu(image: Dataset, values: Values) -> Num[np.ndarray, "rows columns"]:
    """The pixels of a slice in HU, and below `HU_PADDING` where they only mark the outside."""
    stored = hu = image.pixel_array
    if values.slope is not None or values.intercept is not None:
        hu = stored.astype(np.float64) * (1.0 if values.slope is None else values.slope)
        hu += values.intercept or 0.0
    if values.padding is None:
        return hu
    # What is air or below is clipped there anyway; only what would pass for matter is marked.
    outside = _padded(image, stored, values.padding) & (hu > HU_LOWEST)
    return np.where(outside, np.float64(HU_PADDING - 1), hu) if outside.any() else hu


def _number(header: Dataset, tag: str) -> float | None:
    """The one finite number of a tag, None where it is absent."""
    if tag not in header:
        return None
    value = _value(header, tag)
    if value is None or value == "":
        raise Unreadable(f"{tag} is empty, so its values are not known to be HU")
    try:
        number = float(value)
    except (ValueError, TypeError):
        number = math.nan
    if not math.isfinite(number):
        got = ", ".join(map(str, value)) if isinstance(value, MultiValue) else repr(str(value))
        raise Unreadable(f"{tag} must be one finite number, got {got}")
    return number


def _value(header: Dataset, tag: str) -> Any:
    """What a tag holds, as text where it is not of its kind."""
    try:
        return header[tag].value
    except (ValueError, TypeError, NotImplementedError):
        raw = header.get_item(tag)
        text = raw.value if raw is not None else b""
        return text.decode("ascii", "replace").strip(" \0") if isinstance(text, bytes) else text


def _padding(header: Dataset) -> tuple[int, int] | None:
    """The two ends of the padding, the same where there is no range."""
    ends = []
    for tag in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        value = _value(header, tag) if tag in header else None
        if value is None or value in ("", b""):
            continue
        if isinstance(value, bytes) and len(value) == 2:  # of a reader that did not know its kind
            value = int.from_bytes(value, "little")
        if not isinstance(value, int):
            raise Unreadable(f"{tag} must be one whole number, got {value!r}")
        ends.append((tag, value % SHORT if int(header.get("BitsAllocated") or 16) == 16 else value))
    if not ends or ends[0][0] != "PixelPaddingValue":  # a limit alone limits nothing
        return None
    return ends[0][1], ends[-1][1]


def _padded(
    image: Dataset, stored: Num[np.ndarray, "rows columns"], padding: tuple[int, int]
) -> Bool[np.ndarray, "rows columns"]:
    """Where the stored values are padding."""
    bits, signed = int(image.BitsStored), int(image.PixelRepresentation) == 1
    short = signed and int(image.BitsAllocated) == 16
    low, high = sorted(end - SHORT if short and end >= SHORT // 2 else end for end in padding)
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if low < lowest or high > highest:  # it is told by bits that belong to no value
        stored = pixel_array(image, correct_unused_bits=False)
    return (stored >= low) & (stored <= high)
