"""Points that a script tells of itself: lines of JSON, a block, a pattern, a CSV or event file.

A reader is fed lines, of what is printed or of a file that grows, and gives back what each of them
tells: numbers by name, with the step among them where it is told. Lines that tell nothing are most
of what scripts print, and are passed over.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

KINDS = ("json", "pattern", "block", "csv", "tensorboard", "report")
Told = dict[str, float]
Reader = Callable[[str], Told | None]


@dataclass(frozen=True, kw_only=True)
class Points:
    """Where points come from.

    Attributes:
        kind: json, an object on a line; pattern, a regular expression with named groups; block,
            lines of `name: value` between two lines; csv, with names in its first row;
            tensorboard, event files in a folder; report, calls of `ablate.report` in the script.
        file: A file that grows, or a folder of event files, such as `{dir}/log.csv`; "" for what is
            printed.
        pattern: The expression; spaces around numbers are of no matter.
        begin: The line before a block.
        end: The line behind it.
        step: The name of the step. Where it is not told points are counted.
    """

    kind: str = "json"
    file: str = ""
    pattern: str = ""
    begin: str = "---"
    end: str = "---"
    step: str = "step"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"points.kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.kind in ("csv", "tensorboard") and not self.file:
            raise ValueError(f"points.file must name what kind {self.kind!r} reads, got none")
        if self.kind == "pattern":
            self._check_pattern()

    def _check_pattern(self) -> None:
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(f"points.pattern {self.pattern!r}: must compile, {error}") from error
        if not set(groups) - {self.step}:
            raise ValueError(
                f"points.pattern {self.pattern!r}: must have a named group for each metric, such "
                "as (?P<val_loss>[-+.\\deE]+), got none"
            )


def reader_of(points: Points) -> Reader:
    """What reads its lines, from the first on."""
    readers: Mapping[str, Callable[[Points], Reader]] = {
        "json": lambda _: told_by_json,
        "report": lambda _: told_by_json,
        "pattern": _Pattern,
        "block": _Block,
        "csv": lambda _: _Csv(),
    }
    return readers[points.kind](points)


def told_by_json(line: str) -> Told | None:
    """The numbers of an object on a line, nested ones dotted; None where it is none."""
    line = line.strip()
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return dict(_numbers(found, "")) or None


def _numbers(tree: Mapping[str, object], prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + name, float(value)


class _Pattern:
    def __init__(self, points: Points) -> None:
        self._pattern = re.compile(points.pattern)

    def __call__(self, line: str) -> Told | None:
        found = self._pattern.search(line)
        if found is None:
            return None
        return {name: number(v) for name, v in found.groupdict().items() if v is not None}


class _Block:
    """Lines of `name: value` or `name = value` from one line to another, told with the last."""

    def __init__(self, points: Points) -> None:
        self._begin, self._end = points.begin.strip(), points.end.strip()
        self._told: Told | None = None

    def __call__(self, line: str) -> Told | None:
        line = line.strip()
        if self._told is None:
            self._told = {} if line == self._begin else None
            return None
        if line == self._end:
            told, self._told = self._told, None
            return told or None
        name, mark, value = (part.strip() for part in line.replace("=", ":", 1).partition(":"))
        if mark:
            try:
                self._told[name] = float(value.split()[0])
            except (ValueError, IndexError):
                pass  # a text, such as the name of a device
        return None


class _Csv:
    """Rows below a row of names; cells that are empty or no number tell nothing."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def __call__(self, line: str) -> Told | None:
        row = next(csv.reader([line]), [])
        if not self._names:
            self._names = [name.strip() for name in row]
            return None
        told: Told = {}
        for name, value in zip(self._names, row, strict=False):
            try:
                told[name] = float(value)
            except ValueError:
                continue
        return told or None


def number(text: str) -> float:
    """A number as scripts print them.

    Raises:
        ValueError: When it is none, with what stood there.
    """
    try:
        return float(text.strip().rstrip("%,").replace(",", ""))
    except ValueError as error:
        raise ValueError(f"points.pattern: a group must match numbers, got {text!r}") from error
