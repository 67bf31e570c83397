"""What is wrong with a text folder is said in one line, with what mends it."""

import numpy as np
import pytest

from trainables.lm.config import TextConfig
from trainables.lm.ingest import ingest_text
from trainables.lm.text import library_documents, load_text


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    source = tmp_path_factory.mktemp("text")
    for number, text in enumerate(library_documents(40).values()):
        (source / f"{number}.txt").write_text(text[:3000])
    ingest_text(source, source / "out", vocab=400)
    return {path.name: path.read_bytes() for path in (source / "out").iterdir()}


def folder_with(tmp_path, made, **changed):
    for name, data in (made | changed).items():
        (tmp_path / name).write_bytes(data)
    return str(tmp_path)


def shard(tokens, magic=20240520, version=1, says=None):
    header = np.zeros(256, "<i4")
    header[:3] = magic, version, len(tokens) if says is None else says
    return header.tobytes() + np.array(tokens, "<u2").tobytes()


TRAIN, VAL, MODEL = "text_train_000000.bin", "text_val_000000.bin", "tokenizer.model"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({VAL: shard([])}, f"must have tokens to validate on, {VAL} has none; run `ablate data"),
        ({TRAIN: shard([])}, f"must have tokens to train on, {TRAIN} has none; run `ablate"),
        (
            {VAL: shard([]), "text_val_000001.bin": shard([])},
            f"validate on, {VAL}, text_val_000001.bin have none; run",
        ),
        ({VAL: shard([1, 2], says=3)}, "must have 1030 bytes for 3 tokens, got 1028; copy"),
        ({VAL: shard([1, 2], says=-1)}, "must have 1022 bytes for -1 tokens, got 1028; copy"),
        ({VAL: shard([1], magic=1)}, r"of 1024 bytes, got \[1, 1\]; write it anew"),
        ({VAL: shard([1], version=2)}, r"got \[20240520, 2\]; write it anew"),
        ({VAL: b""}, "must begin with 20240520 .*, got 0 bytes; write it anew"),
        ({VAL: shard([])[:1000]}, "got 1000 bytes; write it anew"),
        ({MODEL: b""}, f"{MODEL} must be a sentencepiece model, got 0 bytes that are none; copy"),
        ({MODEL: b'{"model": {"type": "BPE"}}'}, "got 26 bytes that are none; copy it again or"),
        ({MODEL: "half"}, "bytes that are none; copy it again or run `ablate data text"),
        ({MODEL: "noise"}, "bytes that are none; copy it again or run `ablate data text"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(tmp_path, made, changed, words):
    whole = made[MODEL]
    halves = {"half": whole[: len(whole) // 2 + 1], "noise": whole[:500] + b"\xff" * 99}
    changed = {name: halves.get(data, data) for name, data in changed.items()}
    with pytest.raises(ValueError, match=words) as refusal:
        load_text(folder_with(tmp_path, made, **changed), TextConfig())
    assert "\n" not in str(refusal.value) and str(tmp_path) in str(refusal.value)


def test_an_empty_shard_among_others_is_no_fault(tmp_path, made):
    text = load_text(folder_with(tmp_path, made), TextConfig())
    (tmp_path / "more").mkdir()
    more = folder_with(tmp_path / "more", made, **{"text_val_000001.bin": shard([])})
    assert load_text(more, TextConfig()).validation.tolist() == text.validation.tolist()
