"""What was left out and why, gathered for the manifest and said in a few lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAMED_AT_MOST = 3  # places of one reason
SAID_AT_MOST = 20  # reasons printed; the manifest has them all


@dataclass(frozen=True, slots=True)
class Skip:
    """A file, or a place in one, that was left out, and why."""

    path: str
    reason: str


def gathered(skipped: Sequence[Skip]) -> list[dict[str, Any]]:
    """One entry per reason, the commonest first, with how often and where first."""
    places: dict[str, list[str]] = {}
    for skip in skipped:
        places.setdefault(skip.reason, []).append(skip.path)
    ordered = sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        {"reason": reason, "count": len(paths), "paths": paths[:NAMED_AT_MOST]}
        for reason, paths in ordered
    ]


def said(skipped: Sequence[Skip], word: str = "skipped") -> list[str]:
    """A line for each of the commonest reasons, which begins with what became of those things."""
    lines = []
    for one in gathered(skipped)[:SAID_AT_MOST]:
        more = ", ..." if one["count"] > NAMED_AT_MOST else ""
        paths = ", ".join(repr(path)[1:-1] for path in one["paths"])
        lines.append(f"{word} {one['count']}: {one['reason']} ({paths}{more})")
    return lines
