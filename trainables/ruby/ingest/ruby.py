"""Ruby sources parsed by Ruby's own `parser` gem, one process for any number of files.

A file is asked for and answered in turn, so that one which takes too long or kills the process is
known by name; the process is then begun again for the next. The label and the split are made from
the trees in Python, so that rows of others go the same way.
"""

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO, cast

from trainables.ruby.trees import Node, read_tree

SCRIPT = Path(__file__).with_name("methods.rb")
INSTALL = "apt-get install ruby ruby-whitequark-parser"
SECONDS = 60.0  # for one file
BUNDLER = ("RUBYOPT", "RUBYLIB", "BUNDLE_GEMFILE")  # would load what is no part of this


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a source."""

    name: str  # with its receiver, as in self.run
    start_line: int
    raw_source: str
    ast: Node


class RubyParser:
    """A Ruby process that parses files until it is closed.

    Attributes:
        versions: of Ruby, of the gem, and the grammar that it follows.
    """

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        self._start()

    def __enter__(self) -> "RubyParser":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def answer(self, path: Path) -> bytes:
        """A line of JSON with the file's `methods`, or with its `error`.

        Raises:
            RuntimeError: Ruby cannot be started again.
        """
        watch = Timer(self.seconds, self._too_late)
        watch.start()
        try:
            self._ask(path)
            line = self._out.readline()
        finally:
            watch.cancel()
        whole, late = line.endswith(b"\n"), self._late
        if late or not whole:
            self._end()
            self._start()
        if whole:
            return line
        reason = f"took more than {self.seconds:g} s" if late else "the parser's process ended"
        return json.dumps({"error": reason}).encode() + b"\n"

    def _too_late(self) -> None:
        self._late = True
        self._process.kill()

    def _ask(self, path: Path) -> None:
        with suppress(BrokenPipeError):  # the answer then ends early, which tells
            self._in.write(os.fsencode(path.absolute()) + b"\0")
            self._in.flush()

    def _start(self) -> None:
        ruby = shutil.which("ruby")
        if not ruby:
            raise RuntimeError(f"Ruby sources need Ruby to be read, got no `ruby` here; {INSTALL}")
        clean = {name: value for name, value in os.environ.items() if name not in BUNDLER}
        self._process = subprocess.Popen(
            [ruby, "-W0", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean | {"LC_ALL": "C.UTF-8"},
        )
        self._late = False
        self._in = cast(IO[bytes], self._process.stdin)
        self._out = cast(IO[bytes], self._process.stdout)
        try:
            self.versions: dict[str, str] = _greeting(self._out.readline())
        except RuntimeError:
            self._end()
            raise

    def _end(self) -> None:
        self._process.kill()
        for pipe in (self._in, self._out):
            with suppress(BrokenPipeError):  # what was not read is not missed
                pipe.close()
        self._process.wait()


def _greeting(line: bytes) -> dict[str, str]:
    try:
        versions = json.loads(line)
    except ValueError:
        versions = {"missing": "it ended at once"}
    if "missing" in versions:
        raise RuntimeError(
            f"Ruby sources need Ruby's `parser` gem, got {versions['missing']}; {INSTALL}"
        )
    return versions


def parse_source(text: str, name: str = "source") -> list[Method]:
    """Every method of a Ruby source, those in others included, in the order of their lines.

    Args:
        text: Ruby, as much of it as the installed grammar knows.
        name: what errors call it.

    Raises:
        ValueError: it is no Ruby to this parser.
        RuntimeError: Ruby or its `parser` gem is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="ablate-ruby-") as folder, RubyParser() as parser:
        path = Path(folder, "source.rb")
        path.write_text(text, "utf-8", "surrogateescape", newline="")
        answer = json.loads(parser.answer(path))
        grammar = parser.versions["grammar"]
    if "error" in answer:
        where = f"{name} line {answer['line']}" if "line" in answer else name
        said = answer.get("message", answer["error"])
        raise ValueError(f"{where} must be Ruby as {grammar} reads it, got {said}; correct it")
    return [
        Method(one["name"], one["line"], one["source"], read_tree(one["ast"]))
        for one in answer["methods"]
    ]
