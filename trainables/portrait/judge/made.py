"""The images that a network makes for held-out portraits, drawn once: to be judged and be shown.

Shape letters: B portraits, H and W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from jaxtyping import Float
from torch import Tensor

from trainables.portrait.config import EvaluationConfig
from trainables.portrait.judge.asking import NOISE, Draw, asked_for, noise_of, only_text
from trainables.portrait.judge.edits import Edit, edits
from trainables.portrait.judge.manipulation import Edited, edited_images
from trainables.portrait.portraits import Portraits
from trainables.portrait.words import Words


@dataclass(frozen=True)
class Made:
    """Images of the first held-out portraits, in [0, 1].

    Attributes:
        recon: From all conditions.
        from_text: From the captions alone, where they are asked for.
        edits: The captions that can be edited; None where that is not asked for.
        edited: Images of those; None without any.
    """

    recon: Float[Tensor, "B 3 H W"]
    from_text: Float[Tensor, "B 3 H W"] | None = None
    edits: Sequence[Edit] | None = None
    edited: Edited | None = None

    def first(self, count: int) -> "Made":
        """So many of each, copied, so that the others can be let go."""
        of = self.edited
        return replace(
            self,
            recon=self.recon[:count].clone(),
            from_text=None if self.from_text is None else self.from_text[:count].clone(),
            edits=self.edits and self.edits[:count],
            edited=of and Edited(*(getattr(of, one.name)[:count].clone() for one in fields(of))),
        )


def made_for(truth: Portraits, draw: Draw, words: Words, asked: EvaluationConfig) -> Made:
    """All that is to be judged.

    Args:
        truth: The held-out portraits; the place of one among them is the key of its noise.
        draw: Draws images.
        words: Encodes edited captions.
        asked: What is told.
    """
    given, noise = asked_for(truth.conditions, asked.pose), noise_of(truth, NOISE)
    made = Made(draw(given, noise), draw(only_text(given), noise) if asked.from_text else None)
    if not asked.edits:
        return made
    found = edits(truth.captions[: asked.edits])
    images = edited_images(draw, given, truth, words, found) if found else None
    return replace(made, edits=found, edited=images)
