"""What lies beside a picture: joined by id, brought to what is shown, or absent and why."""

import warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from picture_folders import beside, noise, reasons, taken, twelve
from PIL import Image

from trainables.portrait.portraits import PARTS

MIDDLE = [[0.0, 0.0, 0.9]] * 4
VALID = {"pose": MIDDLE}
TWO_ROWS = {"whole": np.ones((2, 3)), "patches": np.ones((2, 4, 6))}


@pytest.fixture
def source(tmp_path):
    """Twelve portraits with all that is known of each, four joints and nine patches."""
    folder = twelve(tmp_path / "in")
    for name in "abcdefghijkl":
        beside(folder / name, **VALID)
        (folder / name / "caption.txt").write_text(f"A face,\n called {name}.")
    return folder


def rows(to):
    table = pq.read_table(to / "portraits-00000.parquet")
    return {row["id"]: row for row in table.to_pylist()}


def test_what_is_known_lies_in_the_rows(source, tmp_path):
    manifest = taken(source, tmp_path / "out")
    assert manifest["known"] == {"captions": 12, "pose": 12, "segmentation": 0, "features": 12}
    assert manifest["joints"] == 4 and manifest["absent"] == []
    grids = {"16x16": [3, 3]}
    assert manifest["features"] == {"whole": 5, "patches": 7, "grids": grids}
    row = rows(tmp_path / "out")["c"]
    assert row["caption"] == "A face, called c."
    pose = np.frombuffer(row["pose"], "<f4").reshape(4, 3)
    assert np.allclose(pose, [0.5, 0.5, 0.9], atol=1e-3)
    assert np.frombuffer(row["whole"], "<f2").tolist() == [0, 1, 2, 3, 4]


def spoil(folder, kind):
    """Makes what is known of one picture unusable in one way."""
    patches = np.ones((9, 7), np.float16)
    if kind == "nan":
        patches[3, 2] = np.nan
        np.save(folder / "dinov3_patches.npy", patches)
    elif kind == "grid":
        np.save(folder / "dinov3_patches.npy", patches[:8])
    elif kind == "width":
        np.save(folder / "dinov3_patches.npy", patches[:, :6])
    elif kind == "half":
        (folder / "dinov3_cls.npy").unlink()
    elif kind == "cut":
        (folder / "metadata.json").write_text('{"aspect_bucket": "768x1280"}')
        np.save(folder / "dinov3_patches.npy", np.ones((80 * 48, 7), np.float16))
    elif kind == "broken":
        (folder / "dinov3_patches.npy").write_bytes(b"\x93NUMPY and no more")
    elif kind == "pickled":
        np.save(folder / "dinov3_patches.npy", np.array([{}], dtype=object), allow_pickle=True)
    elif kind == "joints":
        np.save(folder / "pose.npy", np.zeros((5, 3), np.float16))
    elif kind == "beyond":
        np.save(folder / "pose.npy", np.full((4, 3), 1.5, np.float16))
    elif kind == "flat":
        np.save(folder / "pose.npy", np.zeros((4, 2), np.float16))
    elif kind in ("two", "nobody"):
        (folder / "pose.npy").unlink()
        np.save(folder / "pose2.npy", np.zeros((1, 5, 2) if kind == "two" else (2, 0, 3)))
    elif kind == "whole numbers":
        np.save(folder / "dinov3_cls.npy", np.arange(5))
    elif kind == "archive":
        (folder / "dinov3_cls.npy").write_bytes(b"PK\x03\x04 and no more")
    elif kind == "empty":
        (folder / "dinov3_cls.npy").write_bytes(b"")
    elif kind == "half a pair":
        (folder / "metadata.json").write_text(r'{"identity": "\ud800"}')
    elif kind == "long":
        (folder / "metadata.json").write_text(f'{{"aspect_bucket": "{"9" * 5000}x1"}}')
    elif kind == "metadata":
        (folder / "metadata.json").write_text("{")
    elif kind == "caption":
        (folder / "caption.txt").write_bytes(b"\xff\xfe\xff")
    elif kind == "classes":
        np.save(folder / "seg.npy", np.full((8, 8), 28, np.uint8))


@pytest.mark.parametrize(
    ("kind", "lost", "reason"),
    [
        ("nan", "patches", "features of patches have a value that is no finite number"),
        ("grid", "patches", "features of 8 patches, which fill no square"),
        ("width", "patches", "patches of 6 numbers, not 7 as most"),
        ("half", "patches", "features are dinov3_patches.npy alone"),
        ("cut", "patches", "features are of another cut (768x1280) than is shown"),
        ("broken", "patches", "dinov3_patches.npy is no readable array"),
        ("pickled", "patches", "dinov3_patches.npy is no readable array"),
        ("joints", "pose", "pose of 5 joints, not 4 as most"),
        ("flat", "pose", "pose.npy of float16 (4, 2), not of floats (joints, 3)"),
        ("two", "pose", "pose2.npy of float64 (1, 5, 2), not of floats (joints, 3)"),
        ("nobody", "pose", "pose2.npy of float64 (2, 0, 3), not of floats (joints, 3)"),
        ("whole numbers", "patches", "features of the whole are of int64, not of floats"),
        ("archive", "patches", "dinov3_cls.npy is no readable array"),
        ("empty", "patches", "dinov3_cls.npy is empty"),
        ("half a pair", None, "metadata.json has half of a surrogate pair, which is no text"),
        ("long", None, "metadata.json: aspect_bucket is no size such as bucket_832x1216"),
        ("metadata", None, "metadata.json is no readable JSON"),
        ("caption", "caption", "its caption is no UTF-8 text"),
        ("classes", "parts", "seg.npy has classes from 28 to 28, not within 0 to 27"),
    ],
)
def test_what_cannot_be_used_is_absent_and_the_portrait_stays(source, tmp_path, kind, lost, reason):
    spoil(source / "e", kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manifest = taken(source, tmp_path / "out")
    assert reasons(manifest["absent"]) == {reason: ["e.png"]}
    row = rows(tmp_path / "out")["e"]
    assert lost is None or not row[lost]
    assert lost != "patches" or row["whole"] is None  # a teacher gives both
    assert all(row["patches"] for name, row in rows(tmp_path / "out").items() if name != "e")


def test_of_several_people_the_one_who_is_seen_best_is_taken(source, tmp_path):
    (source / "e" / "pose.npy").unlink()
    people = np.full((3, 4, 3), [10.0, 30.0, 0.5])
    people[1] = [20.0, 30.0, 0.8]
    people[2, :, 2] = np.nan
    np.save(source / "e" / "pose2.npy", people)
    taken(source, tmp_path / "out")
    pose = np.frombuffer(rows(tmp_path / "out")["e"]["pose"], "<f4").reshape(4, 3)
    assert np.allclose(pose, [0.5, 0.75, 0.8])


def test_joints_beyond_what_is_shown_are_not_seen(source, tmp_path):
    spoil(source / "e", "beyond")
    pose = [[0, 0, 0.9], [1.2, 0, 0.9], [np.nan, 0, 0.9], [0, 0, 3.0]]
    np.save(source / "f" / "pose.npy", np.array(pose, np.float16))
    manifest = taken(source, tmp_path / "out")
    found = rows(tmp_path / "out")
    assert not np.frombuffer(found["e"]["pose"], "<f4").any()
    seen = np.frombuffer(found["f"]["pose"], "<f4").reshape(4, 3)[:, 2]
    assert np.allclose(seen, [0.9, 0, 0, 1], atol=1e-3)
    assert reasons(manifest["absent"]) == {"no joint lies within what is shown": ["e.png"]}
    beyond = "joints beyond what is shown, taken as not seen"
    assert reasons(manifest["notes"])[beyond] == ["f.png"]


def test_joints_and_classes_of_another_cut_are_brought_to_ours(tmp_path):
    """A mark in the picture is where its joint and its class say, whatever the network saw."""
    source = twelve(tmp_path / "in", "abc")
    picture = np.full((128, 64, 3), 200, np.uint8)
    picture[40:48, 40:48] = 0
    Image.fromarray(picture).save(source / "m.png")
    # Of 128 x 64 px the documented network sees 1344 x 704, all rows and nearly all columns.
    x, y = (44 - 32) / 32 * 64 / 67.05, (44 - 64) / 64
    classes = np.zeros((1344, 704), np.uint8)
    classes[420:504, 440:528] = 3
    beside(source / "m", bucket="704x1344", grid=None, pose=[[x, y, 1.0]], seg=classes)
    taken(source, tmp_path / "out", size=64)
    row = rows(tmp_path / "out")["m"]
    shown = np.frombuffer(row["pixels"], np.uint8).reshape(64, 64, 3)
    assert (shown[10:14, 42:46] < 20).all()  # the square is the middle: rows 32 to 96
    px, py, _ = np.frombuffer(row["pose"], "<f4")
    assert abs(px * 64 - 44) < 1.5 and abs(py * 64 - 12) < 1
    parts = np.frombuffer(row["parts"], np.uint8).reshape(64, 64)
    hair = np.argwhere(parts == PARTS.index("hair"))
    assert np.abs(hair.mean(0) - (11.5, 43.5)).max() < 2
    assert set(np.unique(parts)) == {0, PARTS.index("hair")}


def test_what_a_network_saw_before_the_picture_was_turned_is_absent(source, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    noise(50).save(source / "e.png", exif=exif)
    manifest = taken(source, tmp_path / "out")
    (reason,) = reasons(manifest["absent"])
    assert reason.startswith("dinov3_cls.npy, dinov3_patches.npy, pose.npy: of the picture before")
    assert rows(tmp_path / "out")["e"]["pose"] is None


def test_features_of_many_pictures_are_joined_by_id_and_not_by_order(tmp_path):
    source = twelve(tmp_path / "in")
    ids = np.array(["l", "a", "nobody"])
    patches = np.ones((3, 4, 6), np.float32)
    np.savez(source / "features.npz", ids=ids, whole=np.diag([1.0, 2, 3]), patches=patches)
    manifest = taken(source, tmp_path / "out")
    found = rows(tmp_path / "out")
    assert np.frombuffer(found["a"]["whole"], "<f2").tolist() == [0, 2, 0]
    assert np.frombuffer(found["l"]["whole"], "<f2").tolist() == [1, 0, 0]
    assert manifest["known"]["features"] == 2 and found["b"]["whole"] is None
    assert manifest["features_without_picture"] == 1


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"whole": np.ones((12, 3))}, "it must have ids, whole and patches"),
        ({"ids": np.array(["a"]), **TWO_ROWS}, "1 ids, 2 rows of whole, 2 of patches, not as many"),
        ({"ids": np.array(["a", "a"]), **TWO_ROWS}, "1 of its ids stand there twice"),
    ],
)
def test_features_that_cannot_be_joined_are_absent(tmp_path, arrays, reason):
    source = twelve(tmp_path / "in")
    np.savez(source / "features.npz", **arrays)
    manifest = taken(source, tmp_path / "out")
    assert manifest["known"]["features"] == 0
    assert reason in next(iter(reasons(manifest["absent"])))


def test_a_folder_called_as_the_features_of_many_pictures_is_told(tmp_path):
    source = twelve(tmp_path / "in")
    (source / "features.npz").mkdir()
    manifest = taken(source, tmp_path / "out")
    assert reasons(manifest["absent"]) == {"it is no plain file": ["features.npz"]}


def test_a_caption_that_cannot_be_read_says_so(source, tmp_path, monkeypatch):
    def refuses(path, *rest, **options):
        if path.parent.name == "e" and path.name == "caption.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return reading(path, *rest, **options)

    reading = Path.read_text
    monkeypatch.setattr(Path, "read_text", refuses)
    manifest = taken(source, tmp_path / "out")
    told = {"its caption cannot be read (Permission denied)": ["e.png"]}
    assert reasons(manifest["absent"]) == told


def test_what_is_required_decides_who_is_in(source, tmp_path):
    (source / "e" / "caption.txt").write_text(" \n")
    spoil(source / "f", "nan")
    manifest = taken(source, tmp_path / "out", require=("captions", "features"))
    assert sum(manifest["rows"].values()) == 10
    assert reasons(manifest["skipped"]) == {
        "has no captions, which are required": ["e.png"],
        "has no features, which are required": ["f.png"],
    }
    with pytest.raises(ValueError, match="must be some that have segmentation, got none of 12"):
        taken(source, tmp_path / "none", require=("segmentation",))


def test_what_is_known_may_lie_elsewhere_and_states_of_captions_may_be_given(tmp_path):
    source = twelve(tmp_path / "in")
    states = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float16)
    mask = np.array([1, 1, 1, 0, 0, 0], np.uint8)
    for name in "abcdefghijkl":
        beside(source / "known" / name, grid=None, t5_hidden=states, t5_mask=mask)
        (source / f"{name}.txt").write_text("A caption of its own.")
    np.save(source / "known" / "c" / "t5_mask.npy", mask[:4])
    np.save(source / "known" / "d" / "pixel.npy", np.zeros((3, 16, 16), np.float16))
    manifest = taken(source, tmp_path / "out", beside=source / "known", text="t5")
    found = rows(tmp_path / "out")
    assert set(found) == set("abcdefghijkl") and found["d"]["place"] == "d.png"
    assert found["b"]["caption"] == "A caption of its own."
    assert np.array_equal(np.frombuffer(found["b"]["text"], "<f2").reshape(3, 8), states[:3])
    assert reasons(manifest["absent"]) == {"t5_hidden.npy of (6, 8) with a mask of (4,)": ["c.png"]}
