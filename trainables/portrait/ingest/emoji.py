"""Emoji of people as a folder of captioned pictures: real ones that a machine may have already.

`python -m trainables.portrait.ingest.emoji DIR` paints each with its name as its caption; the
skin tones of one stand in one folder, so that they stay on one side of a split. On Debian the font
and the list come with `apt-get install fonts-noto-color-emoji unicode-data`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
LIST = Path("/usr/share/unicode/emoji/emoji-test.txt")
PACKAGES = "apt-get install fonts-noto-color-emoji unicode-data"
FONT_SIZE, SIDE = 109, 136  # the one that the font's bitmaps are of, and their pixels
SUBGROUPS = {"person", "person-gesture", "person-role", "person-fantasy"}
LINE = re.compile(r"(?P<codes>[0-9A-F ]+); fully-qualified +# \S+ E\d+\.\d+ (?P<name>.+)")
TONE = re.compile(r"(?:, )?[a-z-]+ skin tone(?:, )?")


def people(told: str) -> Iterator[tuple[str, str]]:
    """Characters and name of each emoji of a person, of the text of Unicode's list."""
    subgroup = ""
    for line in told.splitlines():
        if line.startswith("# subgroup: "):
            subgroup = line.removeprefix("# subgroup: ")
        elif subgroup in SUBGROUPS and (found := LINE.fullmatch(line)):
            yield "".join(chr(int(code, 16)) for code in found["codes"].split()), found["name"]


def base(name: str) -> str:
    """The name without its skin tone."""
    return TONE.sub("", name).strip(": ")


def paint_people(to: Path) -> int:
    """Writes a picture and a caption for each that the font can draw; gives back how many.

    Raises:
        ValueError: The font, the list, or what joins characters to one emoji is missing.
    """
    if not (FONT.is_file() and LIST.is_file() and features.check("raqm")):
        raise ValueError(
            f"emoji must have {FONT.name}, {LIST.name} and Pillow with raqm, and one is missing; "
            f"on Debian run `{PACKAGES}`"
        )
    font = ImageFont.truetype(str(FONT), FONT_SIZE, layout_engine=ImageFont.Layout.RAQM)
    count = 0
    for text, name in people(LIST.read_text(encoding="utf-8")):
        if font.getlength(text) > 1.5 * SIDE:  # drawn as several, since the font has no such one
            continue
        image = Image.new("RGBA", (SIDE, SIDE))
        draw = ImageDraw.Draw(image)
        draw.text((SIDE / 2, SIDE / 2), text, font=font, anchor="mm", embedded_color=True)
        path = to / _plain(base(name)) / f"{_plain(name)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        path.with_suffix(".txt").write_text(name)
        count += 1
    return count


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name)


def main(arguments: list[str]) -> int:
    """Paints them into the folder that is named; gives back the exit status."""
    if len(arguments) != 1:
        print(f"emoji: one folder must be named, got {len(arguments)}", file=sys.stderr)
        return 2
    try:
        print(f"{paint_people(Path(arguments[0]))} pictures in {arguments[0]}")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
