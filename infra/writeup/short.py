"""A leaderboard as a terminal shows it: of many arms the best, and notes of one kind as one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, get_args

from infra.answer.board import Leaderboard, best_rows
from infra.answer.verdicts import Verdict
from infra.words import MANY_ARMS, joined
from infra.writeup.tables import Table, leaderboard_table

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)")
_MOST_NAMED = 2


def short_table(board: Leaderboard, top: int = 0) -> Table:
    """The best arms and the baseline.

    Args:
        board: All arms.
        top: How many; 0 for all, or of more than `MANY_ARMS` for that many.
    """
    count = len(board.rows)
    top = top or (MANY_ARMS if count > MANY_ARMS else count)
    best = tuple(best_rows(board, top))
    notes = list(leaderboard_table(board).notes)
    if count > MANY_ARMS:
        notes = [_tally(board), *folded(notes, [row.arm for row in board.rows])]
    if left := count - len(best):
        notes.append(f"{left} more arms: --top {count} shows them")
    if count > MANY_ARMS:
        notes.append("--json and ablate export have every arm and every note")
    return replace(leaderboard_table(replace(board, rows=best)), notes=tuple(notes))


def folded(notes: Iterable[str], arms: Iterable[str]) -> list[str]:
    """Notes that say the same of several arms or cells as one, with the ranges of their numbers."""
    known = set(arms)
    groups: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for place, note in enumerate(notes):
        subject, text = _apart(note, known)
        kind = tuple(_NUMBER.split(text)) if subject else (place,)
        groups.setdefault(kind, []).append((subject, text))
    return [_one(group) for group in groups.values()]


def _apart(note: str, arms: set[str]) -> tuple[str, str]:
    """The arm or the cell that a note is about and what it says, "" where it is about neither."""
    for colon in re.finditer(": ", note):
        subject, text = note[: colon.start()], note[colon.end() :]
        arm = subject if subject in arms else subject.rpartition(", seed ")[0]
        if arm in arms or re.fullmatch(r"cell \S+(?: failed)?", subject):
            return subject, text.replace(repr(arm), "the arm")
    return "", note


def _one(group: Sequence[tuple[str, str]]) -> str:
    subjects, texts = [subject for subject, _ in group], [text for _, text in group]
    if len(group) == 1:
        return ": ".join(filter(None, (subjects[0], texts[0])))
    columns = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    ranges = iter([_range(column) for column in columns])
    return f"{joined(subjects, most=_MOST_NAMED)}: {_NUMBER.sub(lambda _: next(ranges), texts[0])}"


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if float(low) == float(high) else f"{low} to {high}"


def _tally(board: Leaderboard) -> str:
    """How many arms have which verdict, those that are decided by name."""
    told = []
    for verdict in filter(None, get_args(Verdict)):
        if verdict == "control":
            continue
        own = [row.arm for row in board.rows if row.verdict == verdict]
        names = f" ({joined(own)})" if own and verdict != "undecided" else ""
        told += [f"{len(own)} {verdict}{names}"] if own else []
    arms = sum(row.verdict not in ("", "control") for row in board.rows)
    return f"of {arms} arms {joined(told)}" if told else "no arm has a verdict"
