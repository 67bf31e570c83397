"""Pictures that runs offered, in the report: the newest of each arm's first seed, folded.

They stand in the page as data, so that it loads nothing; a bound on their bytes keeps it small.
"""

from base64 import b64encode
from collections.abc import Mapping
from html import escape

from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord, Shown, newest_pictures
from infra.study.plan import Plan

MOST_BYTES = 2**22  # of all pictures in a page


def gallery(plan: Plan, ledger: Ledger, records: Mapping[str, CellRecord]) -> str:
    """A folded part for each arm with pictures, "" where no run offered any."""
    parts, left, missing = [], MOST_BYTES, []
    for arm in plan.arms:
        cells = [cell for cell in plan.cells_of[arm] if newest_pictures(records[cell.key])]
        for cell in cells[:1]:
            drawn = []
            for shown in newest_pictures(records[cell.key]):
                data = _read(ledger, cell.key, shown)
                if data is None or len(data) > left:
                    missing.append(f"{arm}: {shown.name}")
                    continue
                left -= len(data)
                drawn.append(_figure(f"{arm}, seed {cell.seed}", shown, data))
            if drawn:
                about = f"<summary>{escape(arm)}, seed {cell.seed}</summary>"
                parts.append("\n".join(["<details>", about, *drawn, "</details>"]))
    if missing:
        parts.append(
            f'<p class="dim">Not shown, {len(missing)} pictures beyond {MOST_BYTES} bytes or gone '
            f"from the storage: {escape('; '.join(missing[:8]))}</p>"
        )
    return "\n".join(parts)


def _read(ledger: Ledger, key: str, shown: Shown) -> bytes | None:
    try:
        return ledger.read_picture(key, shown.path)
    except FileNotFoundError:
        return None


def _figure(whose: str, shown: Shown, data: bytes) -> str:
    name = escape(f"{shown.name}, step {shown.step}")
    source = f"data:image/png;base64,{b64encode(data).decode()}"
    picture = f'<img alt="{escape(whose)}: {name}" style="max-width: 100%" src="{source}">'
    return f"<figure>\n{picture}\n<figcaption>{name}</figcaption>\n</figure>"
