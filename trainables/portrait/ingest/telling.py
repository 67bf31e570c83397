"""What an ingestion of portraits tells: which passes it makes, its manifest, its lines."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from trainables.portrait.ingest.buckets import named
from trainables.portrait.ingest.gathering import Portrait
from trainables.portrait.ingest.looking import Landmarks, Passes, Text
from trainables.portrait.ingest.sources import Entry
from trainables.portrait.weights import COMMAND, missing, weights_of
from trainables.skips import Skip, gathered, said

FEW = 8  # held-out people below which an ingestion says so
COLUMN = {"captions": "caption", "pose": "pose", "segmentation": "parts", "features": "patches"}


def passes_of(
    entries: list[Entry], text: Text | Literal["auto"], landmarks: Landmarks | Literal["auto"]
) -> tuple[Text, Landmarks]:
    """What is made of each, where that was left open.

    Raises:
        ValueError: When weights are asked for that are not there.
    """
    given = {name for entry in entries for name in entry.known}
    open_text: Text = (
        "minilm" if weights_of("minilm") else "t5" if "t5_hidden.npy" in given else "none"
    )
    open_landmarks: Landmarks = (
        "given" if {"pose.npy", "pose2.npy"} & given else "mtcnn" if weights_of("mtcnn") else "none"
    )
    if text == "minilm" and weights_of("minilm") is None:
        raise ValueError(f"portraits: {missing('minilm')}")
    if landmarks == "mtcnn" and weights_of("mtcnn") is None:
        raise ValueError(f"portraits: {missing('mtcnn')}")
    return (
        open_text if text == "auto" else text,
        open_landmarks if landmarks == "auto" else landmarks,
    )


def manifest_of(
    law: dict[str, Any],
    kept: list[Portrait],
    facts: dict[str, Any],
    skipped: list[Skip],
    absent: list[Skip],
) -> dict[str, Any]:
    """The manifest, but for digest and shards."""
    sides = Counter(one.side for one in kept)
    sizes = Counter(named(one.bucket) for one in kept)
    known = {name: sum(one.has(column) for one in kept) for name, column in COLUMN.items()}
    copies = facts["copies"]
    exact, others = copies["exact"], len(skipped) - copies["left_out"]
    return {
        "schema": 1,
        "kind": "portraits",
        "summary": f"{len(kept)} portraits of {len({one.identity for one in kept})} people (by "
        f"{facts['split_by']}), {sides['train']} to train on, {sides['validation']} to validate; "
        f"{', '.join(f'{count} with {name}' for name, count in known.items())}; "
        f"{exact} {'copy' if exact == 1 else 'copies'}, {copies['near_across']} near across the "
        f"split, {others} {'other' if others == 1 else 'others'} skipped",
        "law": law,
        "rows": {name: sides[name] for name in ("train", "validation")},
        "buckets": dict(sorted(sizes.items())),
        "known": known,
        **facts,
        "notes": gathered(_notes(kept)),
        "absent": gathered(absent),
        "skipped": gathered(skipped),
    }


def say_left_out(skipped: list[Skip], absent: list[Skip]) -> None:
    """Tells what was left out, which a refusal may come from."""
    _say([*said(skipped), *said(absent, "absent")])


def say_kept(kept: list[Portrait], passes: Passes, text: str, landmarks: str) -> None:
    """Tells of what was kept, and what would be there with weights where that was left open."""
    lines = said(_notes(kept), "noted of")
    lacking = text == "auto" and passes.text == "none"
    if lacking and any(one.has("caption") for one in kept):
        lines.append(f"captions are kept without states: {missing('minilm')}")
    if landmarks == "auto" and passes.landmarks == "none":
        lines.append(f"no joints: none are given, and `{COMMAND}` brings what finds landmarks")
    if (people := len({one.identity for one in kept if one.side == "validation"})) < FEW:
        lines.append(
            f"held out: {people} of the people shown, who alone decide what is better; give "
            "pictures of more people, or a larger --validation-fraction"
        )
    _say(lines)


def _say(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def _notes(kept: list[Portrait]) -> list[Skip]:
    return [Skip(one.place, note) for one in kept for note in one.said["notes"]]


def nothing(source: Path, skipped: list[Skip]) -> str:
    """A line on a source without a picture that can be read."""
    reasons = gathered(skipped)
    first = f"{reasons[0]['paths'][0]!r}: {reasons[0]['reason']}" if reasons else "no picture in it"
    return (
        f"portraits source {str(source)!r} must hold PNG, JPEG or WebP, got none that can be read "
        f"({first}); name a folder that does"
    )


def taken(to: Path, difference: str) -> str:
    """A line on a target that holds another ingestion."""
    return (
        f"portraits target {str(to)!r} must be empty or hold the same data, got another ingestion "
        f"({difference}); name another folder or empty it"
    )
