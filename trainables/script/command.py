"""The command of a script with its gaps filled, as a list of arguments that no shell reads.

Gaps: `{seed}`, `{dir}` (the attempt's own folder), `{flags}`, `{data}`, `{port}` (free on this
machine). Words are told apart before gaps are filled, so that no value is ever split or expanded.
"""

import re
import shlex
import socket
from collections.abc import Mapping, Sequence

GAPS = ("seed", "dir", "flags", "data", "port")
_GAP = re.compile(r"\{(\w+)\}")


def words_of(command: str) -> list[str]:
    """The command's words.

    Raises:
        ValueError: When a quotation is open, there is no word, or a gap is none of ours.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"command {command!r}: must have whole quotations, but {error}") from error
    if not words:
        raise ValueError("command: must name a program, got none")
    for name in gaps_in(words):
        if name not in GAPS:
            raise ValueError(
                f"command {command!r}: gaps must be {', '.join(f'{{{g}}}' for g in GAPS)}, got "
                f"{{{name}}}; write it in single words, or take it out"
            )
    return words


def gaps_in(words: Sequence[str]) -> set[str]:
    """The gaps that are named in any of them."""
    return {name for word in words for name in _GAP.findall(word)}


def filled(words: Sequence[str], values: Mapping[str, str], flags: Sequence[str]) -> list[str]:
    """The words with their gaps filled; `{flags}` alone is as many words as there are flags.

    Args:
        words: Of the command.
        values: What the other gaps stand for.
        flags: The arm's own words.
    """
    given = {**values, "flags": " ".join(flags)}
    found: list[str] = []
    for word in words:
        if word == "{flags}":
            found += flags
        else:
            found.append(_GAP.sub(lambda gap: given.get(gap[1], gap[0]), word))
    return found


def free_port() -> int:
    """A port of the loopback that nobody listened at a moment ago."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]
