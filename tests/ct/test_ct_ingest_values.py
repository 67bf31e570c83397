"""Stored values become HU by what every slice says of itself, or do not come in."""

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from test_ct_ingest import body, dicom_slice, rows, save, volume, write_dicom, write_nifti
from test_ct_ingest_skips import reasons

from trainables.ct.ingest.ingest import ingest_ct


def write_series(folder, hu, change, **more):
    """The volume as one file per slice, named by its z, after the change of each data set."""
    for z, plane in enumerate(hu):
        data = dicom_slice(plane, z, "1.2.3.4", **more)
        change(z, data)
        save(data, folder / f"{z:02d}.dcm")


def without(*tags, at=range(24)):
    """A change that deletes tags from the slices at these z."""

    def change(z, data):
        for tag in tags:
            if z in at:
                delattr(data, tag)

    return change


HU = body()[:10]
BOTH = ("RescaleSlope", "RescaleIntercept")


@pytest.mark.parametrize(
    ("tags", "scale", "words"),
    [
        (BOTH, {}, "no RescaleSlope and no RescaleIntercept, unlike other slices"),
        (BOTH, {"slope": 0.5, "intercept": 0.0}, "no RescaleSlope and no RescaleIntercept"),
        (BOTH[1:], {"slope": 0.5}, "no RescaleIntercept, unlike other slices"),
        (BOTH[:1], {"slope": 0.5}, "no RescaleSlope, unlike other slices"),
    ],
)
@pytest.mark.parametrize("at", [(4, 5, 6), (4, 5, 6, 7, 8, 9)])
def test_slices_without_the_rescale_of_others_are_skipped(tmp_path, tags, scale, words, at):
    write_series(tmp_path / "in", HU, without(*tags, at=at), **scale)
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    left = [z for z in range(10) if z not in at]
    assert sum(skip["files"] for skip in manifest["skipped"]) == len(at)
    assert all(skip["reason"].startswith(words) for skip in manifest["skipped"])
    assert np.array_equal(volume(tmp_path / "out"), HU[left])


@pytest.mark.parametrize(
    ("tags", "at", "scale"),
    [
        (BOTH[1:], range(10), {"slope": 0.5, "intercept": 0.0}),
        (BOTH[:1], range(10), {"slope": 1.0, "intercept": -1024.0}),
        (BOTH, range(10), {"slope": 1.0, "intercept": 0.0}),
        (BOTH, (3, 9), {"slope": 1.0, "intercept": 0.0}),  # as the others say
        ((), (), {"slope": -1.0, "intercept": 500.0}),
        ((), (), {"slope": 0.25, "intercept": -1024.5}),
    ],
)
def test_what_one_tag_says_alone_is_followed(tmp_path, tags, at, scale):
    write_series(tmp_path / "in", HU, without(*tags, at=at), **scale)
    assert ingest_ct(tmp_path / "in", tmp_path / "out")["skipped"] == []
    rounded = ((HU - scale["intercept"]) / scale["slope"]).round()
    assert np.array_equal(
        volume(tmp_path / "out"), np.rint(rounded * scale["slope"] + scale["intercept"])
    )


def test_a_rescale_of_its_own_is_applied_to_each_slice(tmp_path):
    for z, plane in enumerate(HU):
        data = dicom_slice(plane, z, "1.2", slope=1.0 + z % 2, intercept=-1000.0 - 2 * z)
        save(data, tmp_path / "in" / f"{z}.dcm")
    ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.abs(volume(tmp_path / "out") - HU).max() <= 1  # halves are rounded


NO_HU = [
    ({"RescaleSlope": None}, "RescaleSlope is empty"),
    ({"RescaleIntercept": None}, "RescaleIntercept is empty"),
    ({"RescaleSlope": [1, 2]}, "RescaleSlope must be one finite number, got 1.0, 2.0"),
    ({"RescaleSlope": 0}, "RescaleSlope must not be 0"),
    ({"RescaleIntercept": float("nan")}, "RescaleIntercept must be one finite number, got 'nan'"),
    ({"RescaleType": "US"}, "RescaleType US, not HU"),
    ({"RescaleType": "Z_EFF"}, "RescaleType Z_EFF, not HU"),
    ({"ModalityLUTSequence": [Dataset()]}, "values of a ModalityLUTSequence"),
    ({"PixelPaddingValue": [1, 2]}, "PixelPaddingValue must be one whole number"),
    ({"SharedFunctionalGroupsSequence": [Dataset()]}, "multi-frame"),
]


def test_a_slice_that_is_not_known_to_be_in_hu_is_skipped_with_its_reason(tmp_path):
    def odd(z, data):
        for name, value in NO_HU[z][0].items() if z < len(NO_HU) else ():
            setattr(data, name, value)

    write_series(tmp_path / "in", body(), odd)
    found = reasons(ingest_ct(tmp_path / "in", tmp_path / "out"))
    assert len(found) == len(NO_HU)
    for z, (_, reason) in enumerate(NO_HU):
        assert found[f"{z:02d}.dcm"].startswith(reason)
    assert np.array_equal(volume(tmp_path / "out"), body()[len(NO_HU) :])


@pytest.mark.parametrize(("change", "reason"), [NO_HU[0], NO_HU[2], NO_HU[6]])
def test_a_series_that_is_not_known_to_be_in_hu_is_refused_in_one_line(tmp_path, change, reason):
    write_dicom(tmp_path / "in", HU, **change)
    with pytest.raises(ValueError, match=f"none that can be read .*{reason}") as refusal:
        ingest_ct(tmp_path / "in", tmp_path / "out")
    assert "\n" not in str(refusal.value)


def test_a_number_that_is_none_is_told_by_its_tag(tmp_path):
    write_dicom(tmp_path / "in", HU)
    file = tmp_path / "in" / "014.dcm"  # z = 2
    raw = file.read_bytes()
    assert raw.count(b"-1024.0 ") == 1
    file.write_bytes(raw.replace(b"-1024.0 ", b"-1024,0 "))  # a German comma
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert reasons(manifest)["014.dcm"] == (
        "RescaleIntercept must be one finite number, got '-1024,0'"
    )


@pytest.mark.parametrize("kind", ["HU", "hu", "", None])
def test_a_rescale_type_that_is_hu_or_empty_is_taken(tmp_path, kind):
    write_dicom(tmp_path / "in", HU, RescaleType=kind)
    assert ingest_ct(tmp_path / "in", tmp_path / "out")["skipped"] == []


def padded(stored, signed, syntax=None, bits=16, **tags):
    """A change that puts the stored value into two rows outside the field of view."""

    def change(z, data):
        data.PixelRepresentation = int(signed)
        data.BitsStored, data.HighBit = bits, bits - 1
        little = "<i2" if signed else "<u2"
        raw = np.frombuffer(data.PixelData, little).reshape(data.Rows, data.Columns).copy()
        raw[:2, :12], raw[:2, 12:] = stored
        data.PixelData = raw.astype(little).tobytes()
        data["PixelData"].VR = "OW"
        for tag, (vr, value) in tags.items():
            data.add_new(tag, vr, value)
        if syntax == ExplicitVRBigEndian:
            data.PixelData = raw.astype(little.replace("<", ">")).tobytes()
        if syntax == RLELossless:
            data.compress(RLELossless, generate_instance_uid=False)
        elif syntax:
            data.file_meta.TransferSyntaxUID = syntax

    return change


VALUE, LIMIT = "PixelPaddingValue", "PixelPaddingRangeLimit"


@pytest.mark.parametrize(
    "change",
    [
        padded((63536, 63536), signed=False, PixelPaddingValue=("US", 63536)),
        padded((30000, 30000), signed=True, PixelPaddingValue=("SS", 30000)),
        padded((30000, 30000), signed=True, PixelPaddingValue=("US", 30000)),
        padded((-2000, -2000), signed=True, PixelPaddingValue=("US", 63536)),
        padded((63536, 63536), signed=False, PixelPaddingValue=("SS", -2000)),
        padded((60000, 64000), signed=False, **{VALUE: ("US", 60000), LIMIT: ("US", 64000)}),
        padded((60000, 62000), signed=False, **{VALUE: ("US", 64000), LIMIT: ("US", 60000)}),
        padded((9000, 9999), signed=True, **{VALUE: ("SS", 9999), LIMIT: ("SS", 9000)}),
        padded((4095, 4095), signed=False, bits=12, PixelPaddingValue=("US", 4095)),
        padded((63536, 63536), signed=False, bits=12, PixelPaddingValue=("US", 63536)),
        padded((2000, 2000), signed=True, bits=12, PixelPaddingValue=("SS", 2000)),
        *(
            padded((63536, 63536), False, syntax, PixelPaddingValue=("US", 63536))
            for syntax in (
                *(ImplicitVRLittleEndian, ExplicitVRBigEndian),
                *(DeflatedExplicitVRLittleEndian, RLELossless),
            )
        ),
        padded((30000, 30000), True, ImplicitVRLittleEndian, PixelPaddingValue=("SS", 30000)),
    ],
)
def test_padding_is_told_by_stored_values_and_becomes_air(tmp_path, change):
    write_series(tmp_path / "in", HU, change)
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), HU)  # its first rows are air
    assert manifest["series"][0]["padding_share"] == 0.1


def test_padding_that_only_some_slices_state_is_that_of_their_series(tmp_path):
    change = padded((63536, 63536), signed=False, PixelPaddingValue=("US", 63536))

    def some(z, data):
        change(z, data)
        if z % 3 == 0:
            del data.PixelPaddingValue
        elif z % 3 == 1:
            data.PixelPaddingRangeLimit = None

    write_series(tmp_path / "in", HU, some)
    ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), HU)


def test_rescale_and_padding_may_be_numbers_of_another_kind(tmp_path):
    """Floats for decimal text, and 32 bits where the tags know 16."""

    def wide(z, data):
        raw = np.frombuffer(data.PixelData, "<i2").reshape(data.Rows, data.Columns).astype("<i4")
        raw[:2] = 100_000
        data.BitsAllocated, data.BitsStored, data.HighBit = 32, 32, 31
        data.PixelData = raw.tobytes()
        data["PixelData"].VR = "OW"
        data.add_new(VALUE, "SL", 100_000)
        data.add_new("RescaleSlope", "FD", 1.0)
        data.add_new("RescaleIntercept", "FL", -1024.0)

    write_series(tmp_path / "in", HU, wide)
    ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), HU)


def test_high_values_without_padding_stay_bone(tmp_path):
    for tags in ({}, {VALUE: ("US", None)}, {LIMIT: ("US", 63536)}):  # a limit alone says nothing
        out = tmp_path / f"out{len(tags)}{len(str(tags))}"
        write_series(tmp_path / "in", HU, padded((63536, 63536), signed=False, **tags))
        ingest_ct(tmp_path / "in", out)
        assert (volume(out)[:, :2] == 4000).all()


def test_padding_is_no_proof_of_air(tmp_path):
    def lost(z, data):
        padded((30000, 30000), signed=True, PixelPaddingValue=("SS", 30000))(z, data)
        without(*BOTH)(z, data)

    write_series(tmp_path / "in", HU, lost)
    with pytest.raises(ValueError, match="must be below -300 HU .* got 24 HU"):
        ingest_ct(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("cut", [5000, -3, -340])
def test_a_truncated_nifti_is_told_on_one_line_without_its_folder(tmp_path, cut):
    write_nifti(tmp_path / "in" / "short.nii", HU)
    file = tmp_path / "in" / "short.nii"
    raw = file.read_bytes()
    file.write_bytes(raw[:-cut])
    with pytest.raises(ValueError, match=r"got none that can be read \(short.nii: ") as refusal:
        ingest_ct(tmp_path / "in", tmp_path / "out")
    told = str(refusal.value)
    assert "\n" not in told and told.count(str(tmp_path)) == 1


def test_a_reason_of_a_library_is_one_line_in_the_manifest_too(tmp_path, capsys):
    write_nifti(tmp_path / "in" / "good.nii", HU)
    write_nifti(tmp_path / "in" / "bad\nname.nii", body(1))
    bad = tmp_path / "in" / "bad\nname.nii"
    bad.write_bytes(bad.read_bytes()[:-5000])
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    [skip] = manifest["skipped"]
    assert "\n" not in skip["reason"] and str(tmp_path) not in skip["reason"]
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert len(rows(tmp_path / "out")) == 10
    assert nibabel.load(tmp_path / "in" / "good.nii").shape == (28, 20, 10)
