"""Which portraits train and which validate, by a hash, so that more of them move none.

The hash is of the seed and of who is shown: as a portrait's metadata say, else the folder that it
lies in, else itself. Someone stays on a side whoever else is there, except that the one of the
lowest hash validates where no hash falls below the wanted share.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal

By = Literal["auto", "folder", "name"]
Side = Literal["train", "validation"]


def identities(ids: Sequence[str], told: Sequence[str], by: By) -> tuple[list[str], str]:
    """Who is shown in each, and what decided it: identity, folder or name.

    Left to itself it is the folder where there are several, or folders and lone pictures.
    """
    folders = [id.rpartition("/")[0] or id for id in ids]
    use = by if by != "auto" else "folder" if len(set(folders)) > 1 else "name"
    found = [
        f"is {name}" if name else (folder if use == "folder" else id)
        for id, folder, name in zip(ids, folders, told, strict=True)
    ]
    plain = use == "folder" and any("/" in id for id in ids)
    return found, "identity" if any(told) else "folder" if plain else "name"


def sides(keys: Iterable[str], fraction: float, seed: int) -> dict[str, Side]:
    """The side of each.

    Raises:
        ValueError: There is one alone.
    """
    draws = {key: draw(key, seed) for key in set(keys)}
    if len(draws) < 2:
        raise ValueError(
            "a split must have portraits of someone on both sides, got 1 name, folder or identity "
            f"({next(iter(draws), 'none')!r}); give more portraits, or --split name"
        )
    lowest = min(draws, key=lambda key: (draws[key], key))
    highest = max(draws, key=lambda key: (draws[key], key))
    chosen = {key for key, value in draws.items() if value < fraction} or {lowest}
    chosen -= {highest} if len(chosen) == len(draws) else set()
    return {key: "validation" if key in chosen else "train" for key in draws}


def draw(key: str, seed: int) -> float:
    """A number in [0, 1) that belongs to the key and the seed."""
    text = f"{seed}:{key}".encode("utf-8", "backslashreplace")
    return int.from_bytes(sha256(text).digest()[:6], "big") / 2**48
