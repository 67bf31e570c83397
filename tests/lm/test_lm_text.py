"""Text becomes shards with their tokenizer, split so that no near-duplicate lies across."""

import json

import numpy as np
import pytest
import torch
from conftest import ablate

from trainables.lm.config import TextConfig
from trainables.lm.ingest import ingest_text
from trainables.lm.shards import read_shards, write_shard
from trainables.lm.split import split
from trainables.lm.text import library_documents, load_text


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    for name, text in library_documents(45).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "picture.bin").write_bytes(b"\xff\xfe\x00\x81")
    return folder


def test_a_shard_has_the_header_of_fineweb_and_reads_back(tmp_path):
    tokens = torch.tensor([0, 7, 65535, 1023], dtype=torch.int32)
    write_shard(tmp_path / "b_train_000001.bin", tokens)
    write_shard(tmp_path / "a_train_000000.bin", tokens[:1])
    header = np.fromfile(tmp_path / "b_train_000001.bin", "<i4", 256)
    assert header[:3].tolist() == [20240520, 1, 4] and not header[3:].any()
    assert (tmp_path / "b_train_000001.bin").stat().st_size == 1024 + 2 * 4
    assert read_shards(tmp_path.glob("*.bin")).tolist() == [0, 0, 7, 65535, 1023]


def test_a_damaged_shard_is_refused(tmp_path):
    path = tmp_path / "x_train_0.bin"
    write_shard(path, torch.arange(9, dtype=torch.int32))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="must have 1042 bytes for 9 tokens, got 1041"):
        read_shards([path])
    path.write_bytes(b"\0" * 2000)
    with pytest.raises(ValueError, match="must begin with 20240520"):
        read_shards([path])
    with pytest.raises(ValueError, match="0 to 65535"):
        write_shard(path, torch.tensor([65536]))


def test_the_command_writes_shards_that_a_run_reads(source, tmp_path):
    to = tmp_path / "shards"
    done = ablate("data", "text", source, "--to", to, "--vocab", "400")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((to / "manifest.json").read_text())
    assert "45 documents" in done.stdout and manifest["digest"][:12] in done.stdout
    assert [entry["path"] for entry in manifest["skipped"]] == ["picture.bin"]
    text = load_text(str(to), TextConfig())
    assert text.vocab == 400 and text.digest == manifest["digest"]
    counts = {"train": len(text.train), "validation": len(text.validation)}
    assert counts == manifest["tokens"] and min(counts.values()) > 100


def test_the_same_text_is_left_alone_and_other_text_refused(source, tmp_path):
    to = tmp_path / "shards"
    first = ingest_text(source, to, vocab=400)
    before = (to / "manifest.json").stat().st_mtime_ns
    assert ingest_text(source, to, vocab=400) == first
    assert (to / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="must be new, empty or hold the same text"):
        ingest_text(source, to, vocab=401)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_lone_file_is_cut_and_split(tmp_path):
    lines = (f"sentence number {i} of a long text, unlike the others\n\n" for i in range(4000))
    (tmp_path / "book.txt").write_text("".join(lines))
    manifest = ingest_text(tmp_path / "book.txt", tmp_path / "out", vocab=300)
    tokens = manifest["tokens"]
    assert 0 < tokens["validation"] < tokens["train"]


def test_near_duplicates_stay_on_one_side():
    def body(start):
        return "\n".join(
            f"a line of code that says {i} and no more" for i in range(start, start + 30)
        )

    texts = {f"file{i}": body(100 * i) for i in range(60)}
    copies = {f"copy{i}": body(100 * i + 9) for i in range(60)}
    licence = "\n".join(f"the same clause number {i} for everyone" for i in range(3))
    train, validation = split({n: licence + "\n" + t for n, t in (texts | copies).items()}, 0.3)
    assert len(train) + len(validation) == 120 and 6 < len(validation) < 80
    sides = {name: name in validation for name in (*train, *validation)}
    assert all(sides[f"file{i}"] == sides[f"copy{i}"] for i in range(60))
    assert sum(sides[f"file{i}"] for i in range(60)) < 60  # the licence tied nobody


def test_the_librarys_own_text_is_split_by_file_and_told_by_its_digest():
    cfg = TextConfig(vocab=400, most_files=30)
    text = load_text("", cfg)
    assert load_text("", cfg) is text  # read once per process
    assert len(text.digest) == 64 and len(text.train) > len(text.validation) > 1000


def test_a_folder_without_its_tokenizer_is_refused(source, tmp_path):
    ingest_text(source, tmp_path / "shards", vocab=400)
    (tmp_path / "shards" / "tokenizer.model").unlink()
    with pytest.raises(ValueError, match="must hold the one [*].model"):
        load_text(str(tmp_path / "shards"), TextConfig())
    with pytest.raises(ValueError, match="_train_"):
        load_text(str(tmp_path / "source"), TextConfig())
