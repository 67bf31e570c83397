"""Pictures that are equal, and pictures that are nearly so.

Nearly equal are two whose perceptual hashes differ in few of 64 bits and whose thumbnails differ
little: the hash alone takes faces that were aligned alike for one another. A picture that was
mirrored or cut otherwise is none of these.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8, UInt64
from PIL import Image
from scipy.fft import dctn

HASH_SIDE, HASH_KEPT = 32, 8  # pixels; the lowest frequencies that make the hash
MOST_BITS = 6  # that may differ
THUMB_SIDE, MOST_RMS = 8, 8.0  # pixels; root of the mean squared difference, of 255
AT_A_TIME = 256  # rows that are compared with all at once, for memory


def perceptual_hash(pixels: UInt8[np.ndarray, "h w 3"]) -> int:
    """64 bits: whether each low frequency of the grey picture is above their median.

    As the pHash of Zauner, "Implementation and benchmarking of perceptual image hash functions",
    2010, section 3.2, with the mean level among the frequencies and not in their median.
    """
    grey = Image.fromarray(pixels).convert("L").resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BOX)
    waves = np.asarray(dctn(np.asarray(grey, np.float64)))
    low = waves[:HASH_KEPT, :HASH_KEPT].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def thumbnail(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "t t 3"]:
    """The picture at a few pixels."""
    size = (THUMB_SIDE, THUMB_SIDE)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def near(
    ours: UInt64[np.ndarray, " n"],
    theirs: UInt64[np.ndarray, " m"],
    our_thumbs: UInt8[np.ndarray, "n k"],
    their_thumbs: UInt8[np.ndarray, "m k"],
) -> list[tuple[int, int]]:
    """Rows of ours and of theirs that are nearly equal, by our row."""
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(ours), AT_A_TIME):
        bits = np.bitwise_count(ours[start : start + AT_A_TIME, None] ^ theirs)
        for row, column in np.argwhere(bits <= MOST_BITS).tolist():
            gap = our_thumbs[start + row].astype(float) - their_thumbs[column]
            if np.sqrt((gap**2).mean()) <= MOST_RMS:
                pairs.append((start + row, column))
    return pairs


def first_of_each(hashes: Sequence[str]) -> list[int]:
    """For each the number of the first that is equal to it."""
    firsts: dict[str, int] = {}
    return [firsts.setdefault(one, number) for number, one in enumerate(hashes)]
