"""How far an edited caption moves an image, and how far what else as run came with it.

As run an edited image was drawn from other noise than the first one, and its caption was encoded
anew, so that the difference had three causes. They are told apart: `paired` is the word alone,
`new_noise` the noise alone, `encoder` the encoding alone, and `as_run` all of them.
Of these differences nothing is true, so that neither direction is better.
Shape letters: B portraits, H and W pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.portrait.judge.asking import (
    NOISE,
    OTHER_NOISE,
    Draw,
    noise_of,
    some,
    with_captions,
)
from trainables.portrait.judge.edits import Edit
from trainables.portrait.judge.nearness import Distance, image_scores
from trainables.portrait.network.given import Given
from trainables.portrait.portraits import Portraits
from trainables.portrait.words import Words

Pairs = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Edited:
    """Images before and after an edit, from their noise and from other noise, B 3 H W each.

    Attributes:
        stored: From the states that came with the portraits.
        before: From those of the same caption, encoded anew.
        after: From those of the edited caption.
        stored_anew: As `stored`, from other noise.
        after_anew: As `after`, from other noise.
    """

    stored: Tensor
    before: Tensor
    after: Tensor
    stored_anew: Tensor
    after_anew: Tensor

    @property
    def pairs(self) -> Pairs:
        """What each cause of a difference makes of what."""
        return {
            "paired": (self.before, self.after),
            "as_run": (self.stored, self.after_anew),
            "new_noise": (self.stored, self.stored_anew),
            "encoder": (self.stored, self.before),
        }


def edit_scores(edited: Edited, perceptual: Mapping[str, Distance]) -> dict[str, float]:
    """How far images move, by each cause.

    Args:
        edited: The images.
        perceptual: LPIPS by its kind.
    """
    values = {}
    for name, pair in edited.pairs.items():
        told = image_scores(*pair, perceptual, "manip")
        del told["val/manip_mse"]
        values |= {f"{key}@{name}": value for key, value in told.items()}
    return values


def edited_images(
    draw: Draw, given: Given, truth: Portraits, words: Words, found: Sequence[Edit]
) -> Edited:
    """The portraits of edits, drawn in each way."""
    rows = torch.tensor([edit.row for edit in found])
    noise, other = (noise_of(truth, purpose)[rows] for purpose in (NOISE, OTHER_NOISE))
    given = some(given, rows)
    before = with_captions(given, [edit.before for edit in found], words)
    after = with_captions(given, [edit.after for edit in found], words)
    stored = draw(given, noise)
    return Edited(
        stored=stored,
        before=stored if _same_text(given, before) else draw(before, noise),
        after=draw(after, noise),
        stored_anew=draw(given, other),
        after_anew=draw(after, other),
    )


def _same_text(one: Given, other: Given) -> bool:
    """To the bit, so that the same would be drawn."""
    mine, theirs = one.conditions, other.conditions
    return torch.equal(mine.text, theirs.text) and torch.equal(mine.text_mask, theirs.text_mask)
