"""Which methods train and which validate, by a hash, so that more data move nothing.

The hash is of the seed and of what is kept together: a gem, a file, or one row. A key
stays on its side whatever else is there, except that the key of the lowest hash validates where no
hash falls below the wanted share.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

By = Literal["gem", "file", "row"]
Side = Literal["train", "validation"]
TOGETHER = {"gem": "gems", "file": "files", "row": "methods"}


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept in memory of a method that can be read."""

    number: int  # among all entries of the source
    repo_name: str
    file_path: str
    start_line: int
    ast_sha256: str
    nodes: int  # literals apart
    literals: int
    score: float

    def key(self, by: By) -> str:
        """What it is kept together with."""
        if by == "gem":
            return self.repo_name
        file = f"{self.repo_name}/{self.file_path}"
        return file if by == "file" else f"{file}:{self.start_line}"


def sides(found: Sequence[Found], by: By, fraction: float, seed: int) -> dict[str, Side]:
    """The side of each key.

    Raises:
        ValueError: there is one key alone.
    """
    draws = {key: _draw(key, seed) for key in {one.key(by) for one in found}}
    if len(draws) < 2:
        finer = {"gem": "--split file", "file": "--split row"}.get(by, "more methods")
        raise ValueError(
            f"a split by {by} must have {TOGETHER[by]} on both sides, got 1; give {finer}"
        )
    lowest = min(draws, key=lambda key: (draws[key], key))
    highest = max(draws, key=lambda key: (draws[key], key))
    chosen = {key for key, draw in draws.items() if draw < fraction} or {lowest}
    chosen -= {highest} if len(chosen) == len(draws) else set()
    return {key: "validation" if key in chosen else "train" for key in draws}


def first_of_each(found: Sequence[Found]) -> list[Found]:
    """The first method of each tree."""
    firsts: dict[str, Found] = {}
    for one in found:
        firsts.setdefault(one.ast_sha256, one)
    return list(firsts.values())


def leak_share(found: Sequence[Found], side: dict[str, Side], by: By) -> float:
    """The share of validating methods, copies included, whose tree trains as well."""
    seen = {one.ast_sha256 for one in found if side[one.key(by)] == "train"}
    leaks = Counter(one.ast_sha256 in seen for one in found if side[one.key(by)] == "validation")
    return round(leaks[True] / max(1, leaks.total()), 6)


def _draw(key: str, seed: int) -> float:
    """A number in [0, 1) that belongs to the key and the seed."""
    text = f"{seed}:{key}".encode("utf-8", "backslashreplace")
    return int.from_bytes(sha256(text).digest()[:6], "big") / 2**48
