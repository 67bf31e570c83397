"""Portraits in rows, each with its caption below: what is true beside what was made, as PNG.

One column of portraits, so that the pictures of several arms fit beside each other; in each a
portrait has the same row, caption and noise. Pixels stay squares, and large images are made small.
The same input gives the same bytes. What is no number is red.
Shape letters: B portraits, H and W pixels.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO

import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

MOST_BYTES = 2**19  # of a picture, more than which no commit takes
_TILES = (96, 72, 48, 32)  # pixels of a side about which an image is shown, until it has few bytes
_GAP, _LINE, _FONT = 4, 14, 11  # pixels
_INK, _PALE, _PAPER = "#000000", "#666666", "#FFFFFF"
_RED = (1.0, 0.0, 0.0)
LOUDER = 4  # times a difference is shown

Columns = dict[str, Float[Tensor, "B 3 H W"]]


def samples(
    truth: Float[Tensor, "B 3 H W"],
    made: Float[Tensor, "B 3 H W"],
    from_text: Float[Tensor, "B 3 H W"] | None,
    captions: Sequence[str],
) -> bytes:
    """A PNG of portraits: the true one, one from all conditions, and one from the caption alone."""
    columns = {"true": truth, "made": made}
    if from_text is not None:
        columns["from text"] = from_text
    return grid(columns, captions)


def before_after(
    before: Float[Tensor, "B 3 H W"],
    after: Float[Tensor, "B 3 H W"],
    captions: Sequence[str],
    changes: Sequence[tuple[str, str]],
) -> bytes:
    """A PNG of edits: the image of the caption, that of the edited one, and their difference.

    The difference is grey where there is none.

    Args:
        before: Drawn from the captions.
        after: Drawn from the edited ones and the same noise.
        captions: Edited.
        changes: The words that were exchanged in each.
    """
    columns = {
        "before": before,
        "after": after,
        f"difference x{LOUDER}": (0.5 + LOUDER * (after - before)).clamp(0, 1),
    }
    told = [f"{old} > {new}: {c}" for c, (old, new) in zip(captions, changes, strict=True)]
    return grid(columns, told)


def grid(columns: Columns, captions: Sequence[str]) -> bytes:
    """A PNG with a row for each caption and a column for each name.

    Raises:
        ValueError: When there is no image, or not one of each column for each caption.
    """
    counts = {name: len(images) for name, images in columns.items()}
    if not captions or set(counts.values()) != {len(captions)}:
        raise ValueError(
            f"pictures: each column must have an image for each of {len(captions)} captions, and "
            f"one at least, got {counts}"
        )
    png = b""
    for tile in _TILES:
        shown = [list(_tiles(images, tile)) for images in columns.values()]
        png = _png(_page(shown, list(columns), captions))
        if len(png) <= MOST_BYTES:
            break
    return png


def _page(
    columns: Sequence[Sequence[Image.Image]], heads: Sequence[str], captions: Sequence[str]
) -> Image.Image:
    width, height = columns[0][0].size
    across = max(len(columns) * (width + _GAP) + _GAP, 200)
    font = _font()
    words = [list(_wrapped(caption, font, across - 2 * _GAP)) for caption in captions]
    down = _LINE + _GAP + sum(height + _LINE * len(lines) + 3 * _GAP for lines in words)
    page = Image.new("RGB", (across, down), _PAPER)
    pen = ImageDraw.Draw(page)
    for column, head in enumerate(heads):
        pen.text((_GAP + column * (width + _GAP), _GAP // 2), head, _PALE, font)
    top = _LINE + _GAP
    for row, lines in enumerate(words):
        for column, images in enumerate(columns):
            page.paste(images[row], (_GAP + column * (width + _GAP), top))
        for number, line in enumerate(lines):
            pen.text((_GAP, top + height + 2 + number * _LINE), line, _INK, font)
        top += height + _LINE * len(lines) + 3 * _GAP
    return page


def _tiles(images: Float[Tensor, "B 3 H W"], tile: int) -> Iterator[Image.Image]:
    """Each as so many pixels about: squares for pixels, or made small."""
    red = images.new_tensor(_RED)[:, None, None]
    known = images.isfinite().all(1, keepdim=True)
    shown = (torch.where(known, images, red).clamp(0, 1) * 255).round().to(torch.uint8)
    larger = max(images.shape[2:])
    for image in shown.permute(0, 2, 3, 1).cpu().numpy():
        whole = Image.fromarray(image)
        if larger <= tile:
            times = round(tile / larger)
            yield whole.resize(
                (whole.width * times, whole.height * times), Image.Resampling.NEAREST
            )
        else:
            whole.thumbnail((tile, tile), Image.Resampling.BOX)
            yield whole


def _wrapped(caption: str, font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    """Its words in lines of so many pixels; a word that is longer has a line of its own."""
    line = ""
    for word in caption.split() or ["(no caption)"]:
        longer = f"{line} {word}".lstrip()
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line


def _font() -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", _FONT)


def _png(page: Image.Image) -> bytes:
    target = BytesIO()
    page.save(target, "PNG", optimize=True)
    return target.getvalue()
