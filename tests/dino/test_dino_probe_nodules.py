"""Nodules of both kinds: where they come from, how they are split and cropped, and bad labels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional as F

from infra.study.study import replace_fields
from sweeps.dino_probe import STUDY
from trainables.ct.nodules import (
    Candidates,
    NodulesConfig,
    around,
    crops,
    load_candidates,
    split_by_series,
)
from trainables.ct.phantom import PhantomConfig, phantom_nodules, phantom_series
from trainables.ct.slices import load_slices

PHANTOM = PhantomConfig(series=16, slices=20, side_px=64, validation_fraction=0.25)
CFG = NodulesConfig(crop_px=12)
HEADER = "series,z,y,x,malignancy\n"


@pytest.fixture(scope="module")
def phantom():
    slices = load_slices("", PHANTOM)
    return slices, load_candidates("", PHANTOM, slices, CFG)


def test_labels_alone_are_those_of_the_series():
    for series in range(3):
        one, two = phantom_nodules(PHANTOM, series), phantom_series(PHANTOM, series)[1]
        assert torch.equal(one.center, two.center) and torch.equal(one.radius, two.radius)


def test_positives_are_the_phantoms_nodules_and_negatives_are_away_from_them(phantom):
    _, found = phantom
    assert found.positive.any() and (~found.positive).any()
    for row, y, x, series, positive in zip(
        found.row, found.y, found.x, found.series, found.positive, strict=True
    ):
        nodules = phantom_nodules(PHANTOM, int(series))
        place = torch.stack((row - series * PHANTOM.slices, y, x))
        away = (nodules.center - place).abs().amax(-1)
        assert away.min() <= 0.5 if positive else (away > nodules.radius + 6).all()


def test_both_kinds_are_dense_and_the_same_amount_of_lung_is_around_them(phantom):
    slices, found = phantom
    assert (slices.hu[found.row, found.y, found.x] > -300).all()
    hu = slices.hu[found.row].float()
    lung = ((hu > -950) & (hu < -500)).float()[:, None]
    share = F.avg_pool2d(lung, 13, 1, 6, count_include_pad=False)[:, 0]
    share = share[torch.arange(len(share)), found.y, found.x]
    assert abs(float(share[found.positive].mean() - share[~found.positive].mean())) < 0.1


def test_candidates_do_not_change_when_patients_are_added(phantom):
    _, found = phantom
    more = replace(PHANTOM, series=18)
    again = load_candidates("", more, load_slices("", more), CFG)
    assert torch.equal(again.row[: len(found.row)], found.row)


def test_no_series_is_on_two_sides_and_the_backbone_has_not_seen_the_tested(phantom):
    slices, found = phantom
    sides = split_by_series(found, 3)
    assert sorted(torch.cat(sides).tolist()) == list(range(len(found.row)))
    train, validation, test = (set(found.series[side].tolist()) for side in sides)
    assert not (train & validation or train & test or validation & test)
    assert torch.isin(found.row[sides[2]], slices.validation).all()
    assert torch.isin(found.row[torch.cat(sides[:2])], slices.train).all()
    other = split_by_series(found, 4)
    assert torch.equal(other[2], sides[2]) and not torch.equal(other[1], sides[1])


def test_a_side_without_one_kind_is_refused(phantom):
    _, found = phantom
    with pytest.raises(ValueError, match="must each have both kinds"):
        split_by_series(replace(found, positive=found.positive & found.seen), 0)


def test_lab_tests_on_enough_nodules_and_splits_as_documented():
    cfg = STUDY.config("cls", 0, "lab").dino.phantom
    assert cfg.validation_fraction == 0.2
    assert cfg.series * cfg.validation_fraction == 80


def test_slices_around_repeat_the_end_of_the_series(phantom):
    slices, _ = phantom
    assert around(slices, torch.tensor([1, 18, 30]), 2).tolist() == [
        [0, 0, 1, 2, 3],
        [16, 17, 18, 19, 19],
        [28, 29, 30, 31, 32],
    ]


@pytest.mark.parametrize(("y", "top"), [(30, 24), (2, 0), (63, 52)])
def test_a_crop_is_the_windowed_square_and_stays_in_the_slice(phantom, y, top):
    slices, _ = phantom
    rows, x = torch.tensor([[7, 8]]), 21
    got = crops(slices, rows, torch.tensor([y]), torch.tensor([x]), 12, 12, -500.0, 1500.0)
    assert got.shape == (1, 2, 3, 12, 12)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    gray = got * std[:, None, None] + mean[:, None, None]
    for place, centre in enumerate((7, 8)):
        hu = slices.hu[centre - 1 : centre + 2, top : top + 12, 15:27].float()
        expected = ((hu + 500 + 750) / 1500).clamp(0, 1)
        torch.testing.assert_close(gray[0, place], expected, rtol=1e-4, atol=1e-4)


def test_a_phantom_too_small_for_nodules_is_refused():
    tiny = replace(PHANTOM, side_px=16)
    found = load_candidates("", tiny, load_slices("", tiny), CFG)
    with pytest.raises(ValueError, match=r"\(0, 0\)\]; give more series"):
        split_by_series(found, 0)


SERIES = (
    ("c", ["train"] * 6, 40),
    ("a", ["train"] * 5, 44),
    ("b", ["validation"] * 5, 42),
    ("d", ["train", "gap", "validation"], 40),
)


def write_folder(folder: Path, labels: str | None, series=SERIES) -> str:
    """Series of unlike size in two files, one of them split along z."""
    draws, rows = np.random.default_rng(0), []
    for name, sides, side in series:
        for z, split in enumerate(sides):
            hu = draws.integers(-1000, 4000, (side, side)).astype("<i2")
            row = {"series": name, "split": split, "z": np.int32(z), "hu": hu.tobytes()}
            rows.append(row | {"height": np.int32(side), "width": np.int32(side)})
    for part, some in enumerate((rows[:8], rows[8:])):
        pq.write_table(pa.Table.from_pylist(some), folder / f"slices-{part:05}.parquet")
    text = {"schema": 1, "kind": "ct", "digest": str(folder), "hu_divisor": 1}
    (folder / "manifest.json").write_text(json.dumps(text))
    if labels is not None:
        (folder / "nodules.csv").write_text(labels)
    return str(folder)


def read(folder: str) -> Candidates:
    return load_candidates(folder, PHANTOM, load_slices(folder, PHANTOM), CFG)


def test_ratings_of_a_folder_are_read_as_documented(tmp_path):
    lines = "a,4,3,43,3.25\nc,2,10,12,3\nb,0,41,0,4.5\n"
    found = read(write_folder(tmp_path, HEADER + lines))
    assert found.row.tolist() == [10, 2, 11]
    assert (found.y.tolist(), found.x.tolist()) == ([3, 10, 41], [43, 12, 0])
    assert found.positive.tolist() == [True, False, True]  # a mean of just 3 is benign
    assert found.seen.tolist() == [True, True, False]
    assert found.series.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "law"),
    [
        (None, "must be a readable file with columns series, z, y, x, malignancy"),
        ("series,z,y,x\na,1,2,3\n", "line 1: must have columns .* none named 'malignancy'"),
        (HEADER, "line 2: must have at least one nodule, got none"),
        (HEADER + "a,1,2,3,4\na,1.5,2,3,4\n", "line 3: must have whole z, y, x and a rating"),
        (HEADER + "a,1,2\n", "line 2: must have whole z, y, x and a rating"),
        (HEADER + "e,1,2,3,4\n", "line 2: must have a series and z of the data set, got 'e', 1"),
        (HEADER + "a,5,2,3,4\n", "a series and z of the data set, got 'a', 5"),
        (HEADER + "a,1,44,3,4\n", r"y, x within \(44, 44\) .* got 44, 3, 4"),
        (HEADER + "a,1,2,3,0\n", r"malignancy in \[1, 5\], got 2, 3, 0"),
        (HEADER + "a,1,2,3,nan\n", r"malignancy in \[1, 5\], got 2, 3, nan"),
        (HEADER + "d,1,2,3,4\n", "a series that is on one side, got 'd' split by z"),
    ],
)
def test_bad_labels_are_refused_in_one_line(tmp_path, labels, law):
    with pytest.raises(ValueError, match=law) as refused:
        read(write_folder(tmp_path, labels))
    assert "\n" not in str(refused.value)


def test_a_crop_larger_than_a_labelled_slice_is_refused(tmp_path):
    folder = write_folder(tmp_path, HEADER + "c,2,10,12,3\n")
    with pytest.raises(ValueError, match="got 41 px for a slice of 40 px"):
        load_candidates(folder, PHANTOM, load_slices(folder, PHANTOM), NodulesConfig(crop_px=41))


def test_a_run_takes_its_labels_from_the_folder(tmp_path):
    series = [(name, ["train"] * 4, 40) for name in "acef"] + [("b", ["validation"] * 5, 42)]
    lines = [f"{name},{z},20,{10 + z},{1 + 3 * (z % 2)}\n" for name in "abcef" for z in range(4)]
    folder = write_folder(tmp_path, HEADER + "".join(lines), series)
    cfg = replace_fields(STUDY.config("lung", 0, "smoke"), {"data": folder})
    run = STUDY.run(cfg)
    assert [len(labels) for labels in run.labels] == [12, 4, 4]
    run.advance(cfg.steps)
    assert 0 <= run.evaluate()["test/auroc"] <= 1
