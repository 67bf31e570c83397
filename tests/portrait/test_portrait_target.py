"""The folder that is written: whole, once, gone on with where it broke off, without copies."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from picture_folders import noise, reasons, taken, twelve
from PIL import Image

from infra.ledger.data import data_digest
from trainables.portrait.ingest import ingest, looking
from trainables.portrait.ingest.copies import near, perceptual_hash, thumbnail
from trainables.portrait.ingest.split import identities, sides
from trainables.portrait.ingest.spool import Spool


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def table(to):
    return pq.read_table(to / "portraits-00000.parquet").to_pylist()


def test_the_digest_is_that_of_the_portraits_and_of_no_place(tmp_path):
    digest = taken(twelve(tmp_path / "in"), tmp_path / "a")["digest"]
    assert data_digest(str(tmp_path / "a")) == digest
    moved = twelve(tmp_path / "else" / "where")
    assert taken(moved, tmp_path / "b")["digest"] == digest
    assert taken(moved, tmp_path / "c", seed=1)["digest"] != digest
    (moved / "d.txt").write_text("Now with a caption.")
    assert taken(moved, tmp_path / "d")["digest"] != digest


def test_what_is_there_already_is_left_alone(tmp_path):
    source = twelve(tmp_path / "in")
    first = taken(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    assert taken(source, tmp_path / "out") == first
    assert contents(tmp_path / "out") == before
    assert set(before) == {"manifest.json", "portraits-00000.parquet"}


def test_a_damaged_set_is_made_again(tmp_path):
    source = twelve(tmp_path / "in")
    taken(source, tmp_path / "out")
    whole = contents(tmp_path / "out")
    (tmp_path / "out" / "portraits-00000.parquet").write_bytes(b"half")
    taken(source, tmp_path / "out")
    assert contents(tmp_path / "out") == whole


def test_an_ingestion_that_was_killed_is_gone_on_with(tmp_path, monkeypatch):
    source, done = twelve(tmp_path / "in"), []

    def dies(entry, *rest):
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(entry.id)
        return looking.look(entry, *rest)

    monkeypatch.setattr(ingest, "look", dies)
    with pytest.raises(KeyboardInterrupt):
        taken(source, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()
    spool = tmp_path / "out" / ".incomplete" / "looked.spool"
    spool.write_bytes(spool.read_bytes()[:-5])  # and its last record was torn
    monkeypatch.setattr(
        ingest, "look", lambda *all_: done.append(all_[0].id) or looking.look(*all_)
    )
    manifest = taken(source, tmp_path / "out")
    assert done == [*"abcdefg", *"ghijkl"]
    assert manifest["digest"] == taken(source, tmp_path / "other")["digest"]
    assert not (tmp_path / "out" / ".incomplete").exists()


def test_a_picture_that_changed_meanwhile_is_looked_at_again(tmp_path, monkeypatch):
    source = twelve(tmp_path / "in")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(ingest, "without_copies", _interrupts)
        taken(source, tmp_path / "out")
    noise(99).save(source / "b.png")
    os.utime(source / "b.png", ns=(1, 1))
    assert taken(source, tmp_path / "out")["digest"] == taken(source, tmp_path / "new")["digest"]


def _interrupts(*_):
    raise KeyboardInterrupt


def test_a_spool_gives_back_what_was_added(tmp_path):
    arrays = {"a": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.zeros((0, 4), np.uint8)}
    with Spool(tmp_path / "s") as spool:
        spool.add("k", {"said": [1, "ö"]}, arrays)
        spool.add("l", {}, {})
    with Spool(tmp_path / "s") as spool:
        said, found = spool.read(spool.places["k"])
        assert said == {"said": [1, "ö"]} and set(spool.places) == {"k", "l"}
        assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
        assert spool.shapes(spool.places["k"]) == {"a": (2, 3), "b": (0, 4)}


def test_a_damaged_shard_of_the_right_size_is_made_again(tmp_path):
    source = twelve(tmp_path / "in")
    taken(source, tmp_path / "out")
    whole = contents(tmp_path / "out")
    damage(tmp_path / "out" / "portraits-00000.parquet", 200)
    taken(source, tmp_path / "out")
    assert contents(tmp_path / "out") == whole


def damage(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_damaged_record_of_a_spool_is_passed_over_and_those_behind_it_are_not(tmp_path):
    with Spool(tmp_path / "s") as spool:
        places = [spool.add(key, {}, {"a": np.arange(50)}) for key in "klm"]
    damage(tmp_path / "s", places[2] - 7)  # in the array of the second
    with (tmp_path / "s").open("ab") as file:
        file.write(bytes(999))  # what a machine that went down left there
    with Spool(tmp_path / "s") as spool:
        assert set(spool.places) == {"k", "m"}
        spool.add("l", {"again": 1}, {})
    with Spool(tmp_path / "s") as spool:
        assert spool.read(spool.places["l"]) == ({"again": 1}, {})
        assert spool.read(spool.places["m"])[1]["a"].tolist() == list(range(50))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"size": 24}, r"size 16, not 24"),
        ({"seed": 2}, r"seed 0, not 2"),
        ({"validation_fraction": 0.3}, r"validation_fraction 0.1, not 0.3"),
        ({"landmarks": "none"}, r"landmarks 'given', not 'none'"),
    ],
)
def test_another_law_is_refused_where_an_ingestion_is(tmp_path, other, told):
    source = twelve(tmp_path / "in")
    taken(source, tmp_path / "out")
    with pytest.raises(ValueError, match=f"must be empty or hold the same data, .*{told}"):
        taken(source, tmp_path / "out", **other)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    source = twelve(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="got 'thesis.tex' in it; name another folder"):
        taken(source, tmp_path / "out")
    (tmp_path / "out" / "thesis.tex").unlink()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({"kind": "ct", "schema": 1}))
    with pytest.raises(ValueError, match="must be the manifest of a portraits data set.*'ct'"):
        taken(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 7}, r"size must be in \[8, 4096\] pixels, got 7"),
        ({"validation_fraction": 0.6}, r"must be in \(0, 0.5\], got 0.6"),
        ({"require": ("hats",)}, "require must be of captions, .*got 'hats'"),
        ({"beside": Path("/nowhere")}, "beside '/nowhere' must be a folder"),
    ],
)
def test_wrong_options_are_refused_in_a_line(tmp_path, options, told):
    with pytest.raises(ValueError, match=told) as refused:
        taken(twelve(tmp_path / "in"), tmp_path / "out", **options)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_source_without_portraits_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="got none that can be read .'a.png': no readable PNG"):
        taken(tmp_path / "in", tmp_path / "out")
    noise(1).save(tmp_path / "in" / "a.png")
    with pytest.raises(ValueError, match="a split must have portraits of someone on both sides"):
        taken(tmp_path / "in", tmp_path / "out")


def test_people_stay_on_one_side(tmp_path):
    for person in "pqrstuvw":
        twelve(tmp_path / "in" / person, "abc" if person > "r" else "ab")
    for number, path in enumerate(sorted((tmp_path / "in").rglob("*.png"))):
        noise(number).save(path)
    manifest = taken(tmp_path / "in", tmp_path / "out")
    sides_of = {}
    for row in table(tmp_path / "out"):
        sides_of.setdefault(row["identity"], set()).add(row["split"])
    assert set(sides_of) == set("pqrstuvw") and all(len(some) == 1 for some in sides_of.values())
    assert manifest["split_by"] == "folder"


def test_metadata_that_name_a_person_decide_before_folders():
    ids, told = ["x/1", "x/2", "y/1", "z"], ["", "jo", "jo", ""]
    keys, by = identities(ids, told, "auto")
    assert keys == ["x", "is jo", "is jo", "z"] and by == "identity"
    assert identities(ids, [""] * 4, "auto") == (["x", "x", "y", "z"], "folder")
    assert identities(["1", "2"], ["", ""], "auto") == (["1", "2"], "name")
    assert identities(["x/1", "x/2"], ["", ""], "auto") == (["x/1", "x/2"], "name")


def test_more_people_move_none():
    some = sides([f"person {n}" for n in range(40)], 0.2, 0)
    more = sides([f"person {n}" for n in range(90)], 0.2, 0)
    assert all(more[name] == side for name, side in some.items())
    assert {*some.values()} == {"train", "validation"}


def test_of_equal_pictures_the_first_is_kept_and_the_rest_is_told(tmp_path):
    source = twelve(tmp_path / "in")
    noise(3).save(source / "z.png")
    (source / "y.webp").write_bytes((source / "z.png").read_bytes())
    manifest = taken(source, tmp_path / "out")
    assert manifest["copies"]["exact"] == 2 and sum(manifest["rows"].values()) == 12
    assert sorted(reasons(manifest["skipped"])["the same picture as d"]) == ["y.webp", "z.png"]
    assert "; 2 copies, 0 near across the split, 0 others skipped" in manifest["summary"]
    (source / "y.webp").write_bytes(b"")
    one = taken(source, tmp_path / "one")["summary"]
    assert "; 1 copy, 0 near across the split, 1 other skipped" in one
    (source / "y.webp").write_bytes((source / "z.png").read_bytes())
    kept = taken(source, tmp_path / "kept", keep_duplicates=True)
    assert sum(kept["rows"].values()) == 14


def test_of_nearly_equal_pictures_across_the_split_the_held_out_one_is_kept(tmp_path):
    source = twelve(tmp_path / "in")
    taken(source, tmp_path / "a", validation_fraction=0.3)
    held_out = [row["id"] for row in table(tmp_path / "a") if row["split"] == "validation"]
    for name in held_out:
        image = Image.open(source / f"{name}.png").resize((57, 57))
        for number in range(5):  # some of them train
            image.save(source / f"copy of {name} {number}.jpg", quality=90 + number)
    manifest = taken(source, tmp_path / "out", validation_fraction=0.3)
    assert manifest["copies"]["near_across"] > 0
    left = [e for e in manifest["skipped"] if e["reason"].startswith("nearly the picture ")]
    assert left and all("which validates" in entry["reason"] for entry in left)
    kept = table(tmp_path / "out")
    assert {*held_out} <= {row["id"] for row in kept if row["split"] == "validation"}
    assert not _across(kept)
    both = taken(source, tmp_path / "both", validation_fraction=0.3, keep_duplicates=True)
    assert both["copies"]["near_across"] == manifest["copies"]["near_across"]
    assert _across(table(tmp_path / "both"))


def _across(rows):
    def told(side):
        pictures = [
            np.frombuffer(row["pixels"], np.uint8).reshape(16, 16, 3)
            for row in rows
            if row["split"] == side
        ]
        hashes = np.array([perceptual_hash(one) for one in pictures], np.uint64)
        return hashes, np.stack([thumbnail(one).ravel() for one in pictures])

    (ours, our_thumbs), (theirs, their_thumbs) = told("train"), told("validation")
    return near(ours, theirs, our_thumbs, their_thumbs)


def test_pictures_that_are_alike_in_their_hash_alone_are_no_copies():
    """Aligned faces share their low frequencies; their colours tell them apart."""
    grey = np.asarray(noise(1).convert("L"))
    red = np.stack([grey // 2 + 120, grey // 2, grey // 2], -1)
    blue = np.stack([grey // 2, grey // 2, grey // 2 + 120], -1)
    hashes = np.array([[perceptual_hash(one)] for one in (red, blue)], np.uint64)
    thumbs = [thumbnail(one).reshape(1, -1) for one in (red, blue)]
    assert np.bitwise_count(hashes[0] ^ hashes[1]).max() <= 6
    assert near(hashes[0], hashes[1], thumbs[0], thumbs[1]) == []
    assert near(hashes[0], hashes[0], thumbs[0], thumbs[0]) == [(0, 0)]
