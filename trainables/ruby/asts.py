"""Rows of Ruby methods with their syntax trees: good ones are given, bad ones counted by reason.

A source is a file of JSON lines with the keys of timlawrenz/jubilant-palm-tree, dataset/samples, or
the folder of Parquet files with the same columns that `ablate data ruby` writes. A tree is
`{"type": name, "children": [...]}` whose children are trees, literals or null; it stands in its row
as text (`ast_json`) and may be as deep as it likes.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.ruby.trees import Node, measure, read_tree

REMEDY = "run `ablate data ruby SOURCE --to DIR`, or name a file of JSON lines"
TEXTS = ("repo_name", "file_path", "raw_source", "ast_json", "id")
KEYS = (*TEXTS, "start_line", "complexity_score")
MOST_SCORE = 1e6
SIDES = ("train", "validation")


@dataclass(frozen=True, eq=False)
class Row:
    """A method.

    Attributes:
        id: Unlike all others of its source.
        repo_name, file_path, start_line: Where it was found.
        raw_source: Its text.
        complexity_score: Sum of the weights that Flog gives its calls.
        tree: Its syntax tree, checked.
        nodes: Of the tree, literals apart.
        digest: SHA-256 of the tree.
        split: The side that the ingester put it on, "" where the source knows none.
    """

    id: str
    repo_name: str
    file_path: str
    start_line: int
    raw_source: str
    complexity_score: float
    tree: Node
    nodes: int
    digest: str
    split: str


class Asts:
    """The good rows of a source, in its order, as often as they are iterated over.

    Attributes:
        left_out: Reason to number of rows, of the iteration that is on its way or was the last.
    """

    def __init__(
        self,
        source: Path,
        *,
        split: str = "",
        most_nodes: int = 0,
        scores: tuple[float, float] = (0.0, MOST_SCORE),
        unique: bool = True,
    ):
        """Names what is to be read.

        Args:
            source: A file of JSON lines, a folder of them, or of Parquet files.
            split: Only rows of this side; those of the other are passed over, which is no fault of
                theirs, and those of neither are left out.
            most_nodes: Larger trees are left out; 0 takes all.
            scores: The least and the greatest score; rows outside are left out.
            unique: Leave out rows whose tree an earlier row had.

        Raises:
            ValueError: When there is nothing of that kind.
        """
        self.source, self.split, self.most_nodes = source, split, most_nodes
        self.scores, self.unique = scores, unique
        self.left_out: Counter[str] = Counter()
        self._files = _files(source)

    def __iter__(self) -> Iterator[Row]:
        left_out = self.left_out = Counter()
        ids: set[str] = set()
        trees: set[str] = set()
        for found in self._found():
            side = found.get("split") if isinstance(found, Mapping) else None
            if self.split and side in SIDES and side != self.split:
                continue
            row = self._row(found)
            if isinstance(row, Row):
                row = self._again(row, ids, trees)
            if isinstance(row, Row):
                yield row
            else:
                left_out[row] += 1

    def told(self) -> str:
        """A line on what was left out, "" where nothing was."""
        if not self.left_out:
            return ""
        reasons = ", ".join(f"{count} {why}" for why, count in self.left_out.most_common())
        return f"asts {str(self.source)!r}: left out {self.left_out.total()} rows: {reasons}"

    def _found(self) -> Iterator[Mapping[str, Any] | str]:
        """Rows as they stand there, or why one cannot be read."""
        for path in self._files:
            yield from _parquet(path) if path.suffix == ".parquet" else _lines(path)

    def _row(self, found: Mapping[str, Any] | str) -> Row | str:
        """A good row, or what is wrong with it."""
        if isinstance(found, str):
            return found
        if fault := _key_fault(found):
            return fault
        if self.split and not found.get("split"):
            return "split is missing"
        if self.split and found["split"] not in SIDES:
            return f"split is none of {', '.join(SIDES)}"
        low, high = self.scores
        score = found["complexity_score"]
        if not low <= score <= high:
            return f"score is no number from {low:g} to {high:g}"
        try:
            tree = read_tree(found["ast_json"])
            shape = measure(tree)
        except ValueError as reason:
            return str(reason)
        nodes = shape.nodes - shape.literals
        if self.most_nodes and nodes > self.most_nodes:
            return f"more than {self.most_nodes} nodes"
        texts = {key: found[key] for key in TEXTS if key != "ast_json"}
        return Row(
            **texts,
            start_line=found["start_line"],
            complexity_score=float(score),
            tree=tree,
            nodes=nodes,
            digest=shape.sha256,
            split=str(found.get("split") or ""),
        )

    def _again(self, row: Row, ids: set[str], trees: set[str]) -> Row | str:
        """The row, or in what it repeats an earlier one."""
        if row.id in ids:
            return "id of an earlier row"
        if self.unique and row.digest in trees:
            return "tree of an earlier row"
        ids.add(row.id)
        trees.add(row.digest)
        return row


def _key_fault(found: Mapping[str, Any]) -> str:
    for key in KEYS:
        value = found.get(key)
        if value is None:
            return f"{key} is missing"
        kinds = str if key in TEXTS else int if key == "start_line" else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return f"{key} is {_kind(value)}"
    return ""


def _lines(path: Path) -> Iterator[Mapping[str, Any] | str]:
    with path.open("rb") as file:  # in bytes, so that one bad line is one bad line
        for line in file:
            if line.strip():
                yield _line(line)


def _line(line: bytes) -> Mapping[str, Any] | str:
    """An object, or why there is none."""
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return "the line is no UTF-8"
    except RecursionError:
        return "the line is nested too deeply for a row"
    except ValueError:
        return "the line is no JSON"
    return found if isinstance(found, Mapping) else "the line is no JSON object"


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a file, some at a time; ValueError where it is damaged."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(1000):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"asts {str(path)!r}: must be a whole Parquet file, got {error}; {REMEDY} again"
        ) from error


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    for pattern in ("*.parquet", "*.jsonl"):  # not below, where an ingestion may be on its way
        if found := sorted(source.glob(pattern)):
            return found
    raise ValueError(
        f"asts {str(source)!r}: must be a file of JSON lines or a folder of them or of Parquet "
        f"files, got nothing of that; {REMEDY}"
    )


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
