"""What a source holds: a tree of Ruby files, or rows of methods in the documented JSONL schema.

Both are read twice, once to look at every method and once to write it, so neither has to fit into
memory: answers of the parser are kept in a file beside the rows, each under the hash of what was
parsed, and a broken-off ingestion takes from it what is there.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from trainables.ruby.ingest.ruby import SCRIPT, RubyParser
from trainables.skips import Skip

ENDINGS = (".rb", ".jsonl", ".ndjson")
PARSED = "parsed.jsonl"
TEXTS = ("repo_name", "file_path", "raw_source", "ast_json")
GEM = re.compile(r"(?P<name>.+?)-\d+(?:\.\w+)+(?:-[\w.-]+)?")
VERSION = re.compile(r"\d+(?:\.\d+)+")
SHELVES = {"lib", "ruby", "vendor_ruby", "site_ruby", "gems", "repos", "all", "src", "."}


@dataclass(frozen=True, slots=True)
class Entry:
    """A method that was found, with what its row says of it."""

    repo_name: str
    file_path: str
    start_line: int
    raw_source: str
    ast_json: str
    id: str = ""
    score: Any = None  # as given; None where the source has none


def files_of(source: Path, excluding: Path, closed: list[Skip]) -> tuple[list[Path], list[Path]]:
    """Ruby files and files of rows at any depth, in a fixed order; adds what cannot be opened.

    Hidden folders and the target are left out. A source that is a file is Ruby where it ends so.
    """
    if source.is_file():
        return ([source], []) if source.suffix == ".rb" else ([], [source])
    found: list[Path] = []

    def cannot(error: OSError) -> None:
        path = place_of(Path(error.filename), source)
        closed.append(Skip(path, f"cannot be opened ({error.strerror})"))

    for folder, folders, names in os.walk(source, onerror=cannot):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and (here / name).resolve() != excluding
        )
        found += [here / name for name in names if name.endswith(ENDINGS)]
    strange = {path for path in found if not path.is_file()}
    closed += [Skip(place_of(path, source), "is no file") for path in sorted(strange)]
    found = sorted(set(found) - strange)
    return [f for f in found if f.suffix == ".rb"], [f for f in found if f.suffix != ".rb"]


def gem_of(path: Path, source: Path) -> str:
    """The gem or repository that a file belongs to, from where it lies.

    gems/NAME-VERSION/ and repos/NAME/ say it; otherwise the first folder does that is no shelf
    such as lib/ or 3.1.0/, or the file's own name.
    """
    parts = path.relative_to(source).parts if path != source else (path.name,)
    for shelf, name in reversed(list(zip(parts[:-1], parts[1:], strict=True))):
        if shelf == "gems" and (gem := GEM.fullmatch(name)):
            return _told(gem["name"])
        if shelf == "repos":
            return _told(name)
    telling = [p for p in parts if p not in SHELVES and not VERSION.fullmatch(p)]
    first = telling[0] if telling else parts[-1]
    gem = GEM.fullmatch(first)
    return _told(gem["name"] if gem else first.removesuffix(".rb"))


class RubyTree:
    """The methods of a tree of Ruby files.

    Attributes:
        versions: of Ruby and its parser.
        skipped: what was left out so far, with files that gave no methods.
    """

    def __init__(self, source: Path, files: list[Path], work: Path, skipped: list[Skip]):
        self._source, self._files = source, files
        self._log = work / PARSED
        self.skipped = skipped
        self._places = self._parsed()

    def __iter__(self) -> Iterator[Entry]:
        """Every method, file after file, by line."""
        with self._log.open("rb") as log:
            for path, place in zip(self._files, self._places, strict=True):
                log.seek(place)
                for said in _answer(log.readline()).get("methods", ()):
                    yield Entry(
                        gem_of(path, self._source),
                        place_of(path, self._source),
                        said["line"],
                        said["source"],
                        said["ast"],
                    )

    def _parsed(self) -> list[int]:
        """Where the answer for each file stands in the log, once all are there."""
        places = []
        with RubyParser() as parser:
            self.versions = parser.versions
            salt = json.dumps(self.versions).encode() + SCRIPT.read_bytes()
            known = _known(self._log)
            with self._log.open("ab") as log:
                for path in self._files:
                    key, line = self._key(path, salt), b""
                    if key not in known:
                        known[key] = log.tell()
                        line = parser.answer(path)
                        log.write(key.encode() + b"\t" + line)
                        log.flush()
                    places.append(known[key])
        self._tell(places)
        return places

    def _key(self, path: Path, salt: bytes) -> str:
        try:
            return sha256(salt + path.read_bytes()).hexdigest()
        except OSError as error:  # the parser says the same; the name keeps it apart
            return sha256(f"{path} {error.errno}".encode("utf-8", "surrogateescape")).hexdigest()

    def _tell(self, places: list[int]) -> None:
        with self._log.open("rb") as log:
            for path, place in zip(self._files, places, strict=True):
                log.seek(place)
                if error := _answer(log.readline()).get("error"):
                    self.skipped.append(Skip(place_of(path, self._source), error))


def _known(log: Path) -> dict[str, int]:
    """Where each answer of an earlier ingestion begins; a torn last line is cut off."""
    places: dict[str, int] = {}
    if not log.exists():
        return places
    end = 0
    with log.open("rb+") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            places[line[:64].decode("ascii", "replace")] = end
            end += len(line)
        file.truncate(end)
    return places


def _answer(line: bytes) -> dict[str, Any]:
    return json.loads(line.split(b"\t", 1)[1])


class Rows:
    """The rows of JSONL files in the documented schema.

    Attributes:
        skipped: what was left out so far; the first reading adds lines that are no row.
    """

    versions: dict[str, str] = {}  # no parser was needed

    def __init__(self, source: Path, files: list[Path], skipped: list[Skip]):
        self._source, self._files = source, files
        self.skipped = skipped
        self._told = False

    def __iter__(self) -> Iterator[Entry]:
        """Every row that has the schema's fields, file after file, line by line."""
        for path in self._files:
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if not line.strip():
                        continue
                    try:
                        yield _entry(line)
                    except ValueError as reason:
                        if not self._told:
                            where = f"{place_of(path, self._source)}:{number}"
                            self.skipped.append(Skip(where, str(reason)))
        self._told = True


def _entry(line: bytes) -> Entry:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("the line is no UTF-8") from error
    except RecursionError as error:
        raise ValueError("the line is nested too deeply for a row") from error
    except ValueError as error:
        raise ValueError("the line is no JSON") from error
    if not isinstance(row, dict):
        raise ValueError("the line is no JSON object")
    texts = {name: _text(name, row.get(name)) for name in TEXTS}
    start = row.get("start_line")
    if isinstance(start, bool) or not isinstance(start, int) or not 0 <= start < 2**31:
        raise ValueError("the row's start_line is no line number")
    name = row.get("id")
    return Entry(
        **texts,
        start_line=start,
        id=name if isinstance(name, str) and name.isascii() else "",
        score=row.get("complexity_score"),
    )


def _text(name: str, text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError(f"the row's {name} is {'missing' if text is None else 'no text'}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the row's {name} is no Unicode text") from error
    return text


def place_of(path: Path, source: Path) -> str:
    """Where a file lies below the source, as text whatever its bytes."""
    return _told(path.name if path == source else path.relative_to(source).as_posix())


def _told(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
