import numpy as np
import pytest
from test_ct_ingest import (
    ORIGIN_MM,
    SPACING_MM,
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
from trainables.ct.ingest.series import unbroken

GEOMETRY = ["z", "position_mm", "row_mm", "column_mm", "slice_mm", "height", "width", "split"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The data set of the volume as a NIfTI that already lies as it should."""
    folder = tmp_path_factory.mktemp("reference")
    write_nifti(folder / "a.nii", body())
    manifest = ingest_ct(folder / "a.nii", folder / "out")
    return rows(folder / "out"), manifest


def assert_same(to, manifest, reference):
    table, expected = rows(to), reference[0]
    assert np.array_equal(np.stack(list(table.hu)), np.stack(list(expected.hu)))
    assert table[GEOMETRY].equals(expected[GEOMETRY])
    assert manifest["digest"] == reference[1]["digest"]


def test_reference_runs_to_head_spine_and_left(tmp_path):
    """Anatomy by hand: the voxel marked in world coordinates is found at its slice, row, column."""
    hu = body()
    hu[20, 16, 24] = 3000  # 20 slices up, 16 rows back, 24 columns to the patient's left
    write_nifti(tmp_path / "a.nii", hu, axes="RAS")
    ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    assert np.argwhere(volume(tmp_path / "out") == 3000).tolist() == [[20, 16, 24]]


@pytest.mark.parametrize("axes", ["RAS", "LAS", "PIR", "SLA", "ILP", "ASL"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_in_any_orientation_gives_the_same_rows(tmp_path, reference, axes, suffix):
    write_nifti(tmp_path / f"a{suffix}", body(), axes)
    manifest = ingest_ct(tmp_path / f"a{suffix}", tmp_path / "out")
    assert_same(tmp_path / "out", manifest, reference)


def test_shuffled_dicom_gives_the_same_rows(tmp_path, reference):
    write_dicom(tmp_path / "in", body())
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert_same(tmp_path / "out", manifest, reference)


def test_dicom_with_a_rescale_per_slice_and_no_extension_gives_the_same_rows(tmp_path, reference):
    for z, plane in enumerate(body()):
        data = dicom_slice(plane, z, "1.2", slope=1 / (1 + z % 3), intercept=-1024.0 + 8 * z)
        save(data, tmp_path / "in" / f"{z % 2}" / f"I{99 - z}")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert_same(tmp_path / "out", manifest, reference)


@pytest.mark.parametrize("turn", ["feet first", "prone", "quarter"])
def test_dicom_drawn_another_way_gives_the_same_rows(tmp_path, reference, turn):
    hu, step = body(), np.array(SPACING_MM[:0:-1])  # column, row
    far = np.array(ORIGIN_MM[:2]) + step * (np.array(hu.shape[:0:-1]) - 1)
    for z, plane in enumerate(hu):
        data = dicom_slice(plane, z, "1.2")
        x, y, height = (float(value) for value in data.ImagePositionPatient)
        if turn == "feet first":  # columns from left to right
            plane, data.ImageOrientationPatient = plane[:, ::-1], [-1, 0, 0, 0, 1, 0]
            x = far[0]
        elif turn == "prone":
            plane, data.ImageOrientationPatient = plane[::-1, ::-1], [-1, 0, 0, 0, -1, 0]
            x, y = far
        else:  # rows from right to left, columns from anterior to posterior
            plane, data.ImageOrientationPatient = plane.T, [0, 1, 0, 1, 0, 0]
            data.PixelSpacing = [SPACING_MM[2], SPACING_MM[1]]
        data.ImagePositionPatient = [float(x), float(y), height]
        data.Rows, data.Columns = plane.shape
        data.PixelData = (plane + 1024).astype("<i2").tobytes()
        save(data, tmp_path / "in" / f"{z}.dcm")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert_same(tmp_path / "out", manifest, reference)


def test_png_gives_the_same_pixels_and_no_spacing(tmp_path, reference):
    write_png(tmp_path / "in", body())
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), np.stack(list(reference[0].hu)))
    assert manifest["series"][0]["spacing_mm"] == [None, None, None]
    assert manifest["split"]["gap_mm"] is None
    assert rows(tmp_path / "out")[["position_mm", "row_mm", "slice_mm"]].isna().all(axis=None)


def test_one_scan_in_three_forms_is_taken_once(tmp_path):
    write_png(tmp_path / "in" / "png", body())
    write_nifti(tmp_path / "in" / "a.nii.gz", body(), "RAS")
    write_dicom(tmp_path / "in" / "dicom", body())
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert [series["source_kind"] for series in manifest["series"]] == ["dicom"]
    assert {skip["path"]: skip["reason"] for skip in manifest["skipped"]} == {
        "a.nii.gz": "the same pixels as series 1.2.3.4",
        "png": "the same pixels as series 1.2.3.4",
    }


def test_float_nifti_with_a_scale_is_rounded(tmp_path):
    hu = body()
    write_nifti(tmp_path / "a.nii", hu.astype(np.float32) + 0.3)
    ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), hu)


def test_oblique_nifti_takes_the_closest_axes_and_says_by_how_much(tmp_path):
    turn = np.radians(20.0)
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    affine = rotation @ np.diag([*SPACING_MM[::-1], 1.0])
    write_nifti(tmp_path / "a.nii", body(), "RAS", affine=affine)
    manifest = ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    assert manifest["series"][0]["oblique_degrees"] == pytest.approx(20.0, abs=0.01)
    assert manifest["series"][0]["spacing_mm"] == pytest.approx([0.8, 0.7, 2.5], abs=1e-3)
    assert np.array_equal(volume(tmp_path / "out"), body())
    steps = np.diff(rows(tmp_path / "out").position_mm)
    assert steps == pytest.approx(2.5, abs=2e-3)  # along the normal, not along z


@pytest.mark.parametrize(
    ("places", "stretches"),
    [
        ([0.0], [1]),
        ([0.0, 9.0], [2]),
        ([0, 1, 2, 4, 5, 6], [3, 3]),
        ([0, 0.6, 1.3, 1.9, 2.5, 3.2], [6]),  # rounded headers
        ([0, 1, 2, 7, 12, 17], [3, 3]),  # thin, then thick
        ([0, 1, 2, 10, 20, 21, 22], [3, 1, 3]),
    ],
)
def test_stretches_end_where_a_slice_is_missing(places, stretches):
    cuts = unbroken(np.array(places, dtype=float))
    assert [cut.stop - cut.start for cut in cuts] == stretches
