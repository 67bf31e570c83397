"""What metrics, params, arms and long texts are called in MLflow, as a function of their own names.

MLflow takes few characters in a name and few of them in a row, so two names can fall together.
The law of `mlflow_names`: a name that shares its place with no other is `safe_name` of it. Where
several do, the one that MLflow takes as it is keeps itself, and every other one gets the first
digits of its digest; where there is no such one, or several (in a store that is blind to case),
all of them do. So it depends on which names a sweep has, never on their order.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache

NAME_CHARS = 250  # of a metric, param, tag or run
PARAM_CHARS, TAG_CHARS, NOTE_CHARS, EXPERIMENT_CHARS = 6000, 8000, 20_000, 500
VERDICT = "verdict."
_DIGITS = 8


@cache
def safe_name(name: str) -> str:
    """A name that MLflow takes for a param or metric: `recall@10` becomes `recall_10`."""
    safe = re.sub(r"[^\w\-./: ]", "_", name)[:NAME_CHARS]
    plain = safe == posixpath.normpath(safe) and not safe.startswith(("/", ".."))
    if plain and safe != ".":
        return safe
    return re.sub(r"[/.]", "_", safe) or "_"


def cut(text: str, chars: int) -> str:
    """The text if it is so short, else its beginning and the first digits of its digest."""
    return text if len(text) <= chars else _marked(text, "... ", _DIGITS, chars, text)


def mlflow_names(
    originals: Iterable[str], prefix: str = "", *, case_blind: bool = False
) -> Mapping[str, str]:
    """What each of a sweep's names is called, no two alike, by the law of this file.

    Args:
        originals: All names of a kind that the sweep has.
        prefix: What stands before each.
        case_blind: Whether the store takes names that differ in case or accents for one.
    """
    alike = _unmarked if case_blind else str
    groups: dict[str, list[str]] = {}
    for name in sorted(set(originals)):
        groups.setdefault(alike(prefix + safe_name(name)), []).append(name)
    names = {name: prefix + safe_name(name) for group in groups.values() for name in _kept(group)}
    names = {name: called for name, called in names.items() if len(called) <= NAME_CHARS}
    taken = {alike(called) for called in names.values()}
    for name in sorted({name for group in groups.values() for name in group} - set(names)):
        called, digits = prefix + safe_name(name), _DIGITS
        while alike(marked := _marked(called, "_", digits, NAME_CHARS, name)) in taken:
            digits += 1
        names[name] = marked
        taken.add(alike(marked))
    return names


def verdict_names(arms: Iterable[str]) -> Mapping[str, str]:
    """By arm the tag of the parent run that holds its verdict."""
    return mlflow_names(arms, VERDICT)


def _kept(group: list[str]) -> list[str]:
    """Of names that fall together, those that need no digest."""
    if len(group) == 1:
        return group
    as_they_are = [name for name in group if safe_name(name) == name]
    return as_they_are if len(as_they_are) == 1 else []


def _marked(text: str, joint: str, digits: int, chars: int, original: str) -> str:
    digest = hashlib.sha256(original.encode(errors="surrogateescape")).hexdigest()[:digits]
    return text[: chars - len(joint) - digits] + joint + digest


def _unmarked(name: str) -> str:
    """The same text for names that a database of MySQL or SQL Server takes for one."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c)).rstrip(" ")
