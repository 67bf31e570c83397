"""The report's page: HTML of its parts, its style sheet, figures as SVG that follow the theme.

Nothing is loaded from anywhere and nothing runs: the page's own policy forbids both.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from infra.colors import COLORS
from infra.writeup.drawing import GREY, Key, Picture
from infra.writeup.sentences import minus
from infra.writeup.tables import Table

_DARK = ("#56A8E0", "#F08040", "#2FC59A", "#DFA0C4", "#F0B840", "#8CCFF5")  # as COLORS, on black
_SMALLEST, _LARGEST = 66, 118  # pixels on screen for an inch of a figure, so that it can be read
_SHORT, _PROSE = 20, 40  # letters of a cell that stays on one line, and that gets room to read
_VERDICTS = ("better", "worse", "equivalent", "undecided", "reproduced", "refuted")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1d21; --dim: #5c626b; --line: #d9dce1;
  --soft: #f4f5f7; --flag: #8a4b00; --flag-soft: #fff4e2; %s }
@media (prefers-color-scheme: dark) { :root { --ground: #15171a; --ink: #e4e6e9; --dim: #9ba2ac;
  --line: #363b42; --soft: #1e2125; --flag: #f2bd72; --flag-soft: #2d2416; %s } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 70rem;
  background: var(--ground); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: clamp(1.4rem, 4vw, 2rem); line-height: 1.2; margin: .2rem 0 .4rem;
  text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid var(--line); }
p, ul { max-width: 46rem; margin: .5rem 0; } ul { padding-left: 1.2rem; }
a { color: inherit; } .dim, figcaption, .notes { color: var(--dim); font-size: .875rem; }
nav { font-size: .875rem; margin: .8rem 0 0; } nav a { margin-right: .9rem; white-space: nowrap; }
.answer { background: var(--soft); border-left: 4px solid var(--c0); padding: .7rem 1.1rem;
  margin: 1.2rem 0; } .answer p { font-weight: 600; }
.flags { background: var(--flag-soft); border-left: 4px solid var(--flag); margin: 1.2rem 0;
  padding: .7rem 1.1rem; } .flags p { color: var(--flag); font-weight: 600; margin: 0; }
.scroll { overflow-x: auto; margin: .8rem 0; }
.scroll:focus-visible { outline: 2px solid var(--c0); }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4;
  font-variant-numeric: tabular-nums; }
h3 { font-size: .9375rem; margin: 1.4rem 0 0; } h3 + .scroll { margin-top: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .32rem 1.1rem .32rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: normal; }
thead th { color: var(--dim); font-weight: 600; border-bottom-color: var(--dim);
  white-space: nowrap; }
tbody th { font-weight: 500; max-width: 22rem; } .strong, .strong th { font-weight: 700; }
.strong .prose { font-weight: 400; }
.number { text-align: right; white-space: nowrap; }
.prose { min-width: 12rem; max-width: 30rem; overflow-wrap: anywhere; }
.short, .verdict { white-space: nowrap; }
.better, .reproduced { color: var(--c0); } .worse, .refuted { color: var(--c1); }
.equivalent { color: var(--c2); } .undecided { color: var(--dim); }
figure { margin: 1rem 0; }
.plot { display: flex; flex-wrap: wrap; align-items: center; gap: 0 1.5rem; }
.plot > .scroll { flex: 0 1 auto; min-width: 0; }
.legend { flex: 1 1 11rem; list-style: none; padding: 0; margin: 0; font-size: .875rem; }
.legend li { display: flex; gap: .6rem; align-items: baseline; margin: .2rem 0;
  overflow-wrap: anywhere; }
.legend svg { flex: none; width: 2rem; height: .6rem; }
details { margin: .6rem 0; } summary { cursor: pointer; }
svg { display: block; width: 100%%; height: auto; }
svg text { font-family: inherit !important; fill: currentColor; white-space: pre; }
.beside { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 1rem; }
.beside figure { max-width: 100%%; }
pre { background: var(--soft); padding: .8rem 1rem; overflow-x: auto; font-size: .8125rem;
  line-height: 1.5; }
@media print { nav { display: none; } .scroll { overflow: visible; } h2 { break-after: avoid; } }
"""


@dataclass(frozen=True)
class Section:
    """A part of the page; without a body it is left out."""

    anchor: str
    heading: str
    body: str


def page(title: str, top: str, sections: Sequence[Section]) -> str:
    """The whole document.

    Args:
        title: Of the window, plain text.
        top: HTML of what stands above the sections.
        sections: The parts that follow, those with a body also in the list of contents.
    """
    shown = [section for section in sections if section.body]
    links = "\n".join(f'<a href="#{s.anchor}">{escape(s.heading)}</a>' for s in shown)
    parts = "\n".join(
        f'<section id="{s.anchor}">\n<h2>{escape(s.heading)}</h2>\n{s.body}\n</section>'
        for s in shown
    )
    pictured = any("<img" in section.body for section in shown)
    policy = _POLICY + ("; img-src data:" if pictured else "")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_style()}</style>
</head>
<body>
<header>
{top}
<nav aria-label="Contents">
{links}
</nav>
</header>
<main>
{parts}
</main>
</body>
</html>
"""


def table_html(table: Table, *, titled: bool = True) -> str:
    """The table in a box that scrolls where the window is narrow; its notes below."""
    if not table.rows:
        return ""
    head = "".join(
        f'<th scope="col"{_class(name, "")}>{escape(name.strip())}</th>' for name in table.columns
    )
    rows = "\n".join(_row(table, number) for number in range(len(table.rows)))
    label = escape(table.title)
    title = f"<h3>{label}</h3>\n" if titled else ""
    return (
        f'{title}<div class="scroll" role="region" tabindex="0" aria-label="{label}">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n"
        f"</div>\n{listed(table.notes, 'notes')}"
    )


def listed(texts: Sequence[str], kind: str = "") -> str:
    """A list of plain texts, "" without any."""
    items = "\n".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="{kind}">\n{items}\n</ul>' if items else ""


def figure_html(name: str, picture: Picture) -> str:
    """The picture drawn into the page, its legend beside or under it, its lines as a caption."""
    caption = "<br>".join(map(escape, picture.lines))
    label = escape(picture.lines[0])
    box = f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
    wide = picture.figure.get_figwidth()
    size = f"min-width: {wide * _SMALLEST:.0f}px; width: {wide * _LARGEST:.0f}px; max-width: 100%"
    about = f'<svg role="img" aria-label="{label}" style="{size}" '
    drawn = svg(name, picture).replace("<svg ", about, 1)
    plot = f'<div class="plot">\n{box}\n{drawn}\n</div>\n{_legend(picture.keys)}</div>'
    return f"<figure>\n{plot}\n<figcaption>{caption}</figcaption>\n</figure>"


def folded_html(summary: str, body: str) -> str:
    """The body under a line that opens it; "" without one."""
    about = f"<summary>{escape(summary)}</summary>"
    return f"<details>\n{about}\n{body}\n</details>" if body else ""


def _legend(keys: Sequence[Key]) -> str:
    """A list whose lines are drawn as those of the figure; "" for a figure without a legend."""
    items = "\n".join(
        f'<li><svg viewBox="0 0 32 10" aria-hidden="true"><path d="M0 5h32" fill="none" '
        f'style="stroke: {_themed(key.look.color)}" stroke-width="3"{_dashed(key)}/></svg>'
        f"{escape(key.text)}</li>"
        for key in keys
    )
    return f'<ul class="legend">\n{items}\n</ul>\n' if items else ""


def _dashed(key: Key) -> str:
    """The dashes of the figure's lines, which are told in widths of a line of 2.2 points."""
    if key.look.dashes == "-":
        return ""
    return f' stroke-dasharray="{" ".join(f"{2 * part:g}" for part in key.look.dashes[1])}"'


def _themed(text: str) -> str:
    """Colours of pictures as those of the page, which follow the theme."""
    for index, color in enumerate(COLORS):
        text = re.sub(rf"(?i){color}\b", f"var(--c{index})", text)
    return re.sub(rf"(?i){GREY}\b", "var(--dim)", text)


def svg(name: str, picture: Picture) -> str:
    """An <svg> element whose colours are the page's; the same picture gives the same text."""
    import matplotlib

    text = io.StringIO()
    about = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        picture.figure.savefig(text, format="svg", metadata=about, transparent=True)
    drawn = text.getvalue()
    drawn = re.sub(r"<style.*?</style>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    drawn = re.sub(r' xmlns(:\w+)?="[^"]*"', "", drawn).replace("xlink:href", "href")
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)  # two figures may not share an id
    drawn = re.sub(r' (width|height)="[\d.]+pt"', "", drawn, count=2)
    drawn = re.sub(r"(?i)(fill|stroke): #000000", r"\1: currentColor", drawn)
    drawn = _themed(re.sub(r"(?i)#ffffff", "var(--ground)", drawn))
    return re.sub(r"\n\s*", "\n", drawn).strip()


def _style() -> str:
    light, dark = (
        " ".join(f"--c{index}: {color};" for index, color in enumerate(colors))
        for colors in (COLORS, _DARK)
    )
    return _STYLE % (light, dark)


def _row(table: Table, number: int) -> str:
    first, *others = zip(table.columns, table.rows[number], strict=True)
    cells = [f'<th scope="row"{_class(*first)}>{escape(first[1])}</th>']
    cells += [f"<td{_class(name, text)}>{escape(_shown(name, text))}</td>" for name, text in others]
    strong = ' class="strong"' if number in table.strong else ""
    return f"<tr{strong}>{''.join(cells)}</tr>"


def _shown(column: str, text: str) -> str:
    """Numbers with a true minus; names and sentences as they are."""
    return minus(text) if column.startswith(" ") else text


def _class(name: str, text: str) -> str:
    if name.startswith(" "):
        kind = "number"
    elif name == "verdict":
        kind = f"verdict {text}" if text in _VERDICTS else "verdict"
    else:
        kind = "prose" if len(text) > _PROSE else "short" if len(text) < _SHORT else ""
    return f' class="{kind}"' if kind else ""
