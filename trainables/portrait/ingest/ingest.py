"""Folders of portraits, turned into one data set of pixels with what is known of each.

A source holds pictures at any depth (`sources`); beside each may lie its caption, joints,
segmentation and features (`beside`, `tables`). Each goes to its bucket (`buckets`), upright, in
red, green and blue (`pictures`); states of captions and landmarks are added by networks whose
weights are there (`looking`). Who is shown is on one side of the split (`split`); of equal pictures
the first is kept, and of nearly equal ones across the split the one that is held out (`copies`).
One bad file ends nothing: what is left out, and what of a portrait is absent, is in the manifest
with its reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from trainables.portrait.ingest.buckets import Buckets
from trainables.portrait.ingest.gathering import Portrait, agreed, without_copies
from trainables.portrait.ingest.looking import RECIPE, Landmarks, Passes, Text, look
from trainables.portrait.ingest.pictures import Unreadable
from trainables.portrait.ingest.sources import Entry, entries_of, table_of
from trainables.portrait.ingest.split import By
from trainables.portrait.ingest.spool import SPOOL, Spool
from trainables.portrait.ingest.tables import Table, read_table
from trainables.portrait.ingest.telling import (
    COLUMN,
    manifest_of,
    nothing,
    passes_of,
    say_kept,
    say_left_out,
    taken,
)
from trainables.portrait.ingest.write import PORTRAITS, row_digest, write_shards
from trainables.prepared import intact
from trainables.skips import Skip


def ingest_portraits(
    source: Path,
    to: Path,
    *,
    size: int = 128,
    shapes: Buckets = "square",
    beside: Path | None = None,
    text: Text | Literal["auto"] = "auto",
    landmarks: Landmarks | Literal["auto"] = "auto",
    require: tuple[str, ...] = (),
    split: By = "auto",
    validation_fraction: float = 0.1,
    keep_duplicates: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Writes the portraits of `source` into the folder `to` and gives back the manifest.

    Args:
        source: a folder of pictures.
        to: a folder that is new, empty, or holds an ingestion: a complete one must be of the same
            portraits and is then left alone, a broken-off one is gone on with.
        size: pixels of a side of the square bucket.
        shapes: whether all are square, or each has the nearest of the seven documented shapes.
        beside: a folder with what is known of each picture, where that is not in the source.
        text: whose states of captions are kept; `auto` is MiniLM's where its weights are there.
        landmarks: where joints come from; `auto` is from beside the pictures, and where nothing
            lies there from MTCNN, if its weights are there.
        require: what a portrait must have, or it is left out.
        split: what stays on one side; `auto` is a folder, or a portrait where there is one folder.
        validation_fraction: about this share of people validates, in (0, 0.5].
        keep_duplicates: keep equal pictures, and nearly equal ones on both sides.
        seed: of the split.

    Raises:
        ValueError: nothing can be read, the source itself not either, there is nothing to split, or
            `to` holds something else.
        RuntimeError: the target cannot be written.
    """
    law = {
        "size": size,
        "shapes": shapes,
        "by": split,
        "validation_fraction": validation_fraction,
        "seed": seed,
        "duplicates": "kept" if keep_duplicates else "removed",
        "require": sorted(require),
    }
    _check(source, beside, law)
    try:
        with PORTRAITS.claimed(to) as work:
            return _ingest(source, to, work, beside, law, text, landmarks)
    except OSError as error:
        raise RuntimeError(
            f"portraits target {str(to)!r} must be writable, got {error.strerror or error}; "
            "free space there or name another folder"
        ) from error


def _check(source: Path, beside: Path | None, law: dict[str, Any]) -> None:
    for name, place in (("source", source), ("beside", beside)):
        if place is not None and not place.is_dir():
            raise ValueError(f"portraits {name} {str(place)!r} must be a folder, got none there")
    if not 8 <= law["size"] <= 4096:
        raise ValueError(f"size must be in [8, 4096] pixels, got {law['size']}")
    if strange := set(law["require"]) - set(COLUMN):
        raise ValueError(f"require must be of {', '.join(COLUMN)}, got {min(strange)!r}")
    if not 0.0 < law["validation_fraction"] <= 0.5:
        raise ValueError(
            f"validation_fraction must be in (0, 0.5], got {law['validation_fraction']}"
        )


def _ingest(
    source: Path,
    to: Path,
    work: Path,
    beside: Path | None,
    law: dict[str, Any],
    text: Text | Literal["auto"],
    landmarks: Landmarks | Literal["auto"],
) -> dict[str, Any]:
    skipped: list[Skip] = []
    absent: list[Skip] = []
    with _read(source):
        entries = entries_of(source, beside, to.resolve(), skipped, absent)
        place = table_of(source, beside, absent)
        table = read_table(place, absent)
    passes = Passes(law["size"], law["shapes"], *passes_of(entries, text, landmarks))
    law |= {"text": passes.text, "landmarks": passes.landmarks}
    there = PORTRAITS.read_manifest(to)
    if there and (other := [k for k, v in law.items() if there["law"].get(k) != v]):
        name = other[0]
        raise ValueError(taken(to, f"{name} {there['law'].get(name)!r}, not {law[name]!r}"))
    with Spool(work / SPOOL) as spool:
        found = _looked_at(entries, passes, table, place, spool, skipped)
        try:
            if not found:
                raise ValueError(nothing(source, skipped))
            facts = agreed(found, absent)
            found = _having(found, law["require"], skipped)
            kept, told = without_copies(found, law, skipped)
        finally:
            say_left_out(skipped, absent)
        say_kept(kept, passes, text, landmarks)
        shards, digest = write_shards((_row(one, spool) for one in kept), work)
    if there and there["digest"] != digest:
        raise ValueError(taken(to, f"digest {there['digest'][:12]}, not {digest[:12]}"))
    if there and intact(to, there):
        return there
    manifest = manifest_of(law, kept, facts | told, skipped, absent) | {
        "digest": digest,
        "features_without_picture": len(set(table.rows) - table.used),
        "shards": shards,
    }
    PORTRAITS.publish(work, to, manifest)
    return manifest


@contextmanager
def _read(source: Path) -> Iterator[None]:
    """What is raised here is the source's fault and not the target's."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"portraits source {str(source)!r} must be readable, got {error.strerror or error}"
            f"{f' at {error.filename!r}' if error.filename else ''}; let it be read"
        ) from error


def _looked_at(
    entries: list[Entry],
    passes: Passes,
    table: Table,
    place: Path | None,
    spool: Spool,
    skipped: list[Skip],
) -> list[Portrait]:
    """Every portrait that can be read; those of the spool are not looked at again."""
    salt = [RECIPE, str(passes), _stamps([place] if place else [])]
    found = []
    for entry in entries:
        try:
            key = row_digest([salt, entry.id, _stamps(entry.files)])
            seen = look(entry, passes, table) if key not in spool.places else None
        except Unreadable as reason:
            skipped.append(Skip(entry.place, str(reason)))
            continue
        except OSError as error:  # of what lies beside it
            skipped.append(Skip(entry.place, f"cannot be read ({error.strerror or error})"))
            continue
        at = spool.add(key, *seen) if seen else spool.places[key]
        table.used |= {entry.id} & set(table.rows)
        found.append(Portrait(entry.id, entry.place, at, spool.said(at), spool.shapes(at)))
    return found


def _stamps(files: list[Path]) -> list[list[Any]]:
    """What tells whether files are as they were."""
    stats = ((path, path.stat()) for path in files if path.exists())
    return [[path.name, stat.st_size, stat.st_mtime_ns] for path, stat in stats]


def _having(found: list[Portrait], require: list[str], skipped: list[Skip]) -> list[Portrait]:
    kept = []
    for one in found:
        lacking = [name for name in require if not one.has(COLUMN[name])]
        if lacking:
            skipped.append(Skip(one.place, f"has no {lacking[0]}, which are required"))
        else:
            kept.append(one)
    if not kept:
        raise ValueError(
            f"portraits: there must be some that have {' and '.join(require)}, got none of "
            f"{len(found)}; require less, or put them beside the pictures"
        )
    return kept


def _row(one: Portrait, spool: Spool) -> dict[str, Any]:
    said, arrays = spool.read(one.at)
    cells = {
        name: arrays[name].tobytes() if one.has(name) else None
        for name in ("parts", "pose", "whole", "patches", "text")
    }
    return cells | {
        "id": one.id,
        "place": one.place,
        "identity": one.identity,
        "split": one.side,
        "height": one.bucket[0],
        "width": one.bucket[1],
        "pixels": arrays["pixels"].tobytes(),
        "pixels_sha256": said["pixels_sha256"],
        "row_sha256": row_digest(
            [one.id, one.identity, one.side, one.bucket, said["content_sha256"], sorted(one.lost)]
        ),
        "caption": said["caption"],
    }
