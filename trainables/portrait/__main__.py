"""Draws portraits by the network of a kept cell, before and after an edit of the caption.

    python -m trainables.portrait runs/NAME/cells/KEY
    python -m trainables.portrait runs/NAME/cells/KEY --caption "a young woman" --edit young=mature

With a caption, portraits are drawn from it alone, each from noise of its own. Without one, held-out
portraits are drawn from all that is known of them. Without an edit the first pair of
`judge/edits.py` that has a word in the caption is exchanged, "dark" before "young". The noise is
the same before and after. No more portraits are drawn than the cell is judged by.
"""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from trainables.portrait.judge.asking import (
    NOISE,
    asked_for,
    noise_of,
    only_text,
    some,
    with_captions,
)
from trainables.portrait.judge.edits import PAIRS, edited
from trainables.portrait.kept import kept_run
from trainables.portrait.picture.grids import before_after
from trainables.portrait.portrait import PortraitRun

SHOWN = 6  # portraits, unless told otherwise


class Change(NamedTuple):
    """A caption as it was and as it became, and the words that were exchanged."""

    before: str
    after: str
    words: tuple[str, str]


def main(arguments: list[str] | None = None) -> int:
    """Writes the picture; 1 and a line on stderr where that cannot be done."""
    options = _options(arguments)
    try:
        run = kept_run(options.cell, options.data)
        options.picture.write_bytes(drawn(run, options))
    except (OSError, ValueError, RuntimeError) as error:
        print(f"trainables.portrait: {error}", file=sys.stderr)
        return 1
    print(f"picture: {options.picture}, by the weights of step {run.step}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m trainables.portrait",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cell", type=Path, help="folder of a cell that kept its weights")
    parser.add_argument("--caption", help="what to draw; held-out portraits otherwise")
    parser.add_argument("--edit", type=_pair, metavar="OLD=NEW", help="words of a caption")
    parser.add_argument("--count", type=_count, default=SHOWN, help=f"portraits (default: {SHOWN})")
    parser.add_argument(
        "--sampler",
        choices=("none", "dual", "self"),
        help="how to draw (default: as the cell does)",
    )
    parser.add_argument(
        "--data", default="", help="prepared data (default: where the plan has them)"
    )
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("portraits.png"),
        help="PNG to write (default: portraits.png)",
    )
    return parser.parse_args(arguments)


@torch.no_grad()
def drawn(run: PortraitRun, options: argparse.Namespace) -> bytes:
    """A PNG of portraits before and after an edit."""
    truth = run.evaluation.truth(run.done())
    captions = [options.caption] * options.count if options.caption else truth.captions
    found = {
        row: change
        for row, caption in enumerate(captions[: len(truth)])
        if (change := changed(caption, options.edit))
    }
    rows = torch.tensor(list(found)[: options.count], dtype=torch.int64)
    changes = [found[row] for row in rows.tolist()]
    if not changes:
        words = options.edit[0] if options.edit else ", ".join(old for old, _ in PAIRS)
        told = repr(options.caption) if options.caption else f"{len(captions)} captions without"
        raise ValueError(f"edit: a caption must have one of its words ({words}), got {told}")
    given = some(asked_for(truth.conditions, run.cfg.evaluation.pose), rows.to(run.device))
    if options.caption:
        given = only_text(given)
    noise, words = noise_of(truth, NOISE)[rows.to(run.device)], run.data.words
    asked = run.cfg.sample
    draw = run.evaluation.sampler.drawing(
        replace(asked, sampler=options.sampler) if options.sampler else asked
    )
    before, after = (
        draw(with_captions(given, texts, words), noise)
        for texts in ([c.before for c in changes], [c.after for c in changes])
    )
    return before_after(before, after, [c.after for c in changes], [c.words for c in changes])


def changed(caption: str, pair: tuple[str, str] | None) -> Change | None:
    """The caption under an exchange of words, or the first that it has a word for; None without."""
    if pair is None:
        edit = edited(caption)
        return Change(caption, *edit) if edit else None
    after = re.sub(rf"\b{re.escape(pair[0])}\b", lambda _: pair[1], caption)
    return Change(caption, after, pair) if after != caption else None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text!r}")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old.strip() and equals):
        raise argparse.ArgumentTypeError(f"must be OLD=NEW, got {text!r}")
    return old.strip(), new.strip()


if __name__ == "__main__":
    raise SystemExit(main())
