"""What a leaderboard answers, in plain sentences: on the whole, per arm, on documented claims."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from infra.answer.board import Leaderboard, Row
from infra.answer.findings import FindingVerdict, Verdict
from infra.writeup.tables import difference_text, half_width, plus_minus

_OPEN = ("pending", "interrupted")
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def minus(text: str) -> str:
    """The text of a number with a true minus, as print has it."""
    return _MINUS.sub("\u2212", text)


def headline(board: Leaderboard) -> str:
    """How many arms are better, worse, equivalent and undecided."""
    unfinished = sum(row.statuses.count(status) for row in board.rows for status in _OPEN)
    planned = sum(row.planned for row in board.rows)
    wait = f" Still unfinished: {unfinished} of {planned} cells." if unfinished else ""
    counts = Counter(row.verdict for row in board.rows if row.verdict not in ("", "control"))
    if not counts:
        return f"One arm alone, {board.baseline}: there is nothing to compare.{wait}"
    verdicts = ("better", "worse", "equivalent", "undecided")
    said = [f"{n} {'is' if n == 1 else 'are'} {v}" for v in verdicts if (n := counts[v])]
    listed = " and ".join([", ".join(said[:-1]), said[-1]] if said[1:] else said)
    arms = "arm" if counts.total() == 1 else "arms"
    of = "At smoke, which answers nothing, of" if board.scale == "smoke" else "Of"
    return f"{of} {counts.total()} {arms} compared to {board.baseline}, {listed}.{wait}"


def claims(verdicts: Sequence[FindingVerdict]) -> str:
    """How many documented claims this sweep reproduces, refutes or leaves open; "" without any."""
    counts = Counter(v.verdict for v in verdicts if v.basis == "sweep")
    said = [f"{counts[v]} {v}" for v in get_args(Verdict) if counts[v]]
    return f"Documented claims that this sweep judges: {', '.join(said)}." if said else ""


def answers(board: Leaderboard) -> list[str]:
    """A sentence per arm, the baseline first and then as the leaderboard ranks them."""
    rows = sorted(board.rows, key=lambda row: row.arm != board.baseline)
    return [_sentence(board, row) for row in rows]


def _sentence(board: Leaderboard, row: Row) -> str:
    if not row.verdict:
        return _baseline(row)
    gap, base = row.difference, board.baseline
    if row.verdict == "control":
        return _control(row, base)
    if gap is None:
        return f"{row.arm} is undecided: {row.reason}."
    half, seeds = half_width(gap.interval), _seeds(len(gap.values))
    if row.verdict == "undecided":
        told = f"a difference of {minus(difference_text(gap))} ({seeds}); {row.reason}."
        return f"{row.arm} is undecided: {told}"
    _, _, failed = row.reason.partition("; ")
    tail = f"; {failed}." if failed else "."
    if row.verdict == "equivalent":
        told = f"is equivalent to {base}: {minus(difference_text(gap))} lies inside the margin "
        return f"{row.arm} {told}±{board.margin:g} ({seeds}){tail}"
    by = plus_minus(abs(gap.mean), half)
    return f"{row.arm} is {row.verdict} than {base} by {by} ({seeds}){tail}"


def _control(row: Row, base: str) -> str:
    if row.mean is None:
        return f"{row.arm}, a control, has no finished cell."
    mean = minus(plus_minus(row.mean, half_width(row.interval)))
    told = f"{row.arm}, a control, reaches {mean} ({_seeds(row.finished)})"
    if gap := row.difference:
        told += f", minus {base} {minus(plus_minus(gap.mean, half_width(gap.interval)))}"
    return f"{told}."


def _baseline(row: Row) -> str:
    if row.mean is None:
        return f"{row.arm}, the baseline, has no finished cell."
    mean = minus(plus_minus(row.mean, half_width(row.interval)))
    failed = f"; {row.failed} of {row.planned} cells failed" if row.failed else ""
    return f"{row.arm}, the baseline, reaches {mean} ({_seeds(row.finished)}){failed}."


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
