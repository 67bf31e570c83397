import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from nibabel import orientations
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from trainables.ct.ingest.ingest import ingest_ct

SPACING_MM = (2.5, 0.8, 0.7)  # slice, row, column
ORIGIN_MM = (-10.0, 21.0, -300.0)  # LPS of the first voxel
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def body(seed=0, shape=(24, 20, 28)):
    """A textured body in air as (slice, row, column) in the orientation that comes out."""
    hu = np.random.default_rng(seed).integers(-200, 300, shape).astype(np.int16)
    hu[:, :6] = hu[:, -3:] = -1000
    hu[:, :, :4] = hu[:, :, -2:] = -1000
    return hu


def write_nifti(path, hu, axes="LPS", origin_mm=ORIGIN_MM, affine=None):
    """The volume on disk with its array axes running to these sides of the patient."""
    if affine is None:
        affine = np.diag([*SPACING_MM[::-1], 1.0])
        affine[:3, 3] = origin_mm
    image = nibabel.Nifti1Image(hu.transpose(2, 1, 0), RAS @ affine)
    there = orientations.axcodes2ornt(tuple(axes))
    here = orientations.axcodes2ornt(("L", "P", "S"))
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image.as_reoriented(orientations.ornt_transform(here, there)), path)


def dicom_slice(hu, z, series, study="1.2.3", slope=1.0, intercept=-1024.0, **more):
    """One axial slice as a DICOM data set, at index z of the volume."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = (
        CTImageStorage,
        generate_uid(entropy_srcs=[series, str(z)]),
    )
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.Modality, data.SeriesInstanceUID, data.StudyInstanceUID = "CT", series, study
    data.PatientName, data.PatientID = "Roe^Richard", "MRN-4711"
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = [*ORIGIN_MM[:2], ORIGIN_MM[2] + z * SPACING_MM[0]]
    data.PixelSpacing, data.SliceThickness = list(SPACING_MM[1:]), 5.0
    data.Rows, data.Columns = hu.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.RescaleSlope, data.RescaleIntercept = slope, intercept
    data.PixelData = ((hu - intercept) / slope).round().astype("<i2").tobytes()
    for name, value in more.items():
        setattr(data, name, value)
    return data


def save(data, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def write_dicom(folder, hu, series="1.2.3.4", **more):
    """The volume as one file per slice, named so that file order is not slice order."""
    for z, plane in enumerate(hu):
        save(dicom_slice(plane, z, series, **more), folder / f"{(z * 7) % 100:03d}.dcm")


def write_png(folder, hu):
    folder.mkdir(parents=True, exist_ok=True)
    for z, plane in enumerate(hu):
        pixels = (plane.astype(np.int32) + 32768).astype(np.uint16)
        Image.fromarray(pixels).save(folder / f"slice_{z + 1}.png")


def rows(to):
    """All rows of a data set, pixels as arrays."""
    shards = sorted(Path(to).glob("slices-*.parquet"))
    table = pd.concat([pq.read_table(shard).to_pandas() for shard in shards], ignore_index=True)
    table["hu"] = [
        np.frombuffer(row.hu, "<i2").reshape(row.height, row.width) for row in table.itertuples()
    ]
    return table


def volume(to):
    return np.stack(list(rows(to).hu))


def test_data_set_keeps_its_contract(tmp_path):
    first, second = body(1), body(2, (18, 22, 30))
    write_nifti(tmp_path / "in" / "b.nii.gz", first)
    write_nifti(tmp_path / "in" / "deep" / "a.nii", second)
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["schema"], manifest["kind"], manifest["hu_divisor"]) == (1, "ct", 1)
    assert [s["series"] for s in manifest["series"]] == ["b.nii.gz", "deep/a.nii"]
    assert [s["slices"] for s in manifest["series"]] == [24, 18]
    assert manifest["series"][0]["spacing_mm"] == [0.8, 0.7, 2.5]
    table = rows(tmp_path / "out")
    assert list(table.z) == [*range(24), *range(18)]
    assert np.array_equal(np.stack(list(table.hu[:24])), first)
    assert np.array_equal(np.stack(list(table.hu[24:])), second)
    assert table.position_mm[3] == np.float32(-300 + 3 * 2.5)
    schema = pq.read_schema(tmp_path / "out" / "slices-00000.parquet")
    assert {name: str(schema.field(name).type) for name in schema.names} == {
        **{"series": "string", "split": "string", "z": "int32", "position_mm": "float"},
        **{"row_mm": "float", "column_mm": "float", "slice_mm": "float"},
        **{"height": "int32", "width": "int32", "hu": "binary"},
    }


def test_values_are_clipped_and_the_share_is_reported(tmp_path):
    hu = body()
    hu[:, 10, 10], hu[:, 11, 10], hu[:, 12, 10], hu[0, 0, 0] = 4500, -1010, -3024, 4000
    write_nifti(tmp_path / "a.nii", hu)
    manifest = ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    assert manifest["clipped_share"] == pytest.approx(3 / (20 * 28), abs=1e-6)
    assert manifest["series"][0]["clipped_share"] == manifest["clipped_share"]
    assert manifest["series"][0]["padding_share"] == pytest.approx(1 / (20 * 28), abs=1e-6)
    assert np.array_equal(volume(tmp_path / "out"), hu.clip(-1000, 4000))


@pytest.mark.parametrize("padding", [False, True])
def test_series_without_air_is_refused(tmp_path, padding):
    lost_rescale = body() + 1024
    if padding:  # below any matter, and so no proof of air
        lost_rescale[:, :2] = -2000
    write_nifti(tmp_path / "in" / "good.nii", body(1))
    write_nifti(tmp_path / "in" / "raw.nii", lost_rescale)
    with pytest.raises(ValueError, match=r"'raw.nii': .* below -300 HU .* got 24 HU.*; store HU"):
        ingest_ct(tmp_path / "in", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_divisor_stores_a_fraction_of_hu(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    whole = ingest_ct(tmp_path / "a.nii", tmp_path / "1")
    tenth = ingest_ct(tmp_path / "a.nii", tmp_path / "10", hu_divisor=10)
    assert np.array_equal(volume(tmp_path / "10"), (body() / 10).round())
    assert tenth["hu_divisor"] == 10 and tenth["digest"] != whole["digest"]
    assert tenth["series"][0]["split"] == whole["series"][0]["split"]


def test_digest_follows_content_and_not_names_or_order(tmp_path):
    for folder, names in (("one", "ab"), ("two", "yx")):
        write_nifti(tmp_path / folder / f"{names[0]}.nii", body(1))
        write_nifti(tmp_path / folder / "sub" / f"{names[1]}.nii.gz", body(2))
    changed = body(2)
    changed[5, 9, 9] += 1
    write_nifti(tmp_path / "three" / "a.nii", body(1))
    write_nifti(tmp_path / "three" / "b.nii", changed)
    one, two, three = (
        ingest_ct(tmp_path / n, tmp_path / f"{n}-out")["digest"] for n in ("one", "two", "three")
    )
    assert one == two
    assert three != one


def test_digest_changes_with_the_split(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    a, b = (ingest_ct(tmp_path / "a.nii", tmp_path / f"{s}", seed=s) for s in (0, 1))
    assert a["series"][0]["split"] != b["series"][0]["split"]
    assert a["digest"] != b["digest"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hu_divisor": 0}, "hu_divisor must be 1, or 10"),
        ({"validation_fraction": 0.0}, r"must be in \(0, 0.5\], got 0.0"),
        ({"source": "nowhere"}, "must be a file or folder, got nothing there"),
        ({"source": "empty"}, r"must hold NIfTI, .* got none that can be read \(no file\); name"),
        ({"source": "prose"}, "notes.txt: neither NIfTI, DICOM nor PNG"),
    ],
)
def test_unusable_request_is_refused_in_one_line(tmp_path, options, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "prose").mkdir()
    (tmp_path / "prose" / "notes.txt").write_text("no scan")
    write_nifti(tmp_path / "a.nii", body())
    source = tmp_path / options.pop("source", "a.nii")
    with pytest.raises(ValueError, match=message) as refusal:
        ingest_ct(source, tmp_path / "out", **options)
    assert "\n" not in str(refusal.value)
