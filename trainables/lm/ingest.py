"""Any text, turned into token shards with their tokenizer, a manifest and a digest.

A source is a file or a folder of UTF-8 text files at any depth. Files are documents; where there
are few, they are cut into pieces at empty lines, and within lines that are longer than a piece, so
that they can be split. All is written to a folder beside the target, which is renamed when whole:
there is all of it or nothing.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxtyping import Int
from torch import Tensor

from trainables.lm.shards import write_shard
from trainables.lm.text import Prepared, prepare
from trainables.lm.tokenizer import cut
from trainables.prepared import MANIFEST, sync

SHARD_TOKENS = 100_000_000
FEW = 20  # documents: fewer are cut
PIECE_CHARACTERS = 20_000  # long enough to be read on, many enough to be split


def ingest_text(
    source: Path, to: Path, *, vocab: int = 1024, validation_fraction: float = 0.1
) -> dict[str, Any]:
    """Writes the tokens of `source` into the folder `to` and gives back its manifest.

    Args:
        source: a file or a folder of text; what is no UTF-8 is passed over and listed.
        to: a folder that is new, empty, or holds the same text, which is then left alone.
        vocab: pieces of the tokenizer that is trained on the training side.
        validation_fraction: about this share of the documents validates, in (0, 0.5].

    Raises:
        ValueError: nothing can be read, the text is too short, or `to` holds something else.
        RuntimeError: the target cannot be written.
    """
    if not 0.0 < validation_fraction <= 0.5:
        raise ValueError(f"validation_fraction must be in (0, 0.5], got {validation_fraction}")
    documents, skipped = _documents(source, to)
    made = prepare(documents, vocab, validation_fraction, f"text source {str(source)!r}")
    there = _manifest(to)
    if there.get("digest") == made.digest:
        return there
    if there or (to.exists() and (not to.is_dir() or any(to.iterdir()))):
        raise ValueError(
            f"text target {str(to)!r} must be new, empty or hold the same text, got something "
            "else; name another folder"
        )
    try:
        return _write(made, to, len(documents), skipped)
    except OSError as error:
        raise RuntimeError(
            f"text target {str(to)!r} must be writable, got {error.strerror or error}; free space "
            "there or name another folder"
        ) from error


def _documents(source: Path, to: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    if not source.exists():
        raise ValueError(f"text source {str(source)!r} must be a file or folder, got nothing there")
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    found, skipped = {}, []
    for path in files:
        if to in path.parents:
            continue
        name = path.name if path == source else path.relative_to(source).as_posix()
        try:
            found[name] = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            skipped.append({"path": name, "reason": f"no UTF-8 at byte {error.start}"})
    found = {name: text for name, text in found.items() if text.strip()}
    if not found:
        raise ValueError(
            f"text source {str(source)!r} must hold UTF-8 text, got {len(skipped)} files of "
            "something else; name a folder that does"
        )
    if len(found) < FEW:
        found = {part: text for name in found for part, text in _pieces(name, found[name])}
    return found, skipped


def _pieces(name: str, text: str) -> Iterator[tuple[str, str]]:
    """A file in pieces of about equal length that end at an empty line or at a line's end.

    A line that is longer than a piece is cut within.
    """
    gap = "\n\n" if text.count("\n\n") * PIECE_CHARACTERS > len(text) else "\n"
    piece, number = "", 0
    for part in text.split(gap):
        for whole in _cut_lines(part + gap):
            piece += whole
            if len(piece) >= PIECE_CHARACTERS:
                yield f"{name}#{number:06d}", piece
                piece, number = "", number + 1
    if piece.strip():
        yield f"{name}#{number:06d}", piece


def _cut_lines(text: str) -> Iterator[str]:
    """The text as it is, or cut within its lines where one is longer than a piece."""
    if max(map(len, text.split("\n"))) < PIECE_CHARACTERS:
        yield text
        return
    for line in text.splitlines(keepends=True):  # also at a form feed or U+2028
        yield from cut(line, PIECE_CHARACTERS // 20)


def _write(
    made: Prepared, to: Path, documents: int, skipped: list[dict[str, str]]
) -> dict[str, Any]:
    to.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    try:
        (work / "tokenizer.model").write_bytes(made.model)
        shards = [*_shards(work, "train", made.train), *_shards(work, "val", made.validation)]
        counts = {"train": len(made.train), "validation": len(made.validation)}
        manifest = {
            "schema": 1,
            "kind": "text",
            "digest": made.digest,
            "summary": f"{documents} documents, {counts['train']} tokens to train on, "
            f"{counts['validation']} to validate, {len(skipped)} files skipped",
            "tokens": counts,
            "skipped": skipped,
            "shards": shards,
        }
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1))
        work.chmod(0o755)
        for path in (*work.iterdir(), work):
            sync(path)
        os.rename(work, to)  # also onto an empty folder
        sync(to.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def _shards(work: Path, side: str, tokens: Int[Tensor, " N"]) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(tokens.split(SHARD_TOKENS)):
        path = work / f"text_{side}_{number:06d}.bin"
        write_shard(path, part)
        yield {"file": path.name, "tokens": len(part), "bytes": path.stat().st_size}


def _manifest(to: Path) -> dict[str, Any]:
    """The manifest of text that is there and whole, nothing otherwise."""
    try:
        there = json.loads((to / MANIFEST).read_text())
        sizes = {s["file"]: s["bytes"] for s in there["shards"]}
        whole = all((to / name).stat().st_size == size for name, size in sizes.items())
        return there if there["kind"] == "text" and whole else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
