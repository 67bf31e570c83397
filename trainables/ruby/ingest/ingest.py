"""Ruby methods of any origin, turned into one data set of rows with tree, label and side.

A source is a tree of Ruby files, parsed by Ruby's own parser, or JSONL in the schema of
timlawrenz/jubilant-palm-tree, dataset/samples. Rows are in Parquet with a manifest (`write`). The
label is that of `flog`; a row that brings one keeps it. Of methods with one tree the first is kept,
so that none is on both sides of the split. What is left out is counted in the manifest with its
reason. No method is left out for its score: the documented range is a column, `in_range`.
"""

import statistics
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from trainables.prepared import intact
from trainables.ruby.flog import call_weight
from trainables.ruby.ingest.sources import Entry, Rows, RubyTree, files_of
from trainables.ruby.ingest.split import By, Found, Side, first_of_each, leak_share, sides
from trainables.ruby.ingest.write import RUBY, write_shards
from trainables.ruby.trees import measure, read_tree
from trainables.skips import Skip, gathered, said

LOWEST, HIGHEST = 2.0, 100.0  # scores that the documented data were cut to
LARGEST = 1e6  # far more than any method has
ROUNDING = 0.015  # sums in thousandths, here exact and in Flog not, rounded to two decimals


def ingest_ruby(
    source: Path,
    to: Path,
    *,
    split: By = "gem",
    validation_fraction: float = 0.1,
    keep_duplicates: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Writes the methods of `source` into the folder `to` and gives back the manifest.

    Args:
        source: a Ruby file, a tree with .rb files in it, or rows as .jsonl, one file or a tree.
        to: a folder that is new, empty, or holds an ingestion: a complete one must be of the same
            rows and is then left alone, a broken-off one is gone on with.
        split: what stays on one side: a gem, a file, or nothing more than a row.
        validation_fraction: about this share of the gems, files or rows validates, in (0, 0.5].
        keep_duplicates: keep every copy of a tree, as in the documented data, on both sides too.
        seed: of the split.

    Raises:
        ValueError: nothing can be read, there is nothing to split, or `to` holds something else.
        RuntimeError: Ruby is missing, or the target cannot be written.
    """
    law = {
        "by": split,
        "validation_fraction": validation_fraction,
        "seed": seed,
        "duplicates": "kept" if keep_duplicates else "removed",
    }
    _check(source, law)
    try:
        with RUBY.claimed(to) as work:
            return _ingest(source, to, work, law)
    except OSError as error:
        raise RuntimeError(
            f"Ruby target {str(to)!r} must be writable, got {error.strerror or error}; "
            "free space there or name another folder"
        ) from error


def _check(source: Path, law: Mapping[str, Any]) -> None:
    if not source.exists():
        raise ValueError(f"Ruby source {str(source)!r} must be a file or folder, got nothing there")
    if law["by"] not in get_args(By):
        raise ValueError(f"split must be one of {', '.join(get_args(By))}, got {law['by']!r}")
    if not 0.0 < law["validation_fraction"] <= 0.5:
        raise ValueError(
            f"validation_fraction must be in (0, 0.5], got {law['validation_fraction']}"
        )


def _ingest(source: Path, to: Path, work: Path, law: dict[str, Any]) -> dict[str, Any]:
    there = RUBY.read_manifest(to)
    if there and any(there["split"].get(name) != value for name, value in law.items()):
        raise ValueError(_taken(to, "another split"))  # known before any work
    entries = _entries(source, to, work)
    found, skipped, label = _looked_at(entries)
    skipped = [*entries.skipped, *skipped]
    if not found:
        raise ValueError(_nothing(source, skipped))
    for line in said(skipped):  # before what may be refused for what is missing
        print(line, file=sys.stderr)
    kept = found if law["duplicates"] == "kept" else first_of_each(found)
    side = sides(found, law["by"], law["validation_fraction"], law["seed"])
    shards, digest = write_shards(_rows(entries, kept, side, law["by"]), work)
    if there and there["digest"] != digest:
        raise ValueError(_taken(to, f"digest {there['digest'][:12]}, not {digest[:12]}"))
    if there and intact(to, there):
        return there
    counts = Counter(side[one.key(law["by"])] for one in kept)
    copies = len(found) - len({one.ast_sha256 for one in found})
    manifest = {
        "schema": 1,
        "kind": "ruby",
        "digest": digest,
        "summary": f"{len(kept)} methods of {len({one.repo_name for one in kept})} gems, "
        f"{counts['train']} to train on, {counts['validation']} to validate; {copies} copies of "
        f"one tree {law['duplicates']}, {len(skipped)} things skipped",
        "versions": entries.versions,
        "split": law | {"leak_share_with_duplicates": leak_share(found, side, law["by"])},
        "rows": {name: counts[name] for name in ("train", "validation")},
        "copies": copies,
        "label": label | _range(kept),
        "trees": _shapes(kept),
        "skipped": gathered(skipped),
        "shards": shards,
    }
    RUBY.publish(work, to, manifest)
    return manifest


def _entries(source: Path, to: Path, work: Path) -> RubyTree | Rows:
    closed: list[Skip] = []
    sources, rows = files_of(source, to.resolve(), closed)
    if sources:
        return RubyTree(source, sources, work, closed)
    if rows:
        return Rows(source, rows, closed)
    raise ValueError(
        f"Ruby source {str(source)!r} must hold .rb files or rows as .jsonl, got neither; name a "
        "folder that does"
    )


def _looked_at(entries: RubyTree | Rows) -> tuple[list[Found], list[Skip], dict[str, Any]]:
    """Every method with a sound tree, what has none, and where the labels come from."""
    found, skipped = [], []
    label = Counter[str]()
    for number, entry in enumerate(entries):
        try:
            tree = read_tree(entry.ast_json)
            shape = measure(tree)
            own = call_weight(tree, entry.raw_source)
        except ValueError as reason:
            skipped.append(Skip(f"{entry.file_path}:{entry.start_line}", str(reason)))
            continue
        score, origin = _score(entry.score, own)
        label[origin] += 1
        found.append(
            Found(
                number,
                entry.repo_name,
                entry.file_path,
                entry.start_line,
                shape.sha256,
                shape.nodes - shape.literals,
                shape.literals,
                score,
            )
        )
    return found, skipped, {"origins": dict(sorted(label.items()))}


def _score(given: Any, own: float) -> tuple[float, str]:
    """The label, and where it comes from."""
    if given is None:
        return own, "computed"
    if isinstance(given, bool) or not isinstance(given, int | float):
        return own, "computed, given no number"
    if not 0 <= given <= LARGEST:  # nan is not either
        return own, "computed, given a number outside of the possible"
    return float(given), "given" if abs(given - own) < ROUNDING else "given, computed differs"


def _rows(
    entries: RubyTree | Rows, kept: Sequence[Found], side: Mapping[str, Side], by: By
) -> Iterator[dict[str, Any]]:
    """The rows that are kept, in the order of the source, each with an id of its own."""
    of_number = {one.number: one for one in kept}
    ids = set[str]()
    for number, entry in enumerate(entries):
        one = of_number.get(number)
        if one is None:
            continue
        name = entry.id if entry.id and entry.id not in ids else _id(entry, ids)
        ids.add(name)
        yield {
            "repo_name": entry.repo_name,
            "file_path": entry.file_path,
            "start_line": entry.start_line,
            "raw_source": entry.raw_source,
            "complexity_score": one.score,
            "ast_json": entry.ast_json,
            "id": name,
            "split": side[one.key(by)],
            "ast_sha256": one.ast_sha256,
            "nodes": one.nodes,
            "literals": one.literals,
            "in_range": LOWEST <= one.score <= HIGHEST,
        }


def _id(entry: Entry, taken: set[str]) -> str:
    """A UUID that the method's place makes, so that it is the same each time."""
    place = f"{entry.repo_name}/{entry.file_path}:{entry.start_line}"
    while (name := str(uuid.uuid5(uuid.NAMESPACE_URL, place))) in taken:
        place += "#"  # another method in one line
    return name


def _range(kept: Sequence[Found]) -> dict[str, Any]:
    scores = [one.score for one in kept]
    return {
        "range": [LOWEST, HIGHEST],
        "below": sum(score < LOWEST for score in scores),
        "above": sum(score > HIGHEST for score in scores),
        "mean": round(statistics.fmean(scores), 4),
    }


def _shapes(kept: Sequence[Found]) -> dict[str, float]:
    sizes = [one.nodes + one.literals for one in kept]
    return {
        "size_mean": round(statistics.fmean(sizes), 4),  # nodes and literals
        "size_median": float(statistics.median(sizes)),
        "literal_share": round(sum(one.literals for one in kept) / sum(sizes), 6),
    }


def _nothing(source: Path, skipped: Sequence[Skip]) -> str:
    reasons = gathered(skipped)
    first = f"{reasons[0]['paths'][0]!r}: {reasons[0]['reason']}" if reasons else "no method in it"
    return (
        f"Ruby source {str(source)!r} must hold methods, got none that can be read ({first}); "
        "name a folder that does"
    )


def _taken(to: Path, difference: str) -> str:
    return (
        f"Ruby target {str(to)!r} must be empty or hold the same data, got another ingestion "
        f"({difference}); name another folder or empty it"
    )
