"""Text as the runs read it: a folder of token shards, or this machine's own Python library.

The library's sources and its built-in documentation are on every machine that runs this, some nine
megabytes. They differ between versions of Python, so a run tells the digest of what it read.
Shape letters: N training tokens, M validation tokens.
"""

import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from jaxtyping import Int
from torch import Tensor

from trainables.lm.config import TextConfig
from trainables.lm.shards import read_shards
from trainables.lm.split import split
from trainables.lm.tokenizer import (
    LINE_BYTES,
    PieceBytes,
    cut,
    encode,
    open_tokenizer,
    piece_bytes,
    train_tokenizer,
)

REMEDY = "run `ablate data text SOURCE --to DIR`"
SAMPLE_CHARACTERS = 2_000_000  # of the training text that the tokenizer is trained on
# Tests, generated tables, what is not everywhere, and third parties' packages.
LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "__pycache__", "encodings",
            "idlelib", "idle_test", "lib2to3", "turtledemo", "ensurepip", "tkinter"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class TokenText:
    """A tokenised text and what its tokens are worth."""

    train: Int[Tensor, " N"]
    validation: Int[Tensor, " M"]
    pieces: PieceBytes
    digest: str  # of tokens and tokenizer

    @property
    def vocab(self) -> int:
        """Pieces of the tokenizer."""
        return len(self.pieces.length)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Both sides of a split as tokens, with the model that made them."""

    train: Int[Tensor, " N"]
    validation: Int[Tensor, " M"]
    model: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the tokenizer and of both sides' tokens."""
        whole = sha256(self.model)
        for tokens in (self.train, self.validation):
            whole.update(sha256(tokens.numpy().astype("<u2").tobytes()).digest())
        return whole.hexdigest()


def load_text(folder: str, cfg: TextConfig) -> TokenText:
    """The text of a prepared folder, or the machine's own where `folder` is empty.

    Raises:
        ValueError: When the folder lacks shards or tokenizer, or one of them is damaged.
    """
    return _of_folder(folder) if folder else _of_library(cfg)


def prepare(
    documents: dict[str, str], vocab: int, validation_fraction: float, subject: str = "text"
) -> Prepared:
    """Splits documents by name, trains a tokenizer on the training side and encodes both.

    Raises:
        ValueError: When a side gets no document, or the text does not give so many pieces.
    """
    sides = split(documents, validation_fraction)
    train, validation = ([documents[name] for name in side] for side in sides)
    if not (train and validation):
        raise ValueError(
            f"{subject}: must have documents for both sides of the split, got {len(documents)}; "
            "give more text, or unlike documents"
        )
    lines = [
        part
        for text in train
        for line in text.splitlines()
        if line.strip()
        for part in cut(line, LINE_BYTES)  # before some are chosen, so that all have their share
    ]
    every = max(1, sum(map(len, lines)) // SAMPLE_CHARACTERS)
    model = train_tokenizer(lines[::every], vocab)
    tokenizer = open_tokenizer(model)
    return Prepared(encode(tokenizer, train), encode(tokenizer, validation), model)


def library_documents(most_files: int = 0) -> dict[str, str]:
    """The Python library's own files, or the first so many: path from its root to text."""
    root = Path(sysconfig.get_path("stdlib"))
    found = {}
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        if not LEFT_OUT & set(place.parts[:-1]) and not place.name.startswith("_sysconfigdata"):
            found[place.as_posix()] = path.read_text("utf-8", "replace")
    return dict(list(found.items())[:most_files]) if most_files else found


@lru_cache(maxsize=2)
def _of_library(cfg: TextConfig) -> TokenText:
    made = prepare(library_documents(cfg.most_files), cfg.vocab, cfg.validation_fraction)
    pieces = piece_bytes(open_tokenizer(made.model))
    return TokenText(made.train, made.validation, pieces, made.digest)


@lru_cache(maxsize=2)
def _of_folder(folder: str) -> TokenText:
    place = Path(folder)
    found = {side: sorted(place.glob(f"*_{side}_*.bin")) for side in ("train", "val")}
    models = sorted(place.glob("*.model"))
    if lacking := [side for side, paths in found.items() if not paths]:
        raise ValueError(f"text folder {folder!r}: must hold *_{lacking[0]}_*.bin; {REMEDY}")
    if len(models) != 1:
        raise ValueError(
            f"text folder {folder!r}: must hold the one *.model of its shards, got {len(models)}; "
            f"{REMEDY}"
        )
    made = Prepared(read_shards(found["train"]), read_shards(found["val"]), models[0].read_bytes())
    for side, tokens, purpose in (
        ("train", made.train, "train on"),
        ("val", made.validation, "validate on"),
    ):
        if not len(tokens):
            names = ", ".join(path.name for path in found[side])
            raise ValueError(
                f"text folder {folder!r}: must have tokens to {purpose}, {names} "
                f"{'has' if len(found[side]) == 1 else 'have'} none; {REMEDY}"
            )
    try:
        pieces = piece_bytes(open_tokenizer(made.model))
    except ValueError as error:
        raise ValueError(
            f"text folder {folder!r}: {models[0].name} {error}; copy it again or {REMEDY}"
        ) from error
    highest = max(int(tokens.max()) for tokens in (made.train, made.validation))
    if highest >= len(pieces.length):
        raise ValueError(
            f"text folder {folder!r}: tokens must be below the tokenizer's {len(pieces.length)} "
            f"pieces, got {highest}; put the shards' own tokenizer there"
        )
    return TokenText(made.train, made.validation, pieces, made.digest)
