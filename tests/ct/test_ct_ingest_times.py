"""A series of several time points gives the slices of one of them, never a mixture."""

import numpy as np
import pytest
from pydicom.uid import generate_uid
from test_ct_ingest import SPACING_MM, body, dicom_slice, save, volume, write_dicom

from trainables.ct.ingest.ingest import ingest_ct

FIRST, SECOND = body()[:10], body(7)[:10]


def write_two(folder, tag, *, shift_mm=0.0, missing=((), ()), text=False, **more):
    """Two volumes in one series, in files whose names and UIDs say nothing of either."""
    for phase, hu in enumerate((FIRST, SECOND)):
        for z, plane in enumerate(hu):
            if z in missing[phase]:
                continue
            data = dicom_slice(plane, z, "1.2.3.4", **more)
            data.SOPInstanceUID = generate_uid(entropy_srcs=[str(tag), str(phase), str(z)])
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
            data.ImagePositionPatient[2] += phase * shift_mm
            for name, value in tag(phase, z).items():
                setattr(data, name, value)
            save(data, folder / f"{data.SOPInstanceUID}.dcm")


def by(name, *values):
    return lambda phase, z: {name: values[phase]}


TAGS = [
    by("TemporalPositionIdentifier", 1, 2),
    by("TemporalPositionIdentifier", 0, None),
    by("TemporalPositionIndex", 1, 2),
    by("NominalPercentageOfCardiacPhase", 30.0, 75.0),
    by("AcquisitionNumber", 1, 2),
    by("AcquisitionNumber", None, 2),
    by("AcquisitionTime", "101500.10", "101507.60"),
    by("AcquisitionDateTime", "20240101235959.9", "20240102000004.1"),
    lambda phase, z: {
        "AcquisitionDate": ("20240101", "20240102")[phase],
        "AcquisitionTime": ("235959", "000004")[phase],
    },
    by("TriggerTime", 300.0, 700.0),
    by("ContentTime", "101500", "101600"),
    by("ConvolutionKernel", "B30f", "B70f"),
    lambda phase, z: {"InstanceNumber": phase * 10 + z + 1},
    # Of these every slice has a value of its own.
    lambda phase, z: {"AcquisitionNumber": phase * 10 + z + 1},
    lambda phase, z: {"InstanceNumber": z * 2 + phase + 1},
    lambda phase, z: {"InstanceNumber": phase * 10 + (9 - z if phase else z) + 1},
    lambda phase, z: {"AcquisitionTime": f"1015{phase * 10 + z:02d}"},
    # The number of the time point speaks louder than numbers of images.
    lambda phase, z: {"TemporalPositionIdentifier": phase + 1, "InstanceNumber": z * 7 % 10 + 1},
    lambda phase, z: {
        "TemporalPositionIdentifier": phase + 1,
        "InstanceNumber": 2 * z + (phase + z) % 2,
    },
]


@pytest.mark.parametrize("tag", TAGS)
def test_slices_of_one_time_point_are_taken(tmp_path, tag):
    write_two(tmp_path / "in", tag)
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert sum(skip["files"] for skip in manifest["skipped"]) == 10
    got = volume(tmp_path / "out")
    assert np.array_equal(got, FIRST) or (
        "None" in repr(tag(1, 0)) and np.array_equal(got, SECOND)  # the one without a number
    )


@pytest.mark.parametrize("tag", TAGS[:13])
def test_the_fuller_time_point_is_taken_whole(tmp_path, tag):
    write_two(tmp_path / "in", tag, missing=((3, 7), ()))
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert [series["slices"] for series in manifest["series"]] == [10]
    assert np.array_equal(volume(tmp_path / "out"), SECOND)


@pytest.mark.parametrize("tag", [TAGS[0], TAGS[4]])
def test_time_points_that_lie_a_little_apart_are_not_woven_into_one(tmp_path, tag):
    write_two(tmp_path / "in", tag, shift_mm=0.3)
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), FIRST)
    assert "another time point or reconstruction" in str(manifest["skipped"])


def test_a_hole_in_one_time_point_is_not_filled_from_another(tmp_path):
    write_two(tmp_path / "in", TAGS[0], missing=((4,), (2, 7)))
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert [series["slices"] for series in manifest["series"]] == [4, 5]
    assert np.array_equal(volume(tmp_path / "out"), np.delete(FIRST, 4, axis=0))


def test_slices_that_nothing_tells_apart_are_left_out(tmp_path):
    write_two(tmp_path / "in", lambda phase, z: {"InstanceNumber": z + 1})
    with pytest.raises(ValueError, match="no tag tells which belong together; write") as refusal:
        ingest_ct(tmp_path / "in", tmp_path / "out")
    assert "\n" not in str(refusal.value)


def test_copies_under_other_names_change_nothing(tmp_path):
    write_dicom(tmp_path / "in" / "a", FIRST)
    alone = ingest_ct(tmp_path / "in" / "a", tmp_path / "alone")
    write_dicom(tmp_path / "in" / "b", FIRST)
    for file in (tmp_path / "in" / "a").iterdir():  # one copy is damaged, the other is not
        if file.name in ("014.dcm", "021.dcm"):
            file.write_bytes(file.read_bytes()[:-100])
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert manifest["digest"] == alone["digest"]
    assert {skip["reason"] for skip in manifest["skipped"]} == {
        "a slice of its series is at the same position"
    }


def acquisition(z):
    """Two that overlap, one that was shot by turns, and one number for every slice."""
    return [1 if z < 6 else 2, 1 + z % 2, z + 1]


@pytest.mark.parametrize("how", [0, 1, 2])
def test_acquisitions_that_make_one_volume_stay_together(tmp_path, how):
    for z, plane in enumerate(FIRST):
        number = acquisition(z)[how]
        data = dicom_slice(plane, z, "1.2", AcquisitionNumber=number, InstanceNumber=z + 1)
        save(data, tmp_path / "in" / f"{z}.dcm")
    for z in (4, 5) if how == 0 else ():  # the second begins where the first has not ended
        data = dicom_slice(SECOND[z], z, "1.2", AcquisitionNumber=2, InstanceNumber=30 + z)
        data.SOPInstanceUID = generate_uid()
        save(data, tmp_path / "in" / f"again{z}.dcm")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(volume(tmp_path / "out"), FIRST)
    assert sum(skip["files"] for skip in manifest["skipped"]) == (2 if how == 0 else 0)


def test_time_points_of_two_heights_are_both_taken(tmp_path):
    write_dicom(tmp_path / "in" / "low", FIRST, TemporalPositionIdentifier=1)
    for z, plane in enumerate(SECOND):
        data = dicom_slice(plane, z + 10, "1.2.3.4", TemporalPositionIdentifier=2)
        save(data, tmp_path / "in" / "high" / f"{z}.dcm")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert manifest["series"][0]["slices"] == 20
    assert manifest["series"][0]["spacing_mm"][2] == SPACING_MM[0]
