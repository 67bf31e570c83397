"""Text to the pieces of a BERT vocabulary, lower case, without accents.

After Devlin et al., arXiv 1810.04805, and Wu et al., arXiv 1609.08144: words and punctuation apart,
then from the left the longest piece that the vocabulary has.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
LONGEST = 100  # characters of a word; longer ones are unknown
INNER = "##"  # before a piece that does not begin a word
# Ranges of CJK ideographs, each of which is a word of its own.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class WordPiece:
    """The tokenizer of one vocabulary, a piece a line."""

    def __init__(self, vocabulary: Path):
        pieces = vocabulary.read_text(encoding="utf-8").splitlines()
        self._ids = {piece: number for number, piece in enumerate(pieces)}

    def __call__(self, text: str, most: int) -> list[int]:
        """The ids of a text between its begin and its end, at most so many."""
        kept = [BEGIN, *self._all(text)[: most - 2], END]
        return [self._ids[piece] for piece in kept]

    def count(self, text: str) -> int:
        """Ids of a whole text."""
        return len(self._all(text)) + 2

    def _all(self, text: str) -> list[str]:
        return [piece for word in words(text) for piece in self._pieces(word)]

    def _pieces(self, word: str) -> Sequence[str]:
        """Of the word from the left the longest piece there is; all of it unknown if one lacks."""
        if len(word) > LONGEST:
            return (UNKNOWN,)
        pieces, start = [], 0
        while start < len(word):
            lead = INNER if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if lead + word[start:end] in self._ids), start)
            if end == start:
                return (UNKNOWN,)
            pieces.append(lead + word[start:end])
            start = end
        return pieces


def words(text: str) -> Iterator[str]:
    """Runs of letters and digits, and each sign of punctuation and ideograph alone."""
    clean = "".join(" " if c.isspace() else c for c in text if not _control(c))
    plain = unicodedata.normalize("NFD", clean.lower())
    kept = (c for c in plain if unicodedata.category(c) != "Mn")
    for alone, run in groupby(kept, key=_alone):
        joined = "".join(run)
        yield from joined if alone else joined.split()


def _control(c: str) -> bool:
    """Whether a character is nothing that is read; line ends and tabs are spaces."""
    return c not in "\t\n\r" and (c in "\0\ufffd" or unicodedata.category(c) in ("Cc", "Cf", "Co"))


def _alone(c: str) -> bool:
    sign = c.isascii() and c.isprintable() and not c.isalnum() and c != " "
    if sign or unicodedata.category(c).startswith("P"):
        return True
    return any(low <= ord(c) <= high for low, high in IDEOGRAPHS)
