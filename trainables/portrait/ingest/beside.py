"""What lies beside a picture: caption, joints, segmentation, features, states of its caption.

In the form of timlawrenz/stratum-hq@a6e5330 (README, src/stratum/pipeline), whose networks saw a
cut of the picture; joints and classes are brought to ours. What cannot be used is absent, and why
is told. Shape letters: J joints, P patches, T tokens, D widths, h and w of the bucket.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float16, Float32, UInt8

from trainables.portrait.ingest.buckets import WHOLE, Cut, Size, cut, named, size_of
from trainables.portrait.ingest.pictures import Picture, Unreadable, load
from trainables.portrait.ingest.sources import METADATA, PIXELS, Entry
from trainables.portrait.portraits import PARTS

PATCH_PX = 16  # of the documented teacher
UNSEEN = (0.0, 0.0, 0.0)  # a joint that is not seen, or not within the picture
OTHER = PARTS.index("clothes")  # what is no face and no background; also where nothing is known
# Of the 28 classes of Sapiens (stratum-hq scripts/visualize_example.py); its face is with the neck.
CLASSES = 28
_NAMED = {0: "background", 2: "skin", 3: "hair", **dict.fromkeys(range(23, CLASSES), "mouth")}
CLASS_TO_PART = np.array(
    [PARTS.index(_NAMED.get(number, PARTS[OTHER])) for number in range(CLASSES)], np.uint8
)


@dataclass
class Known:
    """What is known of a picture; None is absent.

    Attributes:
        caption: In one line, empty where there is none.
        identity: Who it says is shown, empty where it does not.
        pose: Joints as x and y in [0, 1] of what is shown, and confidence.
        parts: The class of each pixel, see `PARTS`.
        whole: Features of the whole picture.
        patches: Features of its patches in raster order.
        grid: Rows and columns of patches.
        text: States of the caption's tokens.
        faults: Why something is absent that seemed to be there.
        notes: What is worth telling of what is there.
    """

    caption: str = ""
    identity: str = ""
    pose: Float32[np.ndarray, "J 3"] | None = None
    parts: UInt8[np.ndarray, "h w"] | None = None
    whole: Float16[np.ndarray, " Dw"] | None = None
    patches: Float16[np.ndarray, "P Dp"] | None = None
    grid: Size = (0, 0)
    text: Float16[np.ndarray, "T D"] | None = None
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def known_of(entry: Entry, picture: Picture, shown: Cut, bucket: Size, t5: bool) -> Known:
    """All that lies beside one picture."""
    known = Known()
    files = entry.known

    def tried(read: Callable[[], None]) -> None:
        try:
            read()
        except Unreadable as reason:
            known.faults.append(str(reason))

    said: dict[str, Any] = {}
    tried(lambda: said.update(_metadata(files.get(METADATA))))
    known.identity = said["identity"] if isinstance(said.get("identity"), str) else ""
    tried(lambda: _caption(known, files.get("caption.txt") or entry.caption))
    size = size_of(said.get("aspect_bucket"))
    if size is None and said.get("aspect_bucket") is not None:
        known.faults.append(f"{METADATA}: aspect_bucket is no size such as bucket_832x1216")
    theirs = cut(picture.size, size) if size and entry.picture.name != PIXELS else WHOLE
    if picture.turned and (names := _framed(files)):
        known.faults.append(f"{', '.join(names)}: of the picture before its EXIF turned it")
        files = {name: path for name, path in files.items() if name not in names}
    tried(lambda: _pose(known, files, picture, theirs, shown))
    tried(lambda: _parts(known, files, theirs, shown, bucket))
    tried(lambda: _features(known, files, size, theirs.same(shown)))
    if t5:
        tried(lambda: _states(known, files))
    return known


def _metadata(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name} is no readable JSON") from error
    if not isinstance(said, dict):
        raise Unreadable(f"{path.name} is no JSON object")
    try:
        json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name} has half of a surrogate pair, which is no text") from error
    return said


def _framed(files: Mapping[str, Path]) -> list[str]:
    """What is of the picture as PIL opens it; pose2.npy is of one that was turned."""
    return sorted({"pose.npy", "seg.npy", "dinov3_cls.npy", "dinov3_patches.npy"} & set(files))


def _caption(known: Known, path: Path | None) -> None:
    if path is None:
        return
    try:
        known.caption = " ".join(path.read_text(encoding="utf-8-sig").replace("\0", " ").split())
    except OSError as error:
        raise Unreadable(f"its caption cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise Unreadable("its caption is no UTF-8 text") from error
    if not known.caption:
        known.notes.append("its caption is empty")


def _pose(
    known: Known, files: Mapping[str, Path], picture: Picture, theirs: Cut, shown: Cut
) -> None:
    """Joints from [-1, 1] of their cut, or from the pixels of the picture, to [0, 1] of ours."""
    name = next((name for name in ("pose.npy", "pose2.npy") if name in files), None)
    if name is None:
        return
    joints = _joints(name, load(files[name]))
    height, width = picture.size
    with np.errstate(all="ignore"):  # a place that is no number is beyond what is shown
        if name == "pose.npy":
            places = theirs.seen_in((joints[:, :2] + 1) / 2, shown)
        else:
            places = WHOLE.seen_in(joints[:, :2] / (width, height), shown)
    known.pose = _seen(known, places, joints[:, 2])


def _joints(name: str, found: np.ndarray) -> Float[np.ndarray, "J 3"]:
    """Those of one person, in pose2.npy of the one who is seen best."""
    several = name == "pose2.npy" and found.ndim == 3
    if found.dtype.kind != "f" or found.shape[several + 1 :] != (3,) or not found.size:
        raise Unreadable(f"{name} of {found.dtype} {found.shape}, not of floats (joints, 3)")
    joints = found.astype(np.float64)
    if not several:
        return joints
    sure = np.nan_to_num(joints[..., 2], nan=0, posinf=0, neginf=0)
    with np.errstate(over="ignore"):
        return joints[sure.mean(1).argmax()]


def _seen(
    known: Known, places: Float[np.ndarray, "J 2"], confidence: Float[np.ndarray, " J"]
) -> Float32[np.ndarray, "J 3"]:
    """Joints within what is shown; others are not seen."""
    with np.errstate(invalid="ignore"):
        within = ((places >= 0) & (places <= 1)).all(1)  # nan is not either
        sure = np.isfinite(confidence) & (confidence > 0)
    if (lost := int((sure & ~within).sum())) and within.any():
        known.notes.append("joints beyond what is shown, taken as not seen")
    if lost and not within.any():
        known.faults.append("no joint lies within what is shown")
    joints = np.column_stack((places, np.minimum(confidence, 1)))
    return np.where((within & sure)[:, None], joints, UNSEEN).astype(np.float32)


def _parts(known: Known, files: Mapping[str, Path], theirs: Cut, shown: Cut, bucket: Size) -> None:
    """Classes of the nearest of their pixels; beyond their cut nothing is known."""
    if "seg.npy" not in files:
        return
    classes = load(files["seg.npy"])
    if classes.ndim != 2 or classes.dtype.kind not in "iu" or not classes.size:
        raise Unreadable(f"seg.npy of {classes.dtype} {classes.shape}, not of classes (h, w)")
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high >= CLASSES:
        raise Unreadable(f"seg.npy has classes from {low} to {high}, not within 0 to {CLASSES - 1}")
    rows, columns = ((np.arange(side) + 0.5) / side for side in bucket)
    y = shown.seen_in(np.column_stack((np.full_like(rows, 0.5), rows)), theirs)[:, 1]
    x = shown.seen_in(np.column_stack((columns, np.full_like(columns, 0.5))), theirs)[:, 0]
    row, column = (np.floor(v * n).astype(int) for v, n in zip((y, x), classes.shape, strict=True))
    nearest = classes[
        row.clip(0, classes.shape[0] - 1)[:, None], column.clip(0, classes.shape[1] - 1)
    ]
    within = ((y >= 0) & (y < 1))[:, None] & ((x >= 0) & (x < 1))
    known.parts = np.where(within, CLASS_TO_PART[nearest], OTHER).astype(np.uint8)


def _features(known: Known, files: Mapping[str, Path], size: Size | None, same: bool) -> None:
    """Both vectors or none, since a teacher gives both."""
    names = [name for name in ("dinov3_cls.npy", "dinov3_patches.npy") if name in files]
    if not names:
        return
    if len(names) < 2:
        raise Unreadable(f"features are {names[0]} alone")
    whole, patches = (load(files[name]) for name in names)
    known.whole, known.patches, known.grid = checked_features(whole, patches, size)
    if not same:
        known.whole = known.patches = None
        shape = named(size) if size else "the whole picture"
        raise Unreadable(f"features are of another cut ({shape}) than is shown")


def checked_features(
    whole: np.ndarray, patches: np.ndarray, size: Size | None
) -> tuple[Float16[np.ndarray, " Dw"], Float16[np.ndarray, "P Dp"], Size]:
    """Features of one picture, and the rows and columns of its patches; Unreadable if unusable."""
    if whole.ndim != 1 or patches.ndim != 2 or not (whole.size and patches.size):
        raise Unreadable(f"features of {whole.shape} and {patches.shape}, not (D) and (patches, D)")
    for name, some in (("the whole", whole), ("patches", patches)):
        if some.dtype.kind != "f":
            raise Unreadable(f"features of {name} are of {some.dtype}, not of floats")
        if not _finite(some):
            raise Unreadable(f"features of {name} have a value that is no finite number")
    side = math.isqrt(len(patches))
    grid, shape = (side, side), "square"
    if size and size[0] != size[1]:
        grid = size[0] // PATCH_PX, size[1] // PATCH_PX
        shape = f"grid of {grid[0]} x {grid[1]}"
    if grid[0] * grid[1] != len(patches):
        raise Unreadable(f"features of {len(patches)} patches, which fill no {shape}")
    return whole.astype(np.float16), patches.astype(np.float16), grid


def _finite(some: np.ndarray) -> bool:
    """Whether all are finite in half precision, as they are kept."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(some.astype(np.float16)).all())


def _states(known: Known, files: Mapping[str, Path]) -> None:
    if "t5_hidden.npy" not in files:
        return
    if "t5_mask.npy" not in files:
        raise Unreadable("t5_hidden.npy is without its t5_mask.npy")
    states, mask = load(files["t5_hidden.npy"]), load(files["t5_mask.npy"])
    if states.ndim != 2 or states.dtype.kind != "f":
        raise Unreadable(f"t5_hidden.npy of {states.dtype} {states.shape}, not of floats (T, D)")
    if mask.shape != states.shape[:1] or mask.dtype.kind not in "biuf":
        raise Unreadable(f"t5_hidden.npy of {states.shape} with a mask of {mask.shape}")
    there: Bool[np.ndarray, " T"] = mask.astype(bool)
    if not _finite(states[there]):
        raise Unreadable("t5_hidden.npy has a value that is no finite number")
    known.text = states[there].astype(np.float16)
