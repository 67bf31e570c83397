"""What a source holds: pictures, and what lies beside each.

A picture's id is its path below the source without the ending, such as ffhq/00001. What is known of
it lies in a folder of that name, as timlawrenz/stratum-hq@a6e5330 writes it, in the source or in
the folder named by `beside`; a caption may also be a text file of that name. Such a folder may be a
portrait of its own, with its pixels as an array.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainables.portrait.ingest.pictures import ENDINGS, OTHERS
from trainables.skips import Skip

METADATA, PIXELS, CAPTION = "metadata.json", "pixel.npy", "caption.txt"
KNOWN = (
    METADATA, PIXELS, CAPTION, "pose.npy", "pose2.npy", "seg.npy", "dinov3_cls.npy",
    "dinov3_patches.npy", "t5_hidden.npy", "t5_mask.npy",
)  # fmt: skip
TABLE = "features.npz"  # features of many pictures, by id


@dataclass(frozen=True, slots=True)
class Entry:
    """A portrait before it is read.

    Attributes:
        id: Its path without the ending.
        picture: A picture, or an array of pixels.
        place: Where the picture lies, for a message.
        known: What is known of it, by name of the file.
        caption: A text file of the picture's name, where the folder has none.
    """

    id: str
    picture: Path
    place: str
    known: dict[str, Path]
    caption: Path | None

    @property
    def files(self) -> list[Path]:
        """All that it is made of."""
        return [self.picture, *self.known.values(), *([self.caption] if self.caption else [])]


def entries_of(
    source: Path, beside: Path | None, excluding: Path, skipped: list[Skip], absent: list[Skip]
) -> list[Entry]:
    """Every portrait at any depth, by id; adds what cannot be taken, and what lies closed beside.

    Hidden folders, the target and `beside` are left out. Of pictures of one id the first is taken.
    """
    root = source
    pictures: dict[str, Path] = {}
    folders: dict[str, Path] = {}
    left_out = {excluding, beside.resolve() if beside else excluding} - {source.resolve()}
    for path in _walk(source, left_out, skipped):
        ending = path.suffix.lower()
        if path.name in (PIXELS, METADATA):
            folders[told(path.parent.relative_to(root))] = path.parent
        elif ending in ENDINGS and _is_special(path):
            skipped.append(Skip(told(path.relative_to(root)), "no plain file"))
        elif ending in ENDINGS:
            name = told(path.relative_to(root).with_suffix(""))
            if name in pictures:
                first = told(pictures[name].relative_to(root))
                skipped.append(Skip(told(path.relative_to(root)), f"its id is that of {first}"))
            else:
                pictures[name] = path
        elif ending in OTHERS:
            skipped.append(Skip(told(path.relative_to(root)), "no PNG, JPEG or WebP"))
    _within(pictures, folders, root, skipped)
    return [
        _entry(name, picture, root, beside, absent) for name, picture in sorted(pictures.items())
    ]


def table_of(source: Path, beside: Path | None, absent: list[Skip]) -> Path | None:
    """The file of features of many pictures, where there is one; adds what is called so and none.

    Such a place that cannot be looked at is none too.
    """
    places = [folder / TABLE for folder in (beside, source) if folder]
    absent += [Skip(TABLE, "it is no plain file") for path in places if _is_special(path)]
    return next((path for path in places if os.path.isfile(path)), None)


def told(path: Path) -> str:
    """A path as text, whatever its bytes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _is_special(path: Path) -> bool:
    """Whether something else than a file lies there, such as a pipe that would never end."""
    return os.path.exists(path) and not os.path.isfile(path)


def _within(
    pictures: dict[str, Path], folders: dict[str, Path], root: Path, skipped: list[Skip]
) -> None:
    """Settles what lies in a folder of things known: its pixels, or a picture's other views."""
    for name, folder in folders.items():
        inner = {id: path for id, path in pictures.items() if path.parent == folder != root}
        for id in inner:
            del pictures[id]
        if name in pictures or folder == root:
            left = inner
        elif os.path.isfile(folder / PIXELS):
            pictures[name], left = folder / PIXELS, inner
        elif len(inner) == 1:
            pictures[name], left = next(iter(inner.values())), {}
        else:
            left = inner
        skipped += [
            Skip(told(path.relative_to(root)), "lies among what is known of another picture")
            for path in left.values()
        ]


def _entry(name: str, picture: Path, root: Path, beside: Path | None, absent: list[Skip]) -> Entry:
    place = told(picture.relative_to(root))
    known: dict[str, Path] = {}
    caption = None
    for folder in [folder / name for folder in (root, beside) if folder]:
        try:
            known |= {file: folder / file for file in KNOWN if (folder / file).is_file()}
            text = folder.with_name(f"{folder.name}.txt")
            caption = text if text.is_file() else caption
        except OSError as error:
            reason = f"what lies beside it cannot be opened ({error.strerror})"
            absent.append(Skip(place, reason))
    known = {file: path for file, path in known.items() if path != picture}
    return Entry(id=name, picture=picture, place=place, known=known, caption=caption)


def _walk(source: Path, left_out: set[Path], skipped: list[Skip]) -> Iterator[Path]:
    """Files below the source in a fixed order; hidden ones are not data."""

    def closed(error: OSError) -> None:
        place = told(Path(error.filename).relative_to(source))
        skipped.append(Skip(place, f"cannot be opened ({error.strerror})"))

    for folder, folders, names in os.walk(source, onerror=closed):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and (here / name).resolve() not in left_out
        )
        yield from (here / name for name in sorted(names) if name[0] != ".")
