"""Lines that sentencepiece would pass over are cut, and all others are left as they are."""

import random

import pytest

from trainables.lm.ingest import ingest_text
from trainables.lm.tokenizer import LINE_BYTES, cut, open_tokenizer, train_tokenizer

LATIN = "abcdefghijklmnopqrstuvwxyz"
GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
HAN = "".join(map(chr, range(0x4E00, 0x4E00 + 120)))


def words(count, letters=LATIN, seed=0, blank=" "):
    draw = random.Random(seed)
    known = ["".join(draw.choices(letters, k=draw.randint(2, 7))) for _ in range(150)]
    return blank.join(draw.choices(known, k=count))


def pieces_of(model):
    tokenizer = open_tokenizer(model)
    return [tokenizer.IdToPiece(i) for i in range(tokenizer.get_piece_size())]


@pytest.mark.parametrize("letters", [LATIN, GREEK, HAN, "🜁🜂🜃🜄"])
@pytest.mark.parametrize("blank", [" ", ""])
def test_a_cut_loses_nothing_and_parts_no_character(letters, blank):
    text = words(4000, letters, blank=blank)
    parts = list(cut(text, 500))
    assert "".join(parts) == text
    assert max(len(part.encode()) for part in parts) <= 500
    if blank:
        assert all(part.startswith(" ") for part in parts[1:])
    else:
        assert min(len(part.encode()) for part in parts[:-1]) > 500 - 4


def test_a_line_is_cut_only_beyond_what_sentencepiece_takes():
    line = words(3000)[:LINE_BYTES]
    assert list(cut(line, LINE_BYTES)) == [line]
    assert [*map(len, cut(line + " and", LINE_BYTES))] == [LINE_BYTES, 4]
    with_long = train_tokenizer([line, words(2000, GREEK)], 330)
    assert any(set(piece) & set(GREEK) for piece in pieces_of(with_long))


@pytest.mark.parametrize(
    ("long", "vocab"),
    [
        (words(3000, GREEK), 400),  # blanks between words
        (words(3000, GREEK, blank=""), 400),  # none, as minified code
        (words(3000, HAN, blank=""), 600),  # three bytes each
    ],
)
def test_documents_of_one_long_line_are_learned_from(tmp_path, long, vocab):
    """Half of the documents are one long line in letters that no other has."""
    for i in range(24):
        start = i * len(long) // 30
        text = long[start:] if i % 2 else "\n".join(words(9, seed=i * 50 + j) for j in range(40))
        (tmp_path / f"{i:02d}.txt").write_text(text)
    ingest_text(tmp_path, tmp_path / "out", vocab=vocab)
    learned = pieces_of((tmp_path / "out" / "tokenizer.model").read_bytes())
    letters = set(long) - {" "}
    assert any(len(piece) > 2 and set(piece.lstrip("\u2581")) <= letters for piece in learned)
    assert letters <= {*"".join(learned)}


@pytest.mark.parametrize("text", [words(60_000), words(60_000, blank=""), words(20_000, HAN)])
def test_a_file_of_one_line_is_cut_and_split(tmp_path, text):
    (tmp_path / "all.txt").write_text(text)
    tokens = ingest_text(tmp_path / "all.txt", tmp_path / "out", vocab=512)["tokens"]
    assert 0 < tokens["validation"] < tokens["train"]


@pytest.mark.parametrize("end", ["\f", "\u2028", "\r"])
def test_a_file_whose_lines_end_otherwise_is_cut_and_split(tmp_path, end):
    lines = (words(9, seed=number) for number in range(3000))
    (tmp_path / "all.txt").write_text(end.join(lines), newline="")
    tokens = ingest_text(tmp_path / "all.txt", tmp_path / "out", vocab=300)["tokens"]
    assert 0 < tokens["validation"] < tokens["train"]


def test_lines_with_a_bar_that_sentencepiece_reserves_are_learned_from():
    bars = [f"{words(9, GREEK, seed=number)} ▁▂▃▄▅▆▇█ 7" for number in range(300)]
    plain = [words(9, seed=number) for number in range(300)]
    learned = pieces_of(train_tokenizer([*plain, *bars], 360))
    assert {*GREEK} <= {*"".join(learned)}


def test_a_short_line_alone_cannot_be_split_and_says_so(tmp_path):
    (tmp_path / "all.txt").write_text(words(1500))
    with pytest.raises(ValueError, match="must have documents for both sides of the split, got 1"):
        ingest_text(tmp_path / "all.txt", tmp_path / "out", vocab=512)


def test_too_many_letters_for_the_vocabulary_ask_for_a_larger_one():
    with pytest.raises(ValueError, match="give a larger vocabulary$"):
        train_tokenizer([words(3000, HAN, blank="")], 300)
    with pytest.raises(ValueError, match="give more text or a smaller vocabulary$"):
        train_tokenizer(["too little"], 3000)
