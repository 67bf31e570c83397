import json

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ImplicitVRLittleEndian, MRImageStorage, generate_uid
from test_ct_ingest import (
    RAS,
    body,
    dicom_slice,
    rows,
    save,
    volume,
    write_dicom,
    write_nifti,
    write_png,
)

from trainables.ct.ingest.ingest import ingest_ct


def reasons(manifest):
    return {skip["path"]: skip["reason"] for skip in manifest["skipped"]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Modality": "MR", "SOPClassUID": MRImageStorage}, "modality MR, not CT"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"NumberOfFrames": 3}, "multi-frame"),
        ({"ImagePositionPatient": None}, "header is incomplete"),
        ({"SamplesPerPixel": 3}, "colour image"),
        ({"BitsAllocated": 8}, "8-bit values cannot hold HU"),
        ({"BitsStored": 12, "HighBit": 15}, "HighBit must be BitsStored - 1 = 11, got 15"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "coronal slices; only axial"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "sagittal slices; only axial"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "orientation is degenerate"),
        ({"SeriesInstanceUID": None}, "header is incomplete"),
    ],
)
def test_dicom_that_is_no_axial_ct_slice_is_skipped_with_its_reason(
    tmp_path, capsys, change, reason
):
    write_dicom(tmp_path / "in", body())
    odd = dicom_slice(body(9)[3], 40, "9.9")
    for name, value in change.items():
        if value is None:
            delattr(odd, name)
        else:
            setattr(odd, name, value)
    save(odd, tmp_path / "in" / "odd.dcm")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 24
    if "ImagePositionPatient" in change:
        reason = "multi-frame or without ImagePositionPatient; convert"
    assert reason in reasons(manifest)["odd.dcm"]
    assert f"ct: skipped odd.dcm: {reasons(manifest)['odd.dcm']}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("syntax", "name", "remedy"),
    [
        ("70", "JPEG Lossless", "pip install pylibjpeg pylibjpeg-libjpeg"),
        ("100", "MPEG2 Main Profile", "convert it to NIfTI first"),  # nothing decodes it
        ("94", "JPIP Referenced", "convert it to NIfTI first"),
    ],
)
def test_missing_decoder_is_named_with_its_remedy(tmp_path, syntax, name, remedy):
    write_nifti(tmp_path / "in" / "a.nii", body())
    odd = dicom_slice(body(9)[3], 40, "9.9")
    odd.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
    odd.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    odd["PixelData"].VR, odd["PixelData"].is_undefined_length = "OB", True
    save(odd, tmp_path / "in" / "odd.dcm")
    reason = reasons(ingest_ct(tmp_path / "in", tmp_path / "out"))["odd.dcm"]
    assert reason.startswith(f"no decoder for {name}")
    assert remedy in reason


def test_files_without_preamble_or_modality_are_read(tmp_path):
    for z, plane in enumerate(body()):
        data = dicom_slice(plane, z, "1.2")
        del data.Modality
        path = tmp_path / "in" / f"{z}.dcm"
        if z % 2:
            data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        save(data, path)
        if z % 4 > 1:
            raw = path.read_bytes()
            start = raw.index(b"\x08\x00\x16\x00")  # the first tag after preamble and file meta
            path.write_bytes(raw[start:])
    ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), body())


def test_second_slice_at_one_place_is_skipped(tmp_path):
    write_dicom(tmp_path / "in" / "first", body(), AcquisitionNumber=1)
    for z in range(3, 8):
        again = dicom_slice(body(5)[z], z, "1.2.3.4", AcquisitionNumber=2)
        again.SOPInstanceUID = generate_uid()
        save(again, tmp_path / "in" / "again" / f"{z}.dcm")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), body())
    [skip] = manifest["skipped"]
    assert skip == {
        **{"path": "again", "files": 5},
        "reason": "a slice of its series is at the same position",
    }


def test_slice_of_another_size_in_a_series_is_skipped(tmp_path):
    write_dicom(tmp_path / "in", body())
    save(dicom_slice(np.zeros((9, 11)), 30, "1.2.3.4"), tmp_path / "in" / "x.dcm")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert "differs from the rest" in reasons(manifest)["x.dcm"]
    assert len(rows(tmp_path / "out")) == 24


@pytest.mark.parametrize("how", ["lost", "cut short"])
def test_series_with_a_missing_slice_becomes_two(tmp_path, how):
    write_dicom(tmp_path / "in", body())
    file = tmp_path / "in" / f"{9 * 7:03d}.dcm"  # z = 9
    if how == "lost":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-100])
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert [(s["series"], s["slices"]) for s in manifest["series"]] == [
        ("1.2.3.4#1", 9),
        ("1.2.3.4#2", 14),
    ]
    assert list(rows(tmp_path / "out").z) == [*range(9), *range(14)]
    assert manifest["split"]["by"] == "z"  # still one scan
    assert ("its pixels cannot be read" in str(manifest["skipped"])) == (how == "cut short")


def test_png_number_missing_from_the_names_is_a_gap(tmp_path):
    write_png(tmp_path / "in" / "scan", body())
    (tmp_path / "in" / "scan" / "slice_10.png").unlink()
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert [(s["series"], s["slices"]) for s in manifest["series"]] == [
        ("scan#1", 9),
        ("scan#2", 14),
    ]


def test_corrupt_files_among_good_ones_are_skipped(tmp_path, capsys):
    folder = tmp_path / "in"
    write_nifti(folder / "good.nii.gz", body(1))
    write_png(folder / "png", body(2))
    whole = (folder / "good.nii.gz").read_bytes()
    (folder / "short.nii.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.nii").write_bytes(bytes(range(256)) * 4)
    (folder / "empty.nii.gz").write_bytes(b"")
    (folder / "bad.dcm").write_bytes(bytes(range(256)) * 4)
    (folder / "none.dcm").write_bytes(b"")
    (folder / "readme.txt").write_text("hello")
    (folder / ".hidden").write_text("no data")
    (folder / "png" / "slice_25.png").write_bytes(b"\x89PNG no more")
    Image.fromarray(np.zeros((20, 28), np.uint8)).save(folder / "png" / "slice_26.png")
    Image.fromarray(np.zeros((9, 8), np.uint16)).save(folder / "png" / "slice_27.png")
    manifest = ingest_ct(folder, tmp_path / "out")
    assert [series["series"] for series in manifest["series"]] == ["good.nii.gz", "png"]
    assert set(reasons(manifest)) == {
        *("short.nii.gz", "noise.nii", "empty.nii.gz", "bad.dcm", "none.dcm", "readme.txt"),
        *("png/slice_25.png", "png/slice_26.png", "png/slice_27.png"),
    }
    assert capsys.readouterr().err.count("ct: skipped") == 9


def test_nifti_that_is_no_ct_volume_is_skipped(tmp_path):
    folder = tmp_path / "in"
    write_nifti(folder / "good.nii", body())
    labels = (body() > 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, RAS), folder / "mask.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5, 2), np.int16), RAS), folder / "4d.nii")
    placeless = nibabel.Nifti1Image(body(3), None)
    nibabel.save(placeless, folder / "nowhere.nii")
    nans = body(4).astype(np.float32)
    nans[:] = np.nan
    write_nifti(folder / "nan.nii", nans)
    found = reasons(ingest_ct(folder, tmp_path / "out"))
    assert found["mask.nii.gz"].startswith("8-bit values cannot hold HU")
    assert "is not one volume" in found["4d.nii"]
    assert "orientation is unknown" in found["nowhere.nii"]
    assert found["nan.nii"] == "values that are not finite"


def test_many_skips_print_few_lines(tmp_path, capsys):
    write_nifti(tmp_path / "in" / "a.nii", body())
    for i in range(30):
        (tmp_path / "in" / f"{i}").mkdir()
        (tmp_path / "in" / f"{i}" / "notes.xml").write_text("<x/>")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert len(manifest["skipped"]) == 30
    assert capsys.readouterr().err.splitlines()[-1].startswith("ct: 10 more, all in manifest")


def test_no_patient_name_or_number_reaches_the_output(tmp_path):
    write_dicom(tmp_path / "in" / "MRN-4711 roe", body())
    write_nifti(tmp_path / "in" / "MRN-4711 roe" / "Richard.nii", body(2))
    (tmp_path / "in" / "MRN-4711 roe" / "ROE_notes.txt").write_text("x")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert len(manifest["series"]) == 2 and len(manifest["skipped"]) == 1
    out = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    text = out.decode("latin1") + json.dumps(manifest) + str(list(rows(tmp_path / "out").series))
    for secret in ("roe", "richard", "mrn-4711", str(tmp_path)):
        assert secret not in text.lower()


def test_target_inside_the_source_is_not_read(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    ingest_ct(tmp_path, tmp_path / "out")
    manifest = ingest_ct(tmp_path, tmp_path / "out")
    assert manifest["skipped"] == [] and len(manifest["series"]) == 1
