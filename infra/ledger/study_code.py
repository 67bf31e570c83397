"""What of a study's own file is code: all but the arms and seeds that it lists.

These stand in the plan, each cell with its resolved config, so that an arm may be added to a sweep
that has finished; whatever else is edited makes other code of it.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

_IN_THE_PLAN = ("space", "seeds")
_Span = tuple[int, int]


def study_code_digest(file: Path) -> str:
    """SHA-256 of a Python file without `space` and `seeds` in its `STUDY = Study(...)`.

    A file that is no Python is data, all of which stands in the plan: none of it counts.
    """
    data = file.read_bytes()
    if file.suffix != ".py":
        return hashlib.sha256(b"").hexdigest()
    kept, end = b"", 0
    for start, stop in sorted(_listed(data)):
        kept, end = kept + data[end:start], stop
    return hashlib.sha256(kept + data[end:]).hexdigest()


def _listed(data: bytes) -> Iterator[_Span]:
    """Where arms and seeds stand, as bytes from and to; nowhere in what is no Python."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return
    begins = [0]
    for line in data.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if "STUDY" not in (target.id for target in node.targets if isinstance(target, ast.Name)):
            continue
        for keyword in node.value.keywords:
            value = keyword.value
            if keyword.arg in _IN_THE_PLAN and value.end_lineno and value.end_col_offset:
                start = begins[value.lineno - 1] + value.col_offset
                yield start, begins[value.end_lineno - 1] + value.end_col_offset
