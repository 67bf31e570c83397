"""Portraits of a folder that `ablate data portraits` wrote, as a run reads them.

Square ones are read, at the run's size, which may be smaller than the folder's. What a portrait has
not is there all the same: an empty caption, joints of confidence 0, one class for all pixels.
Features are those of the folder where every portrait that is read has them, else of width 0.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch import Tensor

from trainables.portrait.config import PortraitConfig, PortraitsConfig
from trainables.portrait.folder_arrays import arrays_of, cells, same
from trainables.portrait.folder_words import StoredWords, token_count, words_of
from trainables.portrait.ingest.beside import OTHER
from trainables.portrait.ingest.write import PORTRAITS, SHARDS
from trainables.portrait.portraits import JOINTS, Conditions, Portraits
from trainables.portrait.words import PlainWords, Words
from trainables.prepared import intact

REMEDY = "run `ablate data portraits SOURCE --to DIR`"
FACTS = ("id", "identity", "split", "caption", "row_sha256", "height", "width", "text")
CELLS = ("pixels", "pixels_sha256", "parts", "pose", "whole", "patches", "text")
Row = dict[str, Any]


def read_portraits(folder: str, cfg: PortraitsConfig) -> tuple[Portraits, Portraits, Words]:
    """The portraits to learn from, those to be measured on, and what makes states of captions.

    Raises:
        ValueError: When the folder is empty, corrupt, of smaller portraits than are asked for, or
            without one of the splits.
    """
    digest = manifest_of(folder)["digest"]
    return _read(folder, digest, cfg.size, cfg.train, cfg.held_out)


def manifest_of(folder: str) -> dict[str, Any]:
    """What the folder says of itself, its digest among it.

    Raises:
        ValueError: When it is none of portraits.
    """
    try:
        manifest = PORTRAITS.read_manifest(Path(folder))
    except ValueError as error:
        raise ValueError(f"data {error}") from error
    if manifest is None or not manifest.get("digest"):
        raise ValueError(
            f"data {folder!r}: must hold manifest.json with a digest, and does not; {REMEDY}"
        )
    return manifest


def lacking(portraits: Portraits) -> frozenset[str]:
    """Which of captions, pose and segmentation none of them has."""
    found = {
        "captions": any(portraits.captions),
        "pose": bool(portraits.conditions.pose[..., 2].any()),
        "segmentation": bool((portraits.parts != OTHER).any()),
    }
    return frozenset(name for name, there in found.items() if not there)


def refuse_lacking(cfg: PortraitConfig, train: Portraits, words: Words) -> None:
    """ValueError, in a line, where an arm needs what a folder has not."""
    weights = (cfg.parts.face, cfg.parts.background, cfg.parts.other)
    if len(set(weights)) > 1:
        _need_parts(f"data {cfg.data!r}: parts weights {weights}", train)
    if cfg.evaluation.edits and isinstance(words, StoredWords):
        raise ValueError(
            f"data {cfg.data!r}: evaluation.edits {cfg.evaluation.edits} need what encodes edited "
            f"captions as the folder's are; {words.remedy}, or set it to 0"
        )


def _need_parts(subject: str, train: Portraits) -> None:
    """ValueError where no portrait has parts, and a line where few have."""
    known = int((train.parts != OTHER).flatten(1).any(1).sum())
    if not known:
        raise ValueError(
            f"{subject} need segmentation, which none of its portraits has; give seg.npy beside "
            "the pictures, or leave the weights equal"
        )
    if known < len(train):
        print(
            f"{subject} act on the {known} of {len(train)} portraits that have segmentation; all "
            "of the others count as 'other'",
            flush=True,
        )


@lru_cache(maxsize=2)
def _read(
    folder: str, digest: str, size: int, train: int, held_out: int
) -> tuple[Portraits, Portraits, Words]:
    manifest = manifest_of(folder)
    try:
        if not intact(Path(folder), manifest):
            raise ValueError(
                f"must hold every {SHARDS} of its manifest whole, and does not; {REMEDY} again"
            )
        rows = _rows(folder, manifest)
        chosen = {
            "train": [row for row in rows if row["split"] == "train"][:train],
            "validation": [row for row in rows if row["split"] == "validation"][:held_out],
        }
        _refuse(rows, chosen, size)
        order = [*chosen["train"], *chosen["validation"]]
        arrays = _arrays(folder, manifest, order, size, f"{size}-{train}-{held_out}")
    except (ValueError, KeyError, TypeError, pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"data {folder!r}: {said}") from error
    kind = manifest["law"]["text"] if manifest["text"] else "none"
    text, mask, words = _text(kind, [row["caption"] for row in order], arrays)
    count = len(chosen["train"])
    both = [_portraits(order, arrays, text, mask, at) for at in (slice(count), slice(count, None))]
    return both[0], both[1], words


def _rows(folder: str, manifest: dict[str, Any]) -> list[Row]:
    """What the rows of square portraits say; their hashes must be those that the digest is of."""
    digest = sha256()
    rows: list[Row] = []
    for shard in manifest["shards"]:
        for row in cells([Path(folder, shard["file"])], FACTS):
            digest.update(row["row_sha256"].encode())
            states = row.pop("text")
            row["text_bytes"] = states.size if states is not None else 0
            rows.append(row)
    if digest.hexdigest() != manifest["digest"]:
        raise ValueError(
            f"the rows of its {SHARDS} must be those of its manifest's digest, and are not; "
            f"{REMEDY} again"
        )
    return [row | {"at": at} for at, row in enumerate(rows) if row["height"] == row["width"]]


def _refuse(rows: Sequence[Row], chosen: dict[str, list[Row]], size: int) -> None:
    if not rows:
        raise ValueError(f"it must have square portraits, got none; {REMEDY} with square buckets")
    if size > rows[0]["height"]:
        raise ValueError(
            f"portraits.size must be at most the {rows[0]['height']} pixels that it was prepared "
            f"at, got {size}; {REMEDY} --size {size}"
        )
    if not all(chosen.values()):
        counts = [len(some) for some in chosen.values()]
        raise ValueError(
            f"both splits must have square portraits, got {counts[0]} for training and "
            f"{counts[1]} for validation; {REMEDY} with more"
        )


def _arrays(
    folder: str, manifest: dict[str, Any], order: Sequence[Row], size: int, name: str
) -> dict[str, np.ndarray]:
    """Every row of these in one array for each kind of cell."""
    place = {row["at"]: n for n, row in enumerate(order)}
    side = order[0]["height"]
    features, width = manifest["features"], manifest["text"]
    grid = features["grids"].get(f"{side}x{side}", [0, 0])
    longest = max(row["text_bytes"] for row in order) // (2 * max(width, 1))
    tokens = token_count(manifest["law"]["text"], longest) if width else 1
    shapes = {
        "images": ((3, size, size), "u1"),
        "parts": ((size, size), "u1"),
        "pose": ((manifest["joints"] or len(JOINTS), 3), "<f4"),
        "whole": ((features["whole"],), "<f2"),
        "patches": ((grid[0] * grid[1], features["patches"]), "<f2"),
        "text": ((tokens, width), "<f2"),
        "length": ((), "<i4"),  # tokens of a caption
        "features": ((), "u1"),  # whether a row has them
    }

    def fill(arrays: dict[str, np.ndarray]) -> None:
        files = [Path(folder, shard["file"]) for shard in manifest["shards"]]
        for at, row in enumerate(cells(files, CELLS)):
            if at in place:
                if not same(row["pixels"], row["pixels_sha256"]):
                    raise ValueError(f"row {at} must have the pixels of its hash; {REMEDY} again")
                _fill(arrays, place[at], row, side)

    return arrays_of(Path(folder), f"{manifest['digest'][:12]}-{name}", len(order), shapes, fill)


def _fill(arrays: dict[str, np.ndarray], n: int, row: Row, side: int) -> None:
    size = arrays["images"].shape[2]
    pixels = Image.fromarray(np.frombuffer(row["pixels"], "u1").reshape(side, side, 3))
    small = pixels.resize((size, size), Image.Resampling.BICUBIC)
    arrays["images"][n] = np.asarray(small).transpose(2, 0, 1)
    arrays["parts"][n] = OTHER
    if row["parts"] is not None:
        middle = ((np.arange(size) + 0.5) * side / size).astype(int)
        arrays["parts"][n] = np.frombuffer(row["parts"], "u1").reshape(side, side)[
            middle[:, None], middle
        ]
    for name in ("pose", "whole", "patches"):
        if row[name] is not None:
            array = arrays[name]
            array[n] = np.frombuffer(row[name], array.dtype).reshape(array.shape[1:])
    arrays["features"][n] = row["patches"] is not None
    if row["text"] is not None:
        states = np.frombuffer(row["text"], "<f2").reshape(-1, arrays["text"].shape[2])
        arrays["text"][n, : len(states)] = states
        arrays["length"][n] = len(states)


def _text(
    kind: str, captions: Sequence[str], arrays: dict[str, np.ndarray]
) -> tuple[Tensor, Tensor, Words]:
    """States of the captions, their mask, and what makes more of them."""
    if kind == "none":
        plain = PlainWords()
        return *plain.encode(captions), plain
    states = _floats(arrays["text"])
    mask = torch.arange(states.shape[1]) < torch.from_numpy(arrays["length"])[:, None]
    return states, mask, words_of(kind, captions, states, mask)


def _portraits(
    order: Sequence[Row], arrays: dict[str, np.ndarray], text: Tensor, mask: Tensor, at: slice
) -> Portraits:
    """Those of one side, without a copy of what is large."""
    people = {name: n for n, name in enumerate(sorted({row["identity"] for row in order}))}
    all_have = slice(None) if arrays["features"].all() else slice(0)
    return Portraits(
        images=torch.from_numpy(arrays["images"][at]),
        parts=torch.from_numpy(arrays["parts"][at]),
        captions=[row["caption"] for row in order[at]],
        identities=torch.tensor([people[row["identity"]] for row in order[at]]),
        names=[row["id"] for row in order[at]],
        conditions=Conditions(
            text=text[at],
            text_mask=mask[at],
            whole=_floats(arrays["whole"][at, all_have]),
            patches=_floats(arrays["patches"][at, all_have, all_have]),
            pose=torch.from_numpy(arrays["pose"][at]),
        ),
    )


def _floats(array: np.ndarray) -> Tensor:
    """In full precision, unless it is mapped since it is too large."""
    found = torch.from_numpy(array)
    return found if isinstance(array, np.memmap) else found.float()
