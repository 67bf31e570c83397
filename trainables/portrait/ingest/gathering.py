"""All portraits together: what they agree on, who is on which side, which are copies."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trainables.portrait.ingest.buckets import Size
from trainables.portrait.ingest.copies import first_of_each, near
from trainables.portrait.ingest.split import draw, identities, sides
from trainables.skips import Skip

NAMED_PAIRS = 20  # of near copies; the manifest counts the rest


@dataclass
class Portrait:
    """What is kept in memory of a portrait.

    Attributes:
        id: Of its own.
        place: Where its picture lies.
        at: Where its record begins in the spool.
        said: What the record says.
        shapes: Of its arrays, by name.
        lost: Arrays that are not used, since they are unlike most portraits'.
        identity: Who is shown.
        side: Of the split.
    """

    id: str
    place: str
    at: int
    said: dict[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    lost: set[str] = field(default_factory=set)
    identity: str = ""
    side: str = ""

    @property
    def bucket(self) -> Size:
        """Height and width."""
        return self.said["bucket"][0], self.said["bucket"][1]

    def has(self, name: str) -> bool:
        """Whether it has an array, or a caption."""
        if name == "caption":
            return bool(self.said["caption"])
        return name in self.shapes and name not in self.lost


def agreed(found: list[Portrait], absent: list[Skip]) -> dict[str, Any]:
    """What most portraits have, for the manifest; of those that differ that part is absent."""
    absent += [Skip(one.place, fault) for one in found for fault in one.said["faults"]]
    joints = _most(found, "pose", lambda one: one.shapes["pose"][0], "joints", absent)
    width = _most(found, "whole", lambda one: one.shapes["whole"][0], "numbers", absent)
    patch = _most(found, "patches", lambda one: one.shapes["patches"][1], "numbers", absent)
    grids = {
        size: _most(
            [one for one in found if one.bucket == size],
            "patches",
            lambda one: tuple(one.said["grid"]),
            "patches",
            absent,
        )
        for size in {one.bucket for one in found}
    }
    for one in found:  # a teacher gives both, so none is used without the other
        if one.lost & {"whole", "patches"}:
            one.lost |= {"whole", "patches"}
    states = _most(found, "text", lambda one: one.shapes["text"][1], "numbers", absent)
    return {
        "joints": joints or 0,
        "features": {
            "whole": width or 0,
            "patches": patch or 0,
            "grids": {f"{w}x{h}": list(grid) for (h, w), grid in sorted(grids.items()) if grid},
        },
        "text": states or 0,
    }


def _most(
    found: list[Portrait],
    name: str,
    measure: Callable[[Portrait], Hashable],
    unit: str,
    absent: list[Skip],
) -> Any:
    """The commonest measure of an array, the larger where two are as common."""
    having = [one for one in found if one.has(name)]
    counts = Counter(measure(one) for one in having)
    if not counts:
        return None
    most = max(counts, key=lambda value: (counts[value], value))
    for one in having:
        if (own := measure(one)) != most:
            one.lost.add(name)
            absent.append(Skip(one.place, f"{name} of {own} {unit}, not {most} as most"))
    return most


def without_copies(
    found: list[Portrait], law: Mapping[str, Any], skipped: list[Skip]
) -> tuple[list[Portrait], dict[str, Any]]:
    """Those that stay, by bucket and then by chance, with their sides; and what copies there were.

    Raises:
        ValueError: There is nothing to split.
    """
    keep, before = law["duplicates"] == "kept", len(skipped)
    firsts = first_of_each([one.said["pixels_sha256"] for one in found])
    copies = [number for number, first in enumerate(firsts) if number != first]
    by = _sided(found, law)
    across = sum(found[number].side != found[firsts[number]].side for number in copies)
    if not keep:
        for number in copies:
            reason = f"the same picture as {found[firsts[number]].id}"
            skipped.append(Skip(found[number].place, reason))
        found = [one for number, one in enumerate(found) if firsts[number] == number]
    pairs = _near(found)
    if not keep:
        found = [one for one in found if one.id not in {ours.id for ours, _ in pairs}]
        skipped += [
            Skip(ours.place, f"nearly the picture {theirs.id}, which validates")
            for ours, theirs in dict((ours.id, (ours, theirs)) for ours, theirs in pairs).values()
        ]
    left_out = len(skipped) - before
    _refuse_one_side(found)
    found.sort(key=lambda one: (one.bucket, draw(one.id, law["seed"]), one.id))
    named = [[ours.id, theirs.id] for ours, theirs in pairs]
    told = {"exact": len(copies), "exact_across": across, "left_out": left_out}
    told |= {"near": named[:NAMED_PAIRS], "near_across": len(named)}
    return found, {"split_by": by, "copies": told}


def _sided(found: list[Portrait], law: Mapping[str, Any]) -> str:
    """Tells each who is shown and on which side; gives back what decided who is."""
    told = [one.said["identity"] for one in found]
    keys, by = identities([one.id for one in found], told, law["by"])
    side = sides(keys, law["validation_fraction"], law["seed"])
    for one, key in zip(found, keys, strict=True):
        one.identity, one.side = key, side[key]
    return by


def _near(found: list[Portrait]) -> list[tuple[Portrait, Portrait]]:
    """Pairs of one that trains and one that validates."""
    train, held_out = ([one for one in found if one.side == s] for s in ("train", "validation"))
    some = [
        (
            np.array([one.said["hash"] for one in group], np.uint64),
            np.array([list(bytes.fromhex(one.said["thumbnail"])) for one in group], np.uint8),
        )
        for group in (train, held_out)
    ]
    if not (train and held_out):
        return []
    rows = near(some[0][0], some[1][0], some[0][1], some[1][1])
    return [(train[ours], held_out[theirs]) for ours, theirs in rows]


def _refuse_one_side(found: list[Portrait]) -> None:
    counts = Counter(one.side for one in found)
    if len(counts) < 2:
        raise ValueError(
            f"a split must have portraits on both sides, got {counts['train']} to train on and "
            f"{counts['validation']} to validate once copies are left out; give more portraits"
        )
