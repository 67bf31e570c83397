"""One portrait looked at: its pixels in their bucket, what is known of it, what networks tell.

All that is expensive happens here, once a portrait; what is found goes to the spool.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from trainables.portrait.ingest.beside import Known, known_of
from trainables.portrait.ingest.buckets import WHOLE, Buckets, Cut, Size, buckets, cut, nearest
from trainables.portrait.ingest.copies import perceptual_hash, thumbnail
from trainables.portrait.ingest.pictures import Picture, Unreadable, read_array, read_picture
from trainables.portrait.ingest.sources import PIXELS, Entry
from trainables.portrait.ingest.tables import Table
from trainables.portrait.portraits import JOINTS
from trainables.portrait.pretrained.minilm import MOST_TOKENS, minilm
from trainables.portrait.pretrained.mtcnn import LANDMARKS, LEAST_PX, mtcnn

RECIPE = 1  # raised when what is made of a portrait changes
SEARCHED_PX = 512  # the longer side of what faces are looked for in
Text = Literal["minilm", "t5", "none"]
Landmarks = Literal["given", "mtcnn", "none"]


@dataclass(frozen=True, slots=True)
class Passes:
    """What is made of each portrait.

    Attributes:
        size: Pixels of a side of the square bucket.
        shapes: The buckets.
        text: Whose states of captions are kept.
        landmarks: Where joints come from.
    """

    size: int
    shapes: Buckets
    text: Text
    landmarks: Landmarks

    @property
    def sizes(self) -> Sequence[Size]:
        """The buckets."""
        return buckets(self.size, self.shapes)


def look(
    entry: Entry, passes: Passes, table: Table
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What is said of a portrait, and its arrays; Unreadable where its picture is."""
    picture = _opened(entry)
    bucket = nearest(picture.size, passes.sizes)
    shown = cut(picture.size, bucket)
    known = known_of(entry, picture, shown, bucket, passes.text == "t5")
    table.join(entry.id, known)
    if passes.landmarks != "given":
        known.pose = None
    notes = [*picture.notes, *known.notes]
    if shown.height * picture.size[0] < bucket[0] - 0.5:
        notes.append("smaller than its bucket, enlarged")
    arrays = {"pixels": picture.shown(shown, bucket)}
    for name in ("parts", "pose", "whole", "patches", "text"):
        if (array := getattr(known, name)) is not None:
            arrays[name] = array
    said = {
        "bucket": list(bucket),
        "caption": known.caption,
        "identity": known.identity,
        "grid": list(known.grid),
        "pixels_sha256": sha256(arrays["pixels"].tobytes()).hexdigest(),
        "content_sha256": _content(known.caption, arrays),
        "hash": perceptual_hash(arrays["pixels"]),
        "thumbnail": thumbnail(arrays["pixels"]).tobytes().hex(),
        "faults": known.faults,
        "notes": notes,
    }
    _tell(passes, known, picture, shown, said, arrays)  # behind the hash of what was given
    return said, arrays


def _opened(entry: Entry) -> Picture:
    try:
        return (read_array if entry.picture.name == PIXELS else read_picture)(entry.picture)
    except Unreadable:
        raise
    except Exception as error:  # a decoder broke on it; one bad file must not end it all
        raise Unreadable(f"its decoder broke: {type(error).__name__}: {error}") from error


def _content(caption: str, arrays: dict[str, np.ndarray]) -> str:
    """Of all that the source gave."""
    digest = sha256(caption.encode("utf-8", "backslashreplace"))
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name} {array.dtype.str} {array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _tell(
    passes: Passes,
    known: Known,
    picture: Picture,
    shown: Cut,
    said: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    """Adds what our own passes find."""
    if passes.text == "minilm" and known.caption:
        states, mask = minilm().encode([known.caption])
        arrays["text"] = states[0, mask[0]].numpy().astype(np.float16)
        if minilm().tokens(known.caption) > MOST_TOKENS:
            said["notes"].append("its caption is longer than what the text encoder reads")
    if passes.landmarks == "mtcnn":
        pose, note = landmarks(picture, shown)
        said["notes"] += [note] if note else []
        if pose is not None:
            arrays["pose"] = pose


def landmarks(picture: Picture, shown: Cut) -> tuple[Float32[np.ndarray, "J 3"] | None, str]:
    """The five landmarks of the largest face among the named joints, or why there are none."""
    if min(picture.size) < LEAST_PX:
        return None, f"below {LEAST_PX} px, no landmarks are looked for"
    height, width = picture.size
    scale = min(1.0, SEARCHED_PX / max(height, width))
    size = (round(height * scale), round(width * scale))
    pixels: UInt8[np.ndarray, "h w 3"] = picture.shown(WHOLE, size)
    faces = mtcnn().find(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])[0]
    if not len(faces.boxes):
        return None, "no face is found"
    points = faces.landmarks[0].double().numpy() / (size[1], size[0])
    places = WHOLE.seen_in(points, shown)
    pose = np.zeros((len(JOINTS), 3), np.float32)
    for name, (x, y) in zip(LANDMARKS, places, strict=True):
        if 0 <= x <= 1 and 0 <= y <= 1:
            pose[JOINTS.index(name)] = (x, y, float(faces.scores[0]))
    return pose, "more than one face, the largest taken" if len(faces.boxes) > 1 else ""
