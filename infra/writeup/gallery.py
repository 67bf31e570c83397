"""Pictures that runs offered, in the report: the newest of each arm's first seed, folded.

Those of one name stand beside each other, arm by arm, as far as the page is wide. They stand in the
page as data, so that it loads nothing; a bound on their bytes keeps it small.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from html import escape
from itertools import islice

from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord, Shown, newest_pictures
from infra.study.plan import Cell, Plan

MOST_BYTES = 2**22  # of all pictures in a page


def gallery(plan: Plan, ledger: Ledger, records: Mapping[str, CellRecord]) -> str:
    """A part for each name of a picture, the first of them open; "" where no run offered any."""
    named: dict[str, list[tuple[Cell, Shown]]] = {}
    for cell in _first_with_pictures(plan, records):
        for shown in newest_pictures(records[cell.key]):
            named.setdefault(shown.name, []).append((cell, shown))
    parts, left, missing = [], MOST_BYTES, []
    for name, offered in named.items():
        drawn = []
        for cell, shown in offered:
            data = _read(ledger, cell.key, shown)
            if data is None or len(data) > left:
                missing.append(f"{cell.arm}: {name}")
                continue
            left -= len(data)
            drawn.append(_figure(cell, shown, data))
        if drawn:
            about = f"<summary>{escape(name)}</summary>"
            beside = ['<div class="beside">', *drawn, "</div>"]
            details = "<details>" if parts else "<details open>"
            parts.append("\n".join([details, about, *beside, "</details>"]))
    if missing:
        parts.append(
            f'<p class="dim">Not shown, {len(missing)} pictures beyond {MOST_BYTES} bytes or gone '
            f"from the storage: {escape('; '.join(missing[:8]))}</p>"
        )
    return "\n".join(parts)


def _first_with_pictures(plan: Plan, records: Mapping[str, CellRecord]) -> Iterator[Cell]:
    """Of each arm the first seed that has any."""
    for arm in plan.arms:
        cells = (cell for cell in plan.cells_of[arm] if newest_pictures(records[cell.key]))
        yield from islice(cells, 1)


def _read(ledger: Ledger, key: str, shown: Shown) -> bytes | None:
    try:
        return ledger.read_picture(key, shown.path)
    except FileNotFoundError:
        return None


def _figure(cell: Cell, shown: Shown, data: bytes) -> str:
    whose = escape(f"{cell.arm}, seed {cell.seed}, step {shown.step}")
    source = f"data:image/png;base64,{b64encode(data).decode()}"
    picture = f'<img alt="{escape(shown.name)}: {whose}" style="max-width: 100%" src="{source}">'
    return f"<figure>\n{picture}\n<figcaption>{whose}</figcaption>\n</figure>"
