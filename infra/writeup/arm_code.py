"""The code of arms that have their own beside the baseline's, for the terminal and the page."""

from collections.abc import Iterator, Mapping
from html import escape

from infra.ledger.code import ArmCode
from infra.words import counted
from infra.writeup.page import folded_html

_MOST = 12, 400  # lines of a diff that are shown on a terminal, and on the page
_FEW = 3  # arms whose diffs a terminal shows


def code_lines(arms: Mapping[str, ArmCode]) -> Iterator[str]:
    """What each arm runs, and how that differs."""
    for arm, own in arms.items():
        yield _headline(arm, own)
        yield from _shown(own.diff, _MOST[0]) if len(arms) <= _FEW else ()


def code_html(arms: Mapping[str, ArmCode]) -> str:
    """A diff for each arm, folded."""
    return "\n".join(
        folded_html(_headline(arm, own), _listing(own.diff) or "<p>No file differs.</p>")
        for arm, own in arms.items()
    )


def _headline(arm: str, own: ArmCode) -> str:
    lines = own.diff.splitlines()
    files = sum(line.startswith(("+++ ", "Files ")) for line in lines)
    more, less = (
        sum(line.startswith(sign) and not line.startswith(f"{sign * 3} ") for line in lines)
        for sign in "+-"
    )
    differs = f"{counted(files, 'file')}, +{more} -{less}" if files else "as the baseline's"
    return f"code of arm {arm!r}: {own.title}; {differs}"


def _listing(diff: str) -> str:
    text = "\n".join(_shown(diff, _MOST[1]))
    return f"<pre><code>{escape(text)}</code></pre>" if text else ""


def _shown(diff: str, most: int) -> list[str]:
    lines = diff.splitlines()
    left = len(lines) - most
    return lines[:most] + ([f"... {left} more lines of the diff"] if left > 0 else [])
