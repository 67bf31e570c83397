"""Documents split into training and validation so that no near-duplicate lies across.

Two documents belong together when the shorter shares a fifth of its long lines with the other.
Families are formed by all such ties and go to one side as a whole. A line that many documents have,
such as a licence's, ties nobody.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from hashlib import blake2b
from itertools import combinations

LONG = 24  # characters of a line that says something
COMMON = 12  # documents that share a line which says nothing of them
SHARE = 0.2  # of the long lines of the shorter document


def split(documents: Mapping[str, str], validation_fraction: float) -> tuple[list[str], list[str]]:
    """Names of the training and of the validation documents, each in the order of their digests.

    A family validates by the digest of its first name, so that a document added elsewhere moves
    nobody. Where that leaves a side empty, the family of the lowest digest validates.
    """
    families = _families(documents)
    rank = {family: _share_of(min(family)) for family in families}
    chosen = {family for family in families if rank[family] < validation_fraction}
    if not chosen or len(chosen) == len(families):
        chosen = {min(families, key=rank.__getitem__)}
    sides = [], []
    for family in families:
        sides[family in chosen].extend(family)
    train, validation = (sorted(side, key=_share_of) for side in sides)
    return train, validation


def _families(documents: Mapping[str, str]) -> list[tuple[str, ...]]:
    lines = {name: _long_lines(text) for name, text in documents.items()}
    holders: dict[str, list[str]] = defaultdict(list)
    for name in sorted(lines):
        for line in lines[name]:
            holders[line].append(name)
    shared: Counter[tuple[str, str]] = Counter()
    for names in holders.values():
        if 1 < len(names) <= COMMON:
            shared.update(combinations(names, 2))
    parent = {name: name for name in documents}
    for (one, two), count in shared.items():
        if count >= SHARE * min(len(lines[one]), len(lines[two])):
            parent[_root(parent, one)] = _root(parent, two)
    families: dict[str, list[str]] = defaultdict(list)
    for name in sorted(documents):
        families[_root(parent, name)].append(name)
    return [tuple(members) for members in families.values()]


def _root(parent: dict[str, str], name: str) -> str:
    while parent[name] != name:
        name = parent[name] = parent[parent[name]]
    return name


def _long_lines(text: str) -> set[str]:
    stripped = (line.strip() for line in text.splitlines())
    return {line for line in stripped if len(line) >= LONG}


def _share_of(name: str) -> float:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) / 2**64
