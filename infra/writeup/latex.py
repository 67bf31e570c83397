r"""Tables as a paper sets them: LaTeX with booktabs, to be read in with \input."""

import re
from dataclasses import replace

from infra.writeup.short import folded
from infra.writeup.tables import MISSING, Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': '{"}',
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "→": r"\ensuremath{\to}",
    "–": "--",
    "−": r"\ensuremath{-}",
    "…": r"\dots{}",
    "\n": " ",
}
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_PLAIN = re.compile(rf"({_NUMBER})(?:e([+-]\d+))?")
_SPREAD = re.compile(rf"({_NUMBER}) ± ({_NUMBER})")
_SCALED = re.compile(rf"\(({_NUMBER}) ± ({_NUMBER})\)e([+-]\d+)")


def narrow(table: Table, column: str = "note") -> Table:
    """The table with a column's texts among its notes, as a page has no room for long ones.

    What is noted alike of several arms becomes one note.
    """
    arms = [row[0] for row in table.rows]
    if column not in table.columns:
        return replace(table, notes=tuple(folded(table.notes, arms)))
    at = table.columns.index(column)
    told = tuple(f"{row[0]}: {row[at]}" for row in table.rows if row[at] != MISSING)
    return replace(
        table,
        columns=(*table.columns[:at], *table.columns[at + 1 :]),
        rows=tuple((*row[:at], *row[at + 1 :]) for row in table.rows),
        notes=tuple(folded((*told, *table.notes), arms)),
        widths=(),
    )


def latex(table: Table, label: str) -> str:
    r"""The table as a float with caption, label and its notes; needs the package booktabs.

    Args:
        table: What to set; strong rows become bold.
        label: What \ref asks for; no special characters but - and :.
    """
    columns = "".join("r" if name.startswith(" ") else "l" for name in table.columns)
    head = " & ".join(map(_escaped, (name.strip() for name in table.columns)))
    body = "\n".join(_row(table, number) for number in range(len(table.rows)))
    notes = "\n".join(f"\\par {_escaped(note)}." for note in table.notes)
    box = "\\begin{minipage}{\\linewidth}\\footnotesize"
    below = f"\n\\medskip\n{box}\n{notes}\n\\end{{minipage}}" if notes else ""
    return f"""% needs \\usepackage{{booktabs}}
\\begin{{table}}
\\centering\\small\\setlength{{\\tabcolsep}}{{4pt}}
\\caption{{{_escaped(table.title)}}}
\\label{{{re.sub(r"[^A-Za-z0-9:-]", "-", label)}}}
\\begin{{tabular}}{{{columns}}}
\\toprule
{head} \\\\
\\midrule
{body}
\\bottomrule
\\end{{tabular}}{below}
\\end{{table}}
"""


def _row(table: Table, number: int) -> str:
    pairs = zip(table.columns, table.rows[number], strict=True)
    cells = [_number(text) if name.startswith(" ") else _escaped(text) for name, text in pairs]
    if number in table.strong:
        cells = [f"\\textbf{{\\boldmath {cell}}}" for cell in cells]
    return " & ".join(cells) + r" \\"


def _number(text: str) -> str:
    """Numbers in mathematics, so that their minus is one; else the text, escaped."""
    if text == MISSING:
        return "--"
    if found := _PLAIN.fullmatch(text):
        return f"${found[1]}{_power(found[2])}$"
    if found := _SPREAD.fullmatch(text):
        return rf"${found[1]} \pm {found[2]}$"
    if found := _SCALED.fullmatch(text):
        return rf"$({found[1]} \pm {found[2]}){_power(found[3])}$"
    return _escaped(text)


def _power(exponent: str | None) -> str:
    return rf" \times 10^{{{int(exponent)}}}" if exponent else ""


def _escaped(text: str) -> str:
    """Text that LaTeX sets as it is; a leading bracket must not read as an option of the row."""
    escaped = "".join(_SPECIAL.get(sign, sign) for sign in text)
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped
