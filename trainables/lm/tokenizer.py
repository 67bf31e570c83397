"""Text to numbers: sentencepiece as openai/parameter-golf trains it, and how many bytes a piece is.

The bytes that a token stands for follow that program: none for control, unknown and unused pieces;
one for a byte piece; else the piece in UTF-8 without its leading space mark. The mark is one byte
more, unless the token before it is none of text: a space at the start of a document is not there.
Training is a function of the text and of the version of sentencepiece, to the byte. Sentencepiece
passes over lines of more than 4,192 bytes, or with a U+2585 in them, without a word, so that they
are cut before.
Shape letters: V vocabulary, N tokens.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sentencepiece
import torch
from jaxtyping import Bool, Int, Int64
from torch import Tensor

SPACE = "\u2581"
PAD, BOS, EOS, UNKNOWN = range(4)
FEWEST = 256 + 4  # a byte each and the four above
LINE_BYTES = 4192  # sentencepiece's max_sentence_length
RESERVED = "\u2585"  # its mark of an unknown piece in training, and a bar of a sparkline


@dataclass(frozen=True, eq=False)
class PieceBytes:
    """What each piece of a vocabulary is worth in bytes of text."""

    length: Int64[Tensor, " V"]  # without a leading space mark
    spaced: Bool[Tensor, " V"]  # whether it begins with the mark
    silent: Bool[Tensor, " V"]  # whether it stands for no text

    def count(self, before: Int64[Tensor, "*N"], target: Int64[Tensor, "*N"]) -> int:
        """Bytes of the text that the targets stand for, each after its token before."""
        space = self.spaced[target] & ~self.silent[before]
        return int((self.length[target] + space).sum())


def train_tokenizer(lines: Iterable[str], vocab: int) -> bytes:
    """A sentencepiece model of `vocab` pieces, as its file's bytes.

    Raises:
        ValueError: When the text cannot give so many pieces.
    """
    if vocab < FEWEST:
        raise ValueError(f"text.vocab must be at least {FEWEST}, got {vocab}; raise it")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_sentences(lines),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocab,
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="nmt_nfkc",
            add_dummy_prefix=False,
            character_coverage=0.999,
            pad_id=PAD,
            bos_id=BOS,
            eos_id=EOS,
            unk_id=UNKNOWN,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        many = "required_chars" in reason  # more letters than pieces
        raise ValueError(
            f"text: must give a vocabulary of {vocab} pieces, but sentencepiece says {reason}; "
            f"give {'a larger' if many else 'more text or a smaller'} vocabulary"
        ) from error
    return model.getvalue()


def _sentences(lines: Iterable[str]) -> Iterator[str]:
    """The lines in parts that sentencepiece takes."""
    for line in lines:
        for part in line.split(RESERVED):
            yield from cut(part, LINE_BYTES)


def cut(text: str, most_bytes: int) -> Iterator[str]:
    """The text in parts of at most so many bytes of UTF-8, cut before a blank where there is one.

    Nothing is lost or added, and no character is cut in two.
    """
    whole, start = text.encode(), 0
    while len(whole) - start > most_bytes:
        end = start + most_bytes
        while whole[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        blank = whole.rfind(b" ", start + 1, end + 1)
        end = blank if blank > start else end
        yield whole[start:end].decode()
        start = end
    yield whole[start:].decode()


def open_tokenizer(model: bytes) -> sentencepiece.SentencePieceProcessor:
    """The tokenizer of a model file's bytes.

    Raises:
        ValueError: When they are no model.
    """
    try:
        tokenizer = sentencepiece.SentencePieceProcessor(model_proto=model) if model else None
    except RuntimeError:
        tokenizer = None
    if tokenizer is None:
        raise ValueError(f"must be a sentencepiece model, got {len(model)} bytes that are none")
    return tokenizer


def piece_bytes(tokenizer: sentencepiece.SentencePieceProcessor) -> PieceBytes:
    """The bytes of every piece."""
    ids = range(tokenizer.get_piece_size())
    silent = [
        tokenizer.IsControl(i) or tokenizer.IsUnknown(i) or tokenizer.IsUnused(i) for i in ids
    ]
    pieces = [tokenizer.IdToPiece(i) for i in ids]
    written = [len(piece.removeprefix(SPACE).encode()) for piece in pieces]
    length = [0 if silent[i] else 1 if tokenizer.IsByte(i) else written[i] for i in ids]
    spaced = [not silent[i] and pieces[i].startswith(SPACE) for i in ids]
    return PieceBytes(torch.tensor(length), torch.tensor(spaced), torch.tensor(silent))


def encode(
    tokenizer: sentencepiece.SentencePieceProcessor, documents: Iterable[str]
) -> Int[Tensor, " N"]:
    """The tokens of all documents, each behind a mark of its beginning."""
    ids = [i for document in tokenizer.encode(list(documents)) for i in (BOS, *document)]
    return torch.tensor(ids, dtype=torch.int32)
