"""The pictures that a run offers: the first held-out portraits as judged, and edits of captions.

They are drawn from the noise of the evaluation, so that they show what was judged, and so that all
arms and seeds show the same portraits from the same noise.
Shape letters: B portraits, H and W pixels.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.portrait.config import EvaluationConfig
from trainables.portrait.judge.asking import (
    NOISE,
    Draw,
    Words,
    asked_for,
    noise_of,
    only_text,
    some,
    with_captions,
)
from trainables.portrait.judge.edits import edits
from trainables.portrait.judge.errors import pixels
from trainables.portrait.picture.grids import before_after, samples
from trainables.portrait.portraits import Portraits

SHOWN = 6  # portraits of a picture


def shown(draw: Draw, truth: Portraits, words: Words, asked: EvaluationConfig) -> dict[str, bytes]:
    """PNG by name: `samples`, and `edits` where a caption among the portraits has a word to change.

    Args:
        draw: Draws images.
        truth: The held-out portraits, of which the first are shown.
        words: Encodes edited captions.
        asked: What is judged.
    """
    few = truth.take(torch.arange(min(SHOWN, len(truth))))
    given, noise = asked_for(few.conditions, asked.pose), noise_of(few, NOISE)
    made = draw(given, noise)
    from_text = draw(only_text(given), noise) if asked.from_text else None
    pictures = {"samples": samples(pixels(few, made.device), made, from_text, few.captions)}
    if asked.edits:
        pictures |= _edits(draw, truth, words, asked)
    return pictures


def shown_control(made: Float[Tensor, "B 3 H W"], truth: Portraits) -> dict[str, bytes]:
    """The same of images that no network made."""
    count = min(SHOWN, len(truth))
    true = pixels(truth, made.device)
    return {"samples": samples(true[:count], made[:count], None, truth.captions[:count])}


def _edits(draw: Draw, truth: Portraits, words: Words, asked: EvaluationConfig) -> dict[str, bytes]:
    found = edits(truth.captions[: asked.edits])[:SHOWN]
    if not found:
        return {}
    rows = torch.tensor([edit.row for edit in found])
    noise = noise_of(truth, NOISE)[rows]
    given = some(asked_for(truth.conditions, asked.pose), rows)
    before, after = (
        draw(with_captions(given, captions, words), noise)
        for captions in ([edit.before for edit in found], [edit.after for edit in found])
    )
    told = [edit.after for edit in found], [edit.change for edit in found]
    return {"edits": before_after(before, after, *told)}
