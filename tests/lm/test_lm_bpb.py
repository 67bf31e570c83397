"""Bits per byte are nats over the bytes of the very text: held for bytes and for trained pieces."""

import math

import pytest
import torch

from trainables.lm.bpb import bits_per_byte, windows
from trainables.lm.text import library_documents
from trainables.lm.tokenizer import (
    BOS,
    UNKNOWN,
    PieceBytes,
    encode,
    open_tokenizer,
    piece_bytes,
    train_tokenizer,
)

TEXTS = [
    "Plain words, and a number: 1234.",
    "  two  leading spaces,\ttabs and\nlines ",
    "Füße, naïve, 日本語, Ελλάδα, emoji 🦙 and a rare \u2603.",
    "def f(x):\n    return x ** 2  # squared",
]


@pytest.fixture(scope="module")
def tokenizer():
    lines = [line for text in library_documents(40).values() for line in text.splitlines()]
    return open_tokenizer(train_tokenizer([*lines, *TEXTS[:3]], 1024))


def tokens_of(kind, tokenizer):
    if kind == "pieces":
        return encode(tokenizer, TEXTS), piece_bytes(tokenizer)
    none, ones = torch.zeros(256, dtype=torch.bool), torch.ones(256, dtype=torch.int64)
    whole = torch.tensor(list("\n".join(TEXTS).encode()), dtype=torch.int32)
    return whole, PieceBytes(ones, none, none)


def uniform(vocab):
    return lambda tokens: torch.zeros(*tokens.shape, vocab)


def test_a_trained_tokenizer_has_the_pieces_asked_for_and_is_the_same_each_time(tokenizer):
    assert tokenizer.get_piece_size() == 1024
    assert [tokenizer.IdToPiece(i) for i in range(4)] == ["<pad>", "<s>", "</s>", "<unk>"]
    lines = ["the same few lines", "give the same pieces"] * 20
    assert train_tokenizer(lines, 280) == train_tokenizer(lines, 280)


@pytest.mark.parametrize("text", TEXTS)
def test_bytes_of_the_tokens_are_the_bytes_of_the_text_they_stand_for(tokenizer, text):
    ids = encode(tokenizer, [text]).long()
    assert ids[0] == BOS
    counted = piece_bytes(tokenizer).count(ids[:-1], ids[1:])
    assert counted == len(tokenizer.decode(ids[1:].tolist()).encode())


def test_a_space_counts_after_text_and_not_after_a_mark(tokenizer):
    pieces = piece_bytes(tokenizer)
    spaced = int(pieces.spaced.nonzero()[0, 0])
    plain = int((~pieces.spaced & ~pieces.silent).nonzero()[-1, 0])

    def count(before):
        return pieces.count(torch.tensor([before]), torch.tensor([spaced]))

    assert count(plain) == count(BOS) + 1 == count(UNKNOWN) + 1
    assert pieces.count(torch.tensor([plain]), torch.tensor([BOS])) == 0


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
@pytest.mark.parametrize(("length", "batch"), [(1, 7), (13, 2), (50, 1)])
def test_uniform_prediction_gives_log2_of_the_vocabulary_over_bytes_per_token(
    tokenizer, kind, length, batch
):
    tokens, pieces = tokens_of(kind, tokenizer)
    inputs, targets = windows(tokens, length)
    vocab = len(pieces.length)
    found = bits_per_byte(uniform(vocab), inputs, targets, pieces, batch)
    per_token = found["val/bytes"] / found["val/tokens"]
    assert math.isclose(found["val/bpb"], math.log2(vocab) / per_token, rel_tol=1e-6)
    assert math.isclose(found["val/bpb_chance"], found["val/bpb"], rel_tol=1e-6)
    if kind == "bytes":
        assert per_token == 1 and math.isclose(found["val/bpb"], 8, rel_tol=1e-6)
    else:
        assert 1.2 < per_token < 4


def test_certain_and_right_prediction_gives_nothing_and_half_of_it_half(tokenizer):
    tokens, pieces = tokens_of("pieces", tokenizer)
    inputs, targets = windows(tokens, 10)
    wanted = dict(zip(map(tuple, inputs.tolist()), targets, strict=True))

    def sure(share):
        def logits(some):
            right = torch.stack([wanted[tuple(row)] for row in some.tolist()])
            scores = torch.zeros(*some.shape, len(pieces.length))
            known = torch.arange(some.shape[1]) < share * some.shape[1]
            return scores.scatter(-1, right[..., None], 100.0) * known[:, None]

        return logits

    assert bits_per_byte(sure(1), inputs, targets, pieces, 3)["val/bpb"] < 1e-6
    half = bits_per_byte(sure(0.5), inputs, targets, pieces, 3)
    assert math.isclose(half["val/bpb"], half["val/bpb_chance"] / 2, rel_tol=1e-5)


def test_windows_cover_the_text_once_and_leave_out_the_tail():
    tokens = torch.arange(24, dtype=torch.int32)
    inputs, targets = windows(tokens, 5)
    assert inputs.flatten().tolist() == list(range(20))
    assert torch.equal(targets, inputs + 1)
    some, _ = windows(tokens, 5, most=10)
    assert some[:, 0].tolist() == [0, 15]
    with pytest.raises(ValueError, match="more than 24 tokens"):
        windows(tokens, 24)
