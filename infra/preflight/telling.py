"""What a person sees while arms are tried and measured, which may take minutes.

On a terminal one line that is redrawn and gone at the end; elsewhere a line now and then.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_SELDOM_S = 30.0  # between lines where nobody can redraw them
_screens: list["_Screen"] = []


@contextmanager
def telling(subject: str) -> Iterator[None]:
    """Shows what is told with `tell` in the body, behind the subject and with the time so far."""
    _screens.append(_Screen(subject, sys.stdout))
    try:
        with _screens[-1].live():
            yield
    finally:
        _screens.pop()


def tell(text: str) -> None:
    """Says what is being done now, such as "arm 'a', 2 of 5"; where nobody looks, nothing."""
    if _screens:
        _screens[-1].tell(text)


class _Screen:
    """Bound to the stdout of its beginning, since what a run prints is caught meanwhile."""

    def __init__(self, subject: str, out: TextIO) -> None:
        self._subject, self._out, self._text = subject, out, ""
        self._began = self._told = time.monotonic()

    @contextmanager
    def live(self) -> Iterator[None]:
        if not self._out.isatty():
            yield
            return
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._out)
        settings: dict[str, Any] = dict.fromkeys(("redirect_stdout", "redirect_stderr"), False)
        with Live(
            console=console,
            get_renderable=self._line,
            refresh_per_second=2,
            transient=True,
            **settings,
        ):
            yield

    def tell(self, text: str) -> None:
        self._text, now = text, time.monotonic()
        if not self._out.isatty() and now - self._told > _SELDOM_S:
            self._told = now
            print(self._line(), file=self._out, flush=True)

    def _line(self) -> Any:
        line = f"{self._subject}: {self._text} ({time.monotonic() - self._began:.0f} s)"
        if not self._out.isatty():
            return line
        from rich.text import Text

        return Text(line, no_wrap=True, overflow="ellipsis")
