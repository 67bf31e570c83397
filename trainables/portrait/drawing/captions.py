"""What a caption says of a portrait, in plain words, and what can be read back from one."""

import re
from collections.abc import Mapping

from trainables.portrait.drawing.sitters import PHRASES, Sitters


def captions(sitters: Sitters) -> list[str]:
    """A caption for each portrait; the documented pairs of words stand for what they change."""
    columns = [
        [phrases[value] for value in sitters.values[name].tolist()]
        for name, phrases in PHRASES.items()
    ]
    return [_caption(dict(zip(PHRASES, row, strict=True))) for row in zip(*columns, strict=True)]


def values_in(caption: str) -> dict[str, int]:
    """The values that a caption tells, by attribute; what it says nothing of is left out.

    Absence is told where the phrase of it is "": no word of glasses says that there are none.
    """
    found: dict[str, int] = {}
    for name, phrases in PHRASES.items():
        told = [n for n, phrase in enumerate(phrases) if phrase and _says(caption, phrase)]
        if told or "" in phrases:
            found[name] = told[0] if told else phrases.index("")
    return found


def _says(caption: str, phrase: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", caption) is not None


def _caption(say: Mapping[str, str]) -> str:
    if say["length"] == PHRASES["length"][0]:
        hair = say["length"]
    else:
        hair = f"{say['length']} {say['texture']} {say['hair']}"
        hair += f" with {say['fringe']}" if say["fringe"] else ""
    has = ", ".join(filter(None, (say["skin"], hair, say["eyes"], say["beard"], say["glasses"])))
    return (
        f"a {say['age']} {say['build']} {say['kind']} with {has}, {say['expression']}, "
        f"{say['turn']}, looking {say['gaze']} the camera, {say['lit']}, in {say['dye']} "
        f"{say['garment']} against a {say['tone']} {say['backdrop']}"
    )
