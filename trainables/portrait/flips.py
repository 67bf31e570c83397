"""Portraits in a mirror: what turns with the pixels, and what is left behind where that is asked.

The sides of joints and of captions are the sitter's, and the viewer's: both change in a mirror. A
flip that is "naive" leaves joints and captions where they were, which is how a flip teaches that
left is right. The features of a mirrored picture are taken to be those of the picture, mirrored.
Shape letters: B portraits, H and W pixels.
"""

import re
from dataclasses import replace

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from trainables.portrait.network.conditions import grid_of
from trainables.portrait.portraits import JOINTS, Conditions, Portraits
from trainables.portrait.words import Words

_SIDES = {"left": "right", "right": "left"}


class Mirrored:
    """The training portraits as a mirror shows them."""

    def __init__(self, train: Portraits, words: Words | None):
        """With `words` captions and joints go along; without, they stay.

        Raises:
            ValueError: When the joints are not those whose sides are known.
        """
        self.sides = train.images.shape[-2], train.images.shape[-1]
        self.along = words is not None
        if words is None:
            return
        joints = train.conditions.pose.shape[1]
        if joints != len(JOINTS):
            raise ValueError(
                f"portraits.flip 'remapped' needs the {len(JOINTS)} joints of drawn portraits, got "
                f"{joints}; take 'none'"
            )
        self._order = torch.tensor([JOINTS.index(mirrored_words(name)) for name in JOINTS])
        self._text, self._mask = train.conditions.text, train.conditions.text_mask
        captions = [mirrored_words(caption) for caption in train.captions]
        turned = [i for i, own in enumerate(train.captions) if captions[i] != own]
        if turned:
            self._text, self._mask = self._text.clone(), self._mask.clone()
            self._text[turned], self._mask[turned] = words.encode([captions[i] for i in turned])

    def where(
        self,
        turned: Bool[Tensor, " B"],
        rows: Int64[Tensor, " B"],
        images: UInt8[Tensor, "B 3 H W"],
        parts: UInt8[Tensor, "B H W"],
        conditions: Conditions,
    ) -> tuple[Tensor, Tensor, Conditions]:
        """Images, parts and conditions of these rows, mirrored where that is so."""
        patches = conditions.patches.unflatten(1, grid_of(conditions.patches.shape[1], self.sides))
        mirror = replace(conditions, patches=patches.flip(2).flatten(1, 2))
        if self.along:
            pose = conditions.pose[:, self._order]
            there = torch.stack((1 - pose[..., 0], pose[..., 1], pose[..., 2]), -1)
            mirror = replace(mirror, pose=there).with_text(self._text[rows], self._mask[rows])
        return (
            _chosen(turned, images.flip(-1), images),
            _chosen(turned, parts.flip(-1), parts),
            Conditions(
                text=_chosen(turned, mirror.text, conditions.text),
                text_mask=_chosen(turned, mirror.text_mask, conditions.text_mask),
                whole=conditions.whole,
                patches=_chosen(turned, mirror.patches, conditions.patches),
                pose=_chosen(turned, mirror.pose, conditions.pose),
            ),
        )


def mirrored_words(text: str) -> str:
    """The text with left and right in each other's place."""
    return re.sub(r"\b(left|right)\b", lambda found: _SIDES[found[0]], text)


def _chosen(turned: Tensor, mirror: Tensor, own: Tensor) -> Tensor:
    return torch.where(turned.view(-1, *[1] * (own.ndim - 1)), mirror, own)
