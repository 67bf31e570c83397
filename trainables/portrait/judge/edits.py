"""Captions with a word changed.

The pairs of words are those of timlawrenz/prx-tg production/validate.py@bc10412. The first pair
whose word a caption has is taken, and each of its occurrences is replaced; captions without any are
left out and the number of others is told. Departure: whole words are sought, since "along" has no
"long" to replace.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

PAIRS = (
    ("slender", "muscular"),
    ("pale", "tan"),
    ("woman", "person"),
    ("long", "short"),
    ("dark", "light"),
    ("young", "mature"),
    ("facing right", "facing left"),
    ("directly at", "away from"),
)


@dataclass(frozen=True)
class Edit:
    """A changed caption.

    Attributes:
        row: Whose it is, among the portraits.
        before: The caption as it was.
        after: As it became.
        change: The words that were exchanged.
    """

    row: int
    before: str
    after: str
    change: tuple[str, str]


def edits(captions: Sequence[str]) -> list[Edit]:
    """The captions that can be edited, in order."""
    found = ((row, caption, edited(caption)) for row, caption in enumerate(captions))
    return [Edit(row, caption, *edit) for row, caption, edit in found if edit]


def edited(caption: str) -> tuple[str, tuple[str, str]] | None:
    """The caption under the first pair that has a word in it, and the pair; None without one."""
    for old, new in PAIRS:
        word = re.compile(rf"(?<![\w-]){old}(?![\w-])", re.IGNORECASE)
        if word.search(caption):
            return word.sub(lambda match, new=new: _as_large(match[0], new), caption), (old, new)
    return None


def _as_large(old: str, new: str) -> str:
    return new.capitalize() if old[:1].isupper() else new
