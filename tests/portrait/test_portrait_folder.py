"""What a run is given of a prepared folder, and what it is refused."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from picture_folders import beside, noise, reasons, taken, twelve

from trainables.portrait import folder, folder_arrays, portrait
from trainables.portrait.config import (
    EvaluationConfig,
    PartsConfig,
    PortraitConfig,
    PortraitsConfig,
)
from trainables.portrait.data import load_data
from trainables.portrait.folder import lacking, read_portraits, refuse_lacking
from trainables.portrait.ingest.beside import OTHER
from trainables.portrait.portraits import JOINTS, PARTS
from trainables.portrait.weights import weights_of

CFG = PortraitsConfig(size=16)
needs_minilm = pytest.mark.skipif(
    weights_of("minilm") is None, reason="the weights of minilm are not there; run `make weights`"
)


@pytest.fixture
def bare(tmp_path):
    """A prepared folder of pictures alone."""
    to = tmp_path / "bare"
    taken(twelve(tmp_path / "in"), to)
    return to


@pytest.fixture
def full(tmp_path):
    """A prepared folder with everything beside each picture."""
    source = twelve(tmp_path / "all")
    classes = np.zeros((8, 8), np.uint8)
    classes[:4] = 3
    for n, name in enumerate("abcdefghijkl"):
        beside(source / name, pose=[[n / 20, 0, 0.9]] * 4, seg=classes)
        (source / name / "caption.txt").write_text(f"A face called {name}.")
    taken(source, tmp_path / "full")
    return tmp_path / "full"


def test_portraits_are_read_with_all_that_is_known(full):
    train, held_out, words = read_portraits(str(full), CFG)
    assert len(train) + len(held_out) == 12 and not {*train.names} & {*held_out.names}
    assert train.images.shape[1:] == (3, 16, 16) and not lacking(train)
    (n,) = (n for n, name in enumerate(train.names) if name == "c")
    assert train.captions[n] == "A face called c."
    assert torch.allclose(train.conditions.pose[n, 0], torch.tensor([0.55, 0.5, 0.9]), atol=1e-3)
    assert train.conditions.whole.shape[1:] == (5,) and train.conditions.patches.shape[1:] == (9, 7)
    assert (train.parts[:, :8] == PARTS.index("hair")).all() and not train.parts[:, 8:].any()
    again, mask = words.encode(train.captions)
    assert torch.equal(again, train.conditions.text)
    assert torch.equal(mask, train.conditions.text_mask) and mask.any(1).all()


def test_what_is_absent_is_there_as_what_it_is(bare):
    train, held_out, _ = read_portraits(str(bare), CFG)
    assert lacking(train) == lacking(held_out) == {"captions", "pose", "segmentation"}
    assert (train.parts == OTHER).all() and {*train.captions} == {""}
    assert not train.conditions.text_mask.any() and not train.conditions.text.any()
    assert train.conditions.pose.shape[1:] == (len(JOINTS), 3) and not train.conditions.pose.any()
    assert train.conditions.whole.shape[1] == 0


def test_features_that_one_of_those_read_has_not_are_not_used(tmp_path):
    source = twelve(tmp_path / "in")
    for name in "abcdefghijk":
        beside(source / name)
    manifest = taken(source, tmp_path / "out")
    assert manifest["known"]["features"] == 11
    train, held_out, _ = read_portraits(str(tmp_path / "out"), CFG)
    assert train.conditions.patches.shape[2] == held_out.conditions.patches.shape[2] == 0


def test_a_run_may_read_fewer_and_smaller_ones(full):
    train, held_out, _ = read_portraits(str(full), PortraitsConfig(size=8, train=3, held_out=1))
    whole, _, _ = read_portraits(str(full), CFG)
    assert len(train) == 3 and len(held_out) == 1
    assert train.names == whole.names[:3] and train.images.shape[1:] == (3, 8, 8)
    mean = whole.images[:3].float().mean((2, 3)) - train.images.float().mean((2, 3))
    assert mean.abs().max() < 4
    assert (train.parts[:, :4] == PARTS.index("hair")).all()


def test_large_sets_are_mapped_and_the_same(full, monkeypatch):
    held, _, _ = read_portraits(str(full), CFG)
    monkeypatch.setattr(folder_arrays, "RAM_BYTES", 0)
    for _ in range(2):  # made, then found
        folder._read.cache_clear()
        train, held_out, _ = read_portraits(str(full), CFG)
        assert torch.equal(train.images, held.images) and torch.equal(train.parts, held.parts)
        assert torch.equal(train.conditions.patches.float(), held.conditions.patches)
        assert len(held_out) == 12 - len(train)
        assert [path.is_dir() for path in full.glob(".mapped-*")] == [True]
    folder._read.cache_clear()


def manifest_with(place, **changed):
    path = place / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / "manifest.json").unlink(), "must hold manifest.json with a digest"),
        (lambda f: manifest_with(f, kind="ct"), "must be the manifest of a portraits data set"),
        (
            lambda f: manifest_with(f, digest="0" * 64),
            "must be those of its manifest's digest, and are not",
        ),
        (lambda f: (f / "portraits-00000.parquet").unlink(), "must hold every portraits-"),
        (lambda f: (f / "portraits-00000.parquet").write_bytes(b"x"), "must hold every portraits-"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_in_a_line(bare, spoil, told):
    spoil(bare)
    with pytest.raises(ValueError, match=told) as refused:
        read_portraits(str(bare), CFG)
    assert "ablate data portraits" in str(refused.value) or "name another" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_shard_of_its_size_that_says_something_else_is_refused(full):
    """Whatever column is damaged: here a caption, whose row keeps its own hash."""
    path = full / "portraits-00000.parquet"
    rows = pq.read_table(path)
    captions = [f"{cell[:-1]}!" for cell in rows["caption"].to_pylist()]
    place = rows.schema.get_field_index("caption")
    pq.write_table(rows.set_column(place, "caption", pa.array(captions)), path)
    shards = json.loads((full / "manifest.json").read_text())["shards"]
    manifest_with(full, shards=[shards[0] | {"bytes": path.stat().st_size}])
    with pytest.raises(ValueError, match="must hold every portraits-.* whole, and does not"):
        read_portraits(str(full), CFG)


def test_pixels_that_are_not_those_of_their_hash_are_refused(bare):
    """Also where an older manifest has no hashes of shards."""
    path = bare / "portraits-00000.parquet"
    rows = pq.read_table(path)
    pixels = [bytes(len(cell)) for cell in rows["pixels"].to_pylist()]
    place = rows.schema.get_field_index("pixels")
    pq.write_table(rows.set_column(place, "pixels", pa.array(pixels, pa.binary())), path)
    shards = json.loads((bare / "manifest.json").read_text())["shards"]
    del shards[0]["sha256"]
    manifest_with(bare, shards=[shards[0] | {"bytes": path.stat().st_size}])
    with pytest.raises(ValueError, match="row 0 must have the pixels of its hash"):
        read_portraits(str(bare), CFG)


def test_larger_portraits_than_were_prepared_are_refused(bare):
    with pytest.raises(ValueError, match="at most the 16 pixels that it was prepared at, got 32"):
        read_portraits(str(bare), PortraitsConfig(size=32))


def test_of_buckets_the_square_one_is_read(tmp_path):
    source = twelve(tmp_path / "in")
    for n in range(4):
        noise(40 + n, 60, 40).save(source / f"tall {n}.png")
    taken(source, tmp_path / "out", shapes="aspect")
    train, held_out, _ = read_portraits(str(tmp_path / "out"), CFG)
    assert {*train.names, *held_out.names} == {*"abcdefghijkl"}
    only = tmp_path / "tall"
    for n in range(4):
        only.mkdir(exist_ok=True)
        noise(40 + n, 60, 40).save(only / f"{n}.png")
    taken(only, tmp_path / "none", shapes="aspect")
    with pytest.raises(ValueError, match="it must have square portraits, got none"):
        read_portraits(str(tmp_path / "none"), CFG)


def test_an_arm_that_needs_what_no_portrait_has_is_refused(bare, full, monkeypatch):
    cfg = PortraitConfig(data=str(bare), parts=PartsConfig(face=2.0, background=0.5))
    train, _, words = read_portraits(str(bare), CFG)
    with pytest.raises(ValueError, match=r"parts weights \(2.0, 0.5, 1.0\) need segmentation"):
        refuse_lacking(cfg, train, words)
    refuse_lacking(PortraitConfig(data=str(bare)), train, words)
    refuse_lacking(cfg, read_portraits(str(full), CFG)[0], words)
    few = SimpleNamespace(train=train, words=words)  # its teacher takes time
    monkeypatch.setattr(portrait, "load_data", lambda *_: few)
    with pytest.raises(ValueError, match="need segmentation, which none of its"):
        portrait.PortraitRun(cfg)


def test_weights_of_parts_tell_how_many_portraits_they_act_on(full, capsys):
    cfg = PortraitConfig(data=str(full), parts=PartsConfig(face=2.0))
    train, _, words = read_portraits(str(full), CFG)
    parts = torch.full_like(train.parts, OTHER)
    parts[:2] = train.parts[:2].clamp(max=OTHER - 1)
    capsys.readouterr()
    refuse_lacking(cfg, replace(train, parts=parts), words)
    assert f"act on the 2 of {len(train)} portraits" in capsys.readouterr().out


def test_states_that_came_with_a_folder_know_no_other_caption(tmp_path):
    source = twelve(tmp_path / "in")
    for n, name in enumerate("abcdefghijkl"):
        states = np.full((6, 8), n + 1, np.float16)
        beside(source / name, grid=None, t5_hidden=states, t5_mask=np.arange(6) < 3)
        (source / f"{name}.txt").write_text(f"Caption {name}.")
    taken(source, tmp_path / "out", text="t5")
    train, _, words = read_portraits(str(tmp_path / "out"), CFG)
    assert train.conditions.text.shape[1:] == (3, 8) and train.conditions.text_mask.all()
    states, mask = words.encode([train.captions[2], ""])
    assert torch.equal(states[0], train.conditions.text[2])
    assert not states[1].any() and mask.tolist() == [[True] * 3, [False] * 3]
    with pytest.raises(ValueError, match="caption 'Edited.': must be one of the folder's"):
        words.encode(["Edited."])
    with pytest.raises(ValueError, match="evaluation.edits 32 need what encodes edited captions"):
        refuse_lacking(PortraitConfig(), train, words)
    refuse_lacking(PortraitConfig(evaluation=EvaluationConfig(edits=0)), train, words)


@needs_minilm
def test_captions_are_encoded_once_and_edited_ones_alike(tmp_path):
    source = twelve(tmp_path / "in")
    for name in "abcdefghijkl":
        (source / f"{name}.txt").write_text(f"A woman with long hair, photographed by {name}.")
    (source / "b.txt").write_text("word " * 400)
    manifest = taken(source, tmp_path / "out", text="minilm")
    told = "its caption is longer than what the text encoder reads"
    assert reasons(manifest["notes"])[told] == ["b.png"]
    train, held_out, words = read_portraits(str(tmp_path / "out"), CFG)
    for some in (train, held_out):
        again, mask = words.encode(some.captions)
        assert torch.equal(mask, some.conditions.text_mask)
        assert torch.allclose(again, some.conditions.text, atol=2e-3)
    assert words.truncated([*train.captions, *held_out.captions]) == 1


def test_a_run_reads_a_folder_as_it_reads_drawn_portraits(full):
    data = load_data(str(full), CFG)
    assert data.teacher is None and len(data.train) + len(data.held_out) == 12
    assert data.truncated == 0
