"""Leaderboard and findings as tables, for the terminal, in Markdown and as plain data."""

import math
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, TextIO

from infra.answer.board import Leaderboard, Row
from infra.answer.compare import STUDY_BUDGET
from infra.answer.findings import FindingVerdict
from infra.answer.verdicts import Difference
from infra.words import joined

WIDTH = 100
MISSING = "-"
OTHER_DATA = "documented (other data)"
_GUTTER, _NARROWEST = 2, 8
_FOLDED = {"note": 18}
_MOST_DECIMALS = 7


@dataclass(frozen=True)
class Table:
    """Text in columns.

    Attributes:
        columns: Headings; numbers stand to the right in those that begin with a blank.
        strong: Rows to be set in bold: those whose verdict carries it.
        notes: Lines below the table.
        widths: How wide a column may get before its text is folded, 0 where it never is; without
            any, the terminal decides.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data: a dict per row."""
        names = [name.strip() for name in self.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}


def leaderboard_table(board: Leaderboard) -> Table:
    """A row per arm with difference and verdict; why one is undecided stands below.

    Beside the verdict: labels of cells, and what else than the question may explain the row.
    """
    less = "less" if board.mode == "min" else "more"
    columns = ("arm", " n", " failed", " mean ± 95 %", " sd", " minus baseline")
    columns += ("verdict", "note", " GPU h", " $")
    rows = tuple(board_row(row) for row in board.rows)
    used = [i for i in range(len(columns)) if any(row[i] != MISSING for row in rows)]
    return Table(
        title=f"{board.study} ({board.scale}): {board.metric}, {less} is better, at {board.budget}",
        columns=tuple(columns[i] for i in used),
        rows=tuple(tuple(row[i] for i in used) for row in rows),
        strong=frozenset(i for i, row in enumerate(board.rows) if row.verdict == "better"),
        notes=tuple(_board_notes(board)),
        widths=(22, *(_FOLDED.get(columns[i], 0) for i in used[1:])),
    )


def seeds_table(board: Leaderboard) -> Table:
    """A row per arm, a column per seed: each value, or how the cell stands."""
    return Table(
        title=f"{board.metric} by seed, at {board.budget}",
        columns=("arm", *(f" seed {seed}" for seed in board.seeds)),
        rows=tuple((row.arm, *_seed_texts(row)) for row in board.rows),
        widths=(22, *(11 for _ in board.seeds)),
    )


def findings_tables(verdicts: Sequence[FindingVerdict]) -> list[Table]:
    """What the sweep says of documented claims; apart, claims that it has no part in."""
    swept = [v for v in verdicts if v.basis == "sweep"]
    elsewhere = [v for v in verdicts if v.basis in ("arithmetic", "record")]
    untold = [v for v in verdicts if v.basis == "none"]
    tables = [
        _swept_table(swept),
        _claims_table("Claims that arithmetic or the documented record decides", elsewhere),
        _claims_table("Claims that this sweep does not judge", untold),
    ]
    return [table for table in tables if table.rows]


def _swept_table(verdicts: Sequence[FindingVerdict]) -> Table:
    table = Table(
        title="Findings",
        columns=("finding", "verdict", "seeds", "claim", "documented", "reason"),
        rows=tuple(
            (v.id, v.verdict, v.seeds_text, v.statement, v.documented, v.reason) for v in verdicts
        ),
        strong=frozenset(i for i, v in enumerate(verdicts) if v.verdict == "reproduced"),
        widths=(10, 14, 6, 24, 16, 24),
    )
    return beside_other_data(table, verdicts)


def _claims_table(title: str, verdicts: Sequence[FindingVerdict]) -> Table:
    table = Table(
        title=title,
        columns=("finding", "verdict", "claim", "reason"),
        rows=tuple((v.id, v.verdict, v.statement, v.reason) for v in verdicts),
        widths=(10, 14, 40, 30),
    )
    return beside_other_data(table, verdicts)


def beside_other_data(table: Table, verdicts: Sequence[FindingVerdict]) -> Table:
    """The table with a last but one column of numbers from other data, where there are any."""
    if not any(v.other_data for v in verdicts):
        return table
    return replace(
        table,
        columns=(*table.columns[:-1], OTHER_DATA, table.columns[-1]),
        rows=tuple(
            (*row[:-1], v.other_data or MISSING, row[-1])
            for row, v in zip(table.rows, verdicts, strict=True)
        ),
        widths=(*table.widths[:-1], 18, table.widths[-1]) if table.widths else (),
    )


def show(table: Table, file: TextIO | None = None, width: int = WIDTH) -> None:
    """Print for a terminal, else so wide; plain where the package rich is absent."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        print(plain(table), file=file)
        return
    console = Console(file=file, highlight=False)
    if not console.is_terminal:
        console.width = width
    console.print(rich_table(table))
    for note in table.notes:
        console.print(note, style="dim", markup=False, soft_wrap=not console.is_terminal)


def plain(table: Table) -> str:
    """The table in monospaced text, its foldable columns narrowed until it fits the width."""
    rows = [tuple(name.strip() for name in table.columns), *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    foldable = [i for i in range(len(widths)) if not table.widths or table.widths[i]]
    for i in foldable if table.widths else ():
        widths[i] = min(widths[i], table.widths[i])
    while foldable and sum(widths) + _GUTTER * (len(widths) - 1) > WIDTH:
        widest = max(foldable, key=lambda i: widths[i])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    lines = [line for row in rows for line in _plain_lines(table.columns, row, widths)]
    head = len(_plain_lines(table.columns, rows[0], widths))
    lines.insert(head, (" " * _GUTTER).join("-" * width for width in widths))
    return "\n".join([table.title, *lines, *table.notes])


def markdown(table: Table) -> str:
    """The table in Markdown under its title, with bold rows where a verdict carries it."""
    rule = ["---:" if name.startswith(" ") else "---" for name in table.columns]
    lines = [[_escaped(name.strip()) for name in table.columns], rule]
    for number, row in enumerate(table.rows):
        texts = [_escaped(text) for text in row]
        lines.append([f"**{t}**" for t in texts] if number in table.strong else texts)
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "\n".join(f"- {_escaped(note)}" for note in table.notes)
    return f"## {_escaped(table.title)}\n\n{body}\n" + (f"\n{notes}\n" if notes else "")


def number(value: float | None, spread: float | None = None, *, sign: str = "") -> str:
    """The value with as many digits as its spread carries, else with five; `sign` "+" shows it."""
    if value is None:
        return MISSING
    sign = sign if value else ""
    if not spread or not math.isfinite(spread):
        return f"{value:{sign}.5g}"
    return f"{value:{sign}z.{max(0, _decimals(spread))}f}"


def plus_minus(value: float | None, half: float | None, *, sign: str = "") -> str:
    """`value ± half`, to two significant digits of the half width; `sign` "+" shows the sign."""
    if value is None or not half:
        return number(value, sign=sign)
    if 1e-5 <= max(abs(value), half) < 1e7 and _decimals(half) <= _MOST_DECIMALS:
        return f"{number(value, half, sign=sign)} ± {number(half, half)}"
    exponent = math.floor(math.log10(max(abs(value), half)))
    value, half = value / 10.0**exponent, half / 10.0**exponent
    return f"({number(value, half, sign=sign)} ± {number(half, half)})e{exponent:+d}"


def difference_text(gap: Difference | None) -> str:
    """The mean with its sign and its half width."""
    return plus_minus(gap.mean, half_width(gap.interval), sign="+") if gap else MISSING


def _decimals(spread: float) -> int:
    return 1 - math.floor(math.log10(spread))


def half_width(interval: tuple[float, float] | None) -> float | None:
    """What stands behind the ±; None without an interval."""
    return None if interval is None else (interval[1] - interval[0]) / 2


def board_row(row: Row) -> tuple[str, ...]:
    """The texts of an arm, in the order of `leaderboard_table`'s columns."""
    return (
        row.arm,
        f"{row.finished}/{row.planned}",
        f"{row.failed} of {row.planned}" if row.failed else MISSING,
        plus_minus(row.mean, half_width(row.interval)),
        number(row.sd, row.sd),
        difference_text(row.difference),
        row.verdict or "baseline",
        "; ".join(filter(None, (labels_text(row), *_about_seeds(row), *row.beside))) or MISSING,
        f"{row.gpu_hours:.3g}" if row.gpu_hours else MISSING,
        MISSING if row.cost_usd is None else f"{row.cost_usd:.2f}",
    )


def labels_text(row: Row) -> str:
    """Each label with how many of the arm's cells have it, "" without any."""
    counts = Counter(label.kind for label in row.labels if label)
    told = [f"{kind} {n}/{row.planned}" for kind, n in counts.items()]
    return ", ".join([*told, *([row.bimodal.partition(" near ")[0]] if row.bimodal else [])])


def _about_seeds(row: Row) -> list[str]:
    """Over which seeds the difference is, where the means are over others; whether it is uneven."""
    noun = "seed" if row.over_seeds.isdecimal() else "seeds"
    over = [f"over {noun} {row.over_seeds}"] if row.over_seeds else []
    return over + (["uneven seeds"] if row.uneven else [])


def _board_notes(board: Leaderboard) -> list[str]:
    together = f"baseline {board.baseline}: differences are paired by seed, each interval"
    margin = "no margin is declared" if board.margin is None else f"margin ±{board.margin:g}"
    notes = [
        f"{together} at {100 * board.confidence:.4g} %, all of them together at 95 %; {margin}"
    ]
    if board.budget != STUDY_BUDGET:
        notes.append(f"exploratory: the study declared its end, not {board.budget}")
    if controls := [r.arm for r in board.rows if r.verdict == "control"]:
        notes.append(
            f"{joined(controls)}: compared with and not trained; their intervals are not counted "
            "among those that hold together"
        )
    failed = any(r.failed for r in board.rows if not r.verdict)  # of the baseline
    notes += [
        f"{r.arm}: {told}"
        for r in board.rows
        if r.verdict == "undecided" or (r.verdict and (r.failed or failed))
        if (told := _told_besides(r.reason))
    ]
    return [*notes, *board.notes]


def _told_besides(reason: str) -> str:
    """What a reason tells besides where the interval lies, which the row shows."""
    first, _, rest = reason.partition("; ")
    return rest if first.startswith("the interval ") else reason


def _seed_texts(row: Row) -> list[str]:
    cells = zip(row.values, row.statuses, row.labels, strict=True)
    half = half_width(row.interval)
    digits = half if half and _decimals(half) <= _MOST_DECIMALS else None
    return [
        (status or MISSING if value is None else number(value, digits))
        + (f" {label.kind}" if label else "")
        for value, status, label in cells
    ]


def rich_table(table: Table) -> Any:
    """The table as the package rich draws it."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False
    )
    limits = table.widths or (None,) * len(table.columns)
    for name, limit in zip(table.columns, limits, strict=True):
        side = "right" if name.startswith(" ") else "left"
        least = min(limit or 0, _NARROWEST) or None
        drawn.add_column(
            Text(name.strip()),
            justify=side,
            no_wrap=limit == 0,
            overflow="fold",
            min_width=least,
        )
    for index, row in enumerate(table.rows):
        drawn.add_row(*map(Text, row), style="bold" if index in table.strong else None)
    return drawn


def _plain_lines(columns: Sequence[str], row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """One row as lines, long cells folded."""
    folded = [
        textwrap.wrap(text, max(1, width)) or [""] for text, width in zip(row, widths, strict=True)
    ]
    lines = []
    for level in zip_longest(*folded, fillvalue=""):
        texts = (
            text.rjust(width) if name.startswith(" ") else text.ljust(width)
            for name, text, width in zip(columns, level, widths, strict=True)
        )
        lines.append((" " * _GUTTER).join(texts).rstrip())
    return lines


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = re.sub(r"([\\|*<>`\[\]])", r"\\\1", text).replace("\n", " ")
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
