"""Pictures of any common kind as red, green and blue, eight bits each, upright."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from trainables.portrait.ingest.buckets import Cut, Size

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
OTHERS = (".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".jxl", ".svg")  # told, not read
FORMATS = ("PNG", "JPEG", "WEBP")
OF_PHONES = "MPO"  # a JPEG with more of them behind it, and no animation
BACKGROUND = (255, 255, 255)  # behind what is transparent
LEAST_PX, MOST_PX = 8, 178_000_000  # of a side; of a picture
BROKEN = (OSError, ValueError, SyntaxError, MemoryError, EOFError)  # what PIL raises
EXIF_ORIENTATION = 0x0112


class Unreadable(Exception):
    """A file that cannot be taken; its text is the reason that the manifest states."""

    def __init__(self, reason: str):
        super().__init__(" ".join(reason.split()))  # one line, whatever a library says


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        pixels: Upright, red, green and blue.
        notes: What was done to it, for the manifest.
        turned: Whether its header had it turned.
    """

    pixels: Image.Image
    notes: tuple[str, ...] = ()
    turned: bool = False

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.pixels.height, self.pixels.width

    def shown(self, part: Cut, size: Size) -> UInt8[np.ndarray, "h w 3"]:
        """A part of it at a size."""
        height, width = self.size
        left, upper = part.left * width, part.upper * height
        box = (left, upper, left + part.width * width, upper + part.height * height)
        small = self.pixels.resize((size[1], size[0]), Image.Resampling.BICUBIC, box=box)
        return np.asarray(small)


def read_picture(path: Path) -> Picture:
    """The picture of a file; Unreadable where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd in a header and can be read
            with Image.open(path, formats=FORMATS) as image:
                _refuse(image.height, image.width)
                return _upright(image)
    except Image.DecompressionBombError as error:
        raise Unreadable(f"more than {MOST_PX:,} pixels") from error
    except Unreadable:
        raise
    except BROKEN as error:
        if os.path.isfile(path) and not os.path.getsize(path):
            raise Unreadable("no readable PNG, JPEG or WebP (the file is empty)") from error
        said = str(error).replace(str(path), path.name).removeprefix("cannot identify image file")
        raise Unreadable(f"no readable PNG, JPEG or WebP ({_short(said)})") from error


def read_array(path: Path) -> Picture:
    """The picture of an array (3, height, width) in [0, 1], which is refused beyond."""
    array = load(path)
    if array.ndim != 3 or array.shape[0] != 3 or array.dtype.kind != "f":
        raise Unreadable(f"{path.name} of {array.dtype} {array.shape}, not of floats (3, h, w)")
    _refuse(*array.shape[1:])
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):  # nan is not either
        raise Unreadable(f"{path.name} from {low:g} to {high:g}, not within [0, 1]")
    pixels = (array.astype(np.float32) * 255).round().astype(np.uint8)
    return Picture(Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))))


def load(path: Path) -> np.ndarray:
    """An array of a .npy file; Unreadable where there is none, and nothing of it is executed."""
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
    except EOFError as error:
        raise Unreadable(f"{path.name} is empty") from error
    except Exception as error:  # numpy raises whatever it likes on damaged files
        raise Unreadable(f"{path.name} is no readable array") from error
    if not isinstance(found, np.ndarray):
        raise Unreadable(f"{path.name} is no array")
    return found


def _refuse(height: int, width: int) -> None:
    if min(height, width) < LEAST_PX:
        raise Unreadable(f"{width} x {height} px, less than {LEAST_PX} at a side")
    if height * width > MOST_PX:
        raise Unreadable(f"more than {MOST_PX:,} pixels")


def _upright(image: Image.Image) -> Picture:
    notes = []
    if getattr(image, "is_animated", False) and image.format != OF_PHONES:
        notes.append("animated, its first frame taken")
    turned = image.getexif().get(EXIF_ORIENTATION, 1) in range(2, 9)
    image.load()
    colour, note = _colour(image)
    notes += [note] if note else []
    if turned:
        notes.append("turned as its EXIF says")
        upright = ImageOps.exif_transpose(image)
        colour = _colour(upright)[0]
    return Picture(colour, tuple(notes), turned)


def _colour(image: Image.Image) -> tuple[Image.Image, str]:
    """Red, green and blue, and how it came to them where that is worth telling."""
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        if np.asarray(clear.getchannel("A")).min() == 255:
            return clear.convert("RGB"), ""
        behind = Image.new("RGBA", clear.size, (*BACKGROUND, 255))
        return Image.alpha_composite(behind, clear).convert("RGB"), "transparent, laid on white"
    if image.mode.startswith("I"):  # 16 bits; PIL itself halves those of colour
        grey = np.asarray(image).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65535:
            raise Unreadable(f"values from {grey.min()} to {grey.max()}, not of 16 bits")
        narrow = Image.fromarray(((grey + 128) // 257).astype(np.uint8))
        return narrow.convert("RGB"), "16 bits, brought to 8"
    if image.mode == "CMYK":
        return image.convert("RGB"), "CMYK, brought to RGB without a colour profile"
    if image.mode in ("L", "1"):
        return image.convert("RGB"), "grey"
    return image.convert("RGB"), ""


def _short(text: str) -> str:
    return " ".join(text.split())[:80] or "nothing in it"
