"""Each odd picture by name: what is made of it, or why it is left out."""

import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from picture_folders import beside, noise, reasons, taken, twelve
from PIL import Image

from trainables.portrait.ingest import ingest, telling
from trainables.portrait.ingest.pictures import Unreadable, read_array, read_picture


def pixels(path):
    return np.asarray(read_picture(path).pixels)


def test_a_picture_stands_as_its_exif_says(tmp_path):
    upright = noise(1, 24, 40)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert np.array_equal(np.asarray(picture.pixels), np.asarray(upright))
    assert picture.turned and picture.notes == ("turned as its EXIF says",)


def test_what_is_transparent_lies_on_white(tmp_path):
    image = noise(1).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda v: 255 * (v > 127)))
    image.save(tmp_path / "a.webp", lossless=True)
    found = pixels(tmp_path / "a.webp")
    assert (found[:19] == 255).all()
    assert np.array_equal(found[21:], np.asarray(noise(1))[21:])


def test_a_palette_with_a_clear_colour_lies_on_white_too(tmp_path):
    image = Image.new("P", (20, 20), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.paste(1, (0, 0, 10, 20))
    image.save(tmp_path / "a.png", transparency=0)
    found = pixels(tmp_path / "a.png")
    assert found[5, 5].tolist() == [40, 50, 60] and found[5, 15].tolist() == [255, 255, 255]


def test_grey_of_8_and_of_16_bits_is_the_same_grey(tmp_path):
    grey = np.asarray(noise(2).convert("L"))
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "b.png")
    assert (pixels(tmp_path / "a.png") == grey[..., None]).all()
    assert np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))
    assert read_picture(tmp_path / "b.png").notes == ("16 bits, brought to 8",)


def test_printers_colours_become_red_green_and_blue(tmp_path):
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    red, green, blue = pixels(tmp_path / "a.jpg").mean((0, 1))
    assert red > 240 and green < 15 and blue < 15
    assert "CMYK" in read_picture(tmp_path / "a.jpg").notes[0]


def test_of_an_animation_the_first_frame_is_taken_and_that_is_told(tmp_path):
    noise(1).save(tmp_path / "a.webp", save_all=True, append_images=[noise(2)], lossless=True)
    picture = read_picture(tmp_path / "a.webp")
    assert np.array_equal(np.asarray(picture.pixels), np.asarray(noise(1)))
    assert picture.notes == ("animated, its first frame taken",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no readable PNG, JPEG or WebP"),
        (b"GIF89a and so on", "no readable PNG, JPEG or WebP"),
        ("cut", "no readable PNG, JPEG or WebP"),
        ("tiny", "7 x 9 px, less than 8 at a side"),
    ],
)
def test_a_file_that_is_no_picture_says_why(tmp_path, content, reason):
    path = tmp_path / "a.png"
    if content == "cut":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:9000])
    elif content == "tiny":
        Image.new("RGB", (7, 9)).save(path)
    else:
        path.write_bytes(content)
    with pytest.raises(Unreadable) as refused:
        read_picture(path)
    assert reason in str(refused.value) and str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((3, 20, 20), 1.5, np.float16), "from 1.5 to 1.5, not within"),
        (np.full((3, 20, 20), -1, np.float32), "from -1 to -1, not within"),
        (np.full((3, 20, 20), np.nan, np.float16), "from nan to nan, not within"),
        (np.zeros((20, 20, 3), np.float16), "not of floats (3, h, w)"),
        (np.zeros((3, 20, 20), np.uint8), "not of floats (3, h, w)"),
        (np.zeros((3, 4, 20), np.float16), "20 x 4 px"),
    ],
)
def test_pixels_beyond_their_range_are_refused_and_not_cut(tmp_path, array, reason):
    np.save(tmp_path / "pixel.npy", array)
    with pytest.raises(Unreadable) as refused:
        read_array(tmp_path / "pixel.npy")
    assert reason in str(refused.value)


def test_one_bad_file_ends_nothing_and_is_in_the_manifest(tmp_path):
    source = twelve(tmp_path / "in")
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (source / "moving.gif").write_bytes(b"GIF89a")
    (source / "a.jpg").write_bytes(b"another a")
    (source / "gone.png").symlink_to("nowhere.png")
    (source / ".hidden.png").write_bytes(b"nobody sees it")
    manifest = taken(source, tmp_path / "out")
    assert sum(manifest["rows"].values()) == 11
    found = reasons(manifest["skipped"])
    assert found.pop("its id is that of a.jpg") == ["a.png"]
    assert found.pop("no PNG, JPEG or WebP") == ["moving.gif"]
    assert all(why.startswith("no readable PNG, JPEG or WebP (") for why in found)
    assert sorted(sum(found.values(), [])) == ["a.jpg", "broken.jpg", "gone.png"]


def test_a_pipe_is_not_waited_for_and_an_empty_file_is_called_empty(tmp_path):
    source = twelve(tmp_path / "in")
    os.mkfifo(source / "pipe.png")
    (source / "nothing.png").write_bytes(b"")
    found = reasons(taken(source, tmp_path / "out")["skipped"])
    assert found == {
        "no plain file": ["pipe.png"],
        "no readable PNG, JPEG or WebP (the file is empty)": ["nothing.png"],
    }


def test_what_lies_beside_a_picture_and_cannot_be_opened_is_not_the_targets_fault(tmp_path):
    """A name of bytes that are no text has a place that is longer than a name may be."""
    source = twelve(tmp_path / "in")
    noise(50).save(os.fsencode(source) + b"/" + b"\xff" * 100 + b".png", format="PNG")
    manifest = taken(source, tmp_path / "out")
    assert sum(manifest["rows"].values()) == 13
    assert list(reasons(manifest["absent"])) == [
        "what lies beside it cannot be opened (File name too long)"
    ]


def test_a_source_that_fails_while_it_is_read_is_not_the_targets_fault(tmp_path, monkeypatch):
    def fails(entry, *rest):
        if entry.id == "c":
            raise OSError(5, "Input/output error")
        return look(entry, *rest)

    look = ingest.look
    monkeypatch.setattr(ingest, "look", fails)
    manifest = taken(twelve(tmp_path / "in"), tmp_path / "out")
    assert reasons(manifest["skipped"]) == {"cannot be read (Input/output error)": ["c.png"]}


def test_what_was_left_out_is_told_before_a_refusal(tmp_path, capsys):
    source = twelve(tmp_path / "in", "a")
    (source / "nothing.png").write_bytes(b"")
    with pytest.raises(ValueError, match="a split must have portraits of someone on both sides"):
        taken(source, tmp_path / "out")
    assert "the file is empty" in capsys.readouterr().err


def test_only_where_states_were_left_open_weights_are_said_to_be_missing(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(telling, "weights_of", lambda _: None)
    source = twelve(tmp_path / "in")
    (source / "a.txt").write_text("A face.")
    taken(source, tmp_path / "none", text="none", landmarks="none")
    told = capsys.readouterr().err
    assert "without states" not in told and "no joints" not in told
    taken(source, tmp_path / "auto", text="auto", landmarks="auto")
    told = capsys.readouterr().err
    assert "captions are kept without states" in told and "no joints: none are given" in told


def test_a_portrait_may_be_an_array_among_what_is_known_of_it(tmp_path):
    source = twelve(tmp_path / "in")
    beside(source / "deep" / "m")
    np.save(source / "deep" / "m" / "pixel.npy", np.full((3, 16, 16), 0.5, np.float16))
    noise(77).save(source / "deep" / "m" / "shown.png")
    manifest = taken(source, tmp_path / "out", split="name")
    table = pq.read_table(tmp_path / "out" / "portraits-00000.parquet")
    row = next(row for row in table.to_pylist() if row["id"] == "deep/m")
    assert row["pixels"] == bytes([128]) * (16 * 16 * 3)
    told = {"lies among what is known of another picture": ["deep/m/shown.png"]}
    assert reasons(manifest["skipped"]) == told


def test_pictures_go_to_the_bucket_of_their_shape_cut_about_their_middle(tmp_path):
    source = twelve(tmp_path / "in", "abcdef")
    for n, name in enumerate("uvwxyz"):
        noise(20 + n, 120, 80).save(source / f"{name}.png")
    manifest = taken(source, tmp_path / "out", size=32, shapes="aspect")
    assert manifest["buckets"] == {"26x38": 6, "32x32": 6}
    for shard in manifest["shards"]:  # one bucket each, as a batch has one
        table = pq.read_table(tmp_path / "out" / shard["file"])
        assert set(table["height"].to_pylist()) == {shard["height"]}
    square = taken(source, tmp_path / "square", size=20)
    table = pq.read_table(tmp_path / "square" / square["shards"][0]["file"]).to_pylist()
    row = next(row for row in table if row["id"] == "u")
    middle = np.asarray(noise(20, 120, 80).crop((0, 20, 80, 100)).resize((20, 20), 3), int)
    assert np.abs(np.frombuffer(row["pixels"], np.uint8).reshape(20, 20, 3) - middle).max() <= 3


def test_a_side_without_whole_buckets_is_refused(tmp_path):
    with pytest.raises(ValueError, match="size must be a multiple of 16 for buckets by aspect"):
        taken(twelve(tmp_path / "in"), tmp_path / "out", size=24, shapes="aspect")


def test_few_held_out_people_are_told(tmp_path, capsys):
    taken(twelve(tmp_path / "in"), tmp_path / "out")
    assert "who alone decide what is better" in capsys.readouterr().err
