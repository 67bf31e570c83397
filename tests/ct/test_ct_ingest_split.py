import resource

import numpy as np
import pytest
from test_ct_ingest import (
    ORIGIN_MM,
    SPACING_MM,
    body,
    dicom_slice,
    rows,
    save,
    write_dicom,
    write_nifti,
    write_png,
)

from trainables.ct.ingest.ingest import ingest_ct


def splits(to):
    return rows(to).groupby("series").split.agg(lambda s: "+".join(sorted(set(s)))).to_dict()


@pytest.mark.parametrize("seed", range(4))
def test_two_series_lie_on_two_sides(tmp_path, seed):
    write_nifti(tmp_path / "in" / "a.nii", body(1))
    write_nifti(tmp_path / "in" / "b.nii", body(2))
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out", seed=seed)
    assert sorted(splits(tmp_path / "out").values()) == ["train", "validation"]
    assert manifest["split"]["by"] == "series"
    assert {s["series"]: s["split"] for s in manifest["series"]} == splits(tmp_path / "out")


def test_many_series_validate_in_about_the_wanted_share(tmp_path):
    for seed in range(60):
        write_nifti(tmp_path / "in" / f"{seed}.nii", body(seed, (4, 13, 17)))
    ingest_ct(tmp_path / "in", tmp_path / "out", validation_fraction=0.2)
    share = (rows(tmp_path / "out").split == "validation").mean()
    assert 0.1 <= share <= 0.35
    assert set(splits(tmp_path / "out").values()) == {"train", "validation"}


def test_more_series_than_files_may_be_open(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for seed in range(60):
        write_nifti(tmp_path / "in" / f"{seed}.nii", body(seed, (4, 13, 17)))
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, hard))
    try:
        manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(manifest["series"]) == 60


def test_series_keep_their_side_when_renamed_and_when_others_join(tmp_path):
    for seed in range(20):
        write_nifti(tmp_path / "one" / f"{seed:02d}.nii", body(seed, (4, 13, 17)))
        write_nifti(tmp_path / "two" / f"x{seed:02d}.nii", body(seed, (4, 13, 17)))
    for seed in range(20, 30):
        write_nifti(tmp_path / "two" / f"x{seed}.nii", body(seed, (4, 13, 17)))
    for name in ("one", "two"):
        ingest_ct(tmp_path / name, tmp_path / f"{name}-out", validation_fraction=0.4)
    one, two = splits(tmp_path / "one-out"), splits(tmp_path / "two-out")
    assert all(two[f"x{name}"] == side for name, side in one.items())


def test_series_of_one_study_stay_together(tmp_path):
    for seed in range(6):
        for half in "ab":
            hu = body(10 * seed + ord(half), (5, 13, 17))
            write_dicom(
                tmp_path / "in" / f"{seed}{half}", hu, f"1.{seed}.{ord(half)}", study=f"7.{seed}"
            )
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out", validation_fraction=0.3)
    sides = {}
    for series in manifest["series"]:
        sides.setdefault(series["series"].rsplit(".", 1)[0], set()).add(series["split"])
    assert len(sides) == 6 and all(len(side) == 1 for side in sides.values())
    assert {next(iter(side)) for side in sides.values()} == {"train", "validation"}


def test_pieces_cut_from_one_scan_stay_together(tmp_path, capsys):
    whole = body(1, (40, 20, 28))
    column, row, height = (
        start + skip * step
        for start, skip, step in zip(ORIGIN_MM, (2, 3, 12), SPACING_MM[::-1], strict=True)
    )
    write_nifti(tmp_path / "in" / "whole.nii", whole)
    write_nifti(
        tmp_path / "in" / "piece.nii", whole[12:, 3:, 2:26], origin_mm=(column, row, height)
    )
    write_nifti(tmp_path / "in" / "other.nii", body(2, (40, 20, 28)))
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    scan = {s["series"]: s["scan"] for s in manifest["series"]}
    side = {s["series"]: s["split"] for s in manifest["series"]}
    assert scan["whole.nii"] == scan["piece.nii"] != scan["other.nii"]
    assert side["whole.nii"] == side["piece.nii"] != side["other.nii"]
    assert "hold the same voxels: one scan" in capsys.readouterr().err


@pytest.mark.parametrize("slices", [4, 9, 24, 200])
@pytest.mark.parametrize("seed", range(3))
def test_single_series_is_split_by_a_block_of_z_with_a_gap(tmp_path, slices, seed):
    write_nifti(tmp_path / "a.nii", body(seed, (slices, 13, 17)))
    manifest = ingest_ct(tmp_path / "a.nii", tmp_path / "out", seed=seed)
    side = rows(tmp_path / "out").split.to_numpy()
    validation, train = np.flatnonzero(side == "validation"), np.flatnonzero(side == "train")
    assert len(validation) == max(1, round(slices / 10))
    assert np.all(np.diff(validation) == 1)
    assert np.abs(train[:, None] - validation).min() == manifest["split"]["gap"] + 1 >= 3
    assert len(train) >= slices / 2 or slices < 8
    assert manifest["split"]["by"] == "z"
    assert manifest["split"]["gap_mm"] == manifest["split"]["gap"] * SPACING_MM[0]
    told = np.empty(slices, dtype=object)
    for name, ranges in manifest["series"][0]["split"].items():
        for start, stop in ranges:
            told[start:stop] = name
    assert list(told) == list(side)


def test_pieces_of_a_single_scan_are_split_at_the_same_height(tmp_path):
    whole = body(1, (60, 20, 28))
    write_nifti(tmp_path / "in" / "whole.nii", whole)
    origin = (*ORIGIN_MM[:2], ORIGIN_MM[2] + 10 * SPACING_MM[0])
    write_nifti(tmp_path / "in" / "piece.nii", whole[10:], origin_mm=origin)
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert manifest["split"]["by"] == "z"
    table = rows(tmp_path / "out")
    assert table.groupby("position_mm").split.nunique().max() == 1
    assert set(table.split) == {"train", "gap", "validation"}


def test_scans_too_small_to_validate_leave_it_to_z(tmp_path):
    write_nifti(tmp_path / "in" / "long.nii", body(1, (100, 13, 17)))
    save(dicom_slice(body(2)[10], 0, "1.2"), tmp_path / "in" / "lone.dcm")
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert manifest["split"]["by"] == "z"
    assert splits(tmp_path / "out") == {"1.2": "train", "long.nii": "gap+train+validation"}
    assert (rows(tmp_path / "out").split == "validation").sum() == 10


def test_png_series_is_split_by_z_too(tmp_path):
    write_png(tmp_path / "in", body())
    manifest = ingest_ct(tmp_path / "in", tmp_path / "out")
    assert (manifest["split"]["by"], manifest["split"]["gap"]) == ("z", 2)


def test_too_few_slices_to_split_are_refused(tmp_path):
    write_nifti(tmp_path / "a.nii", body(1, (3, 13, 17)))
    with pytest.raises(ValueError, match="'a.nii': .* at least 4, got 3; add scans or slices"):
        ingest_ct(tmp_path / "a.nii", tmp_path / "out")
